//! String preparation beyond ASCII (RFC 4518 sections 2.2 to 2.4): mapping, case folding, normalization.
//!
//! Case is folded by Unicode's full mappings, then Normalization Form KC is made. Where a letter of a further case
//! comes out of that (`℡` is `TEL`), both are done once more, which is what table B.2 of RFC 3454 comes to:
//! every code point of its Unicode 3.2 was compared.
//!
//! Nothing is prohibited (section 2.4): the code points that Unicode 3.2 did not know are many a Chinese name's,
//! and a value that is there all the same had better be found.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

use super::text::Case;

/// What RFC 4518 section 2.2 makes of a character, apart from its case.
enum Mapped {
    Nothing,
    Space,
    Itself,
}

/// The prepared form of `text`, in which insignificant spaces still are; every space is U+0020.
pub(super) fn prepare(text: &str, case: Case) -> String {
    let mut mapped = String::with_capacity(text.len());
    for character in text.chars() {
        match map(character) {
            Mapped::Nothing => {}
            Mapped::Space => mapped.push(' '),
            Mapped::Itself => push(character, case, &mut mapped),
        }
    }
    if mapped.chars().all(is_plain) || is_nfkc_quick(mapped.chars()) == IsNormalized::Yes {
        return mapped;
    }
    let normal: String = mapped.nfkc().collect();
    match case {
        Case::Exact => normal,
        Case::Ignore => normal.chars().flat_map(folded).nfkc().collect(),
    }
}

fn push(character: char, case: Case, out: &mut String) {
    match case {
        Case::Exact => out.push(character),
        Case::Ignore if is_plain(character) => out.push(character.to_ascii_lowercase()),
        Case::Ignore => out.extend(folded(character)),
    }
}

/// ASCII, and the ideographs that Chinese names are written in: normalized as they are, and of no case beyond ASCII's.
/// The tables say the same and take ten times as long.
fn is_plain(character: char) -> bool {
    character.is_ascii() || ('\u{4e00}'..='\u{9fff}').contains(&character)
}

/// Lower case of upper case, so that `ß` is `ss` and `ς` is `σ`; of lower case, for the capital of `ß`.
fn folded(character: char) -> impl Iterator<Item = char> {
    let upper = character.to_lowercase().flat_map(upper);
    upper.flat_map(char::to_lowercase)
}

/// The upper case; but the dotless `ı`, whose capital is that of `i`, is no form of it (RFC 3454 table B.2).
fn upper(lower: char) -> impl Iterator<Item = char> {
    let itself = (lower == 'ı').then_some(lower);
    let changed = itself.is_none().then(|| lower.to_uppercase());
    itself.into_iter().chain(changed.into_iter().flatten())
}

/// RFC 4518 section 2.2.
fn map(character: char) -> Mapped {
    match character {
        ' ' | '\t'..='\r' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' => Mapped::Space,
        '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Mapped::Space,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{6dd}' | '\u{70f}' => {
            Mapped::Nothing
        }
        '\u{1806}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => {
            Mapped::Nothing
        }
        '\u{2060}'..='\u{2063}' | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' => Mapped::Nothing,
        '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' => Mapped::Nothing,
        '\u{e0001}' | '\u{e0020}'..='\u{e007f}' => Mapped::Nothing,
        _ => Mapped::Itself,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(a: &str, b: &str, case: Case) {
        assert_eq!(prepare(a, case), prepare(b, case), "{a} {b}");
    }

    fn different(a: &str, b: &str, case: Case) {
        assert_ne!(prepare(a, case), prepare(b, case), "{a} {b}");
    }

    #[test]
    fn text_that_is_written_in_two_ways_is_one() {
        for (a, b) in [
            ("e\u{301}", "\u{e9}"),
            ("\u{ff21}\u{ff44}\u{ff41}\u{3000}\u{ff11}", "Ada 1"),
            ("\u{fb01}n", "fin"),
            ("\u{f900}", "\u{8c48}"),
            ("\u{ff76}\u{ff9e}", "\u{30ac}"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            ("\u{2121}", "TEL"),
        ] {
            same(a, b, Case::Exact);
            same(a, b, Case::Ignore);
        }
        different("\u{e9}", "e", Case::Ignore);
        different("陳", "陈", Case::Ignore);
    }

    #[test]
    fn letters_of_any_case_are_one_if_case_is_ignored() {
        for (a, b) in [
            ("ÅSA", "åsa"),
            ("Straße", "STRASSE"),
            ("STRA\u{1e9e}E", "strasse"),
            ("ΟΔΟΣ", "οδος"),
            ("οδος", "οδοσ"),
            ("\u{2121}", "tel"),
            ("\u{212a}", "k"),
            ("İ", "i\u{307}"),
            ("\u{ff21}", "a"),
            ("\u{fb03}", "FFI"),
            ("\u{10d0}", "\u{1c90}"),
        ] {
            same(a, b, Case::Ignore);
            different(a, b, Case::Exact);
        }
        different("ı", "i", Case::Ignore);
    }

    #[test]
    fn plain_characters_are_what_the_tables_say() {
        for character in ('\0'..=char::MAX).filter(|character| is_plain(*character)) {
            let lower = character.to_ascii_lowercase().to_string();
            assert!(folded(character).eq(lower.chars()) && lower.nfkc().eq(lower.chars()));
        }
    }

    proptest! {
        #[test]
        fn a_prepared_form_is_its_own(text in any::<String>()) {
            for case in [Case::Exact, Case::Ignore] {
                let once = prepare(&text, case);
                prop_assert_eq!(prepare(&once, case), once);
            }
        }

        // Letters with an iota below excepted: it is folded to a letter before marks are put in order.
        #[test]
        fn canonically_equivalent_text_is_the_same(text in "[a-zA-ZÀ-ſΑ-ω\u{1f00}-\u{1f7d}ぁ-ヿ가-힣\u{300}-\u{308}]{0,8}") {
            let decomposed: String = text.nfd().collect();
            let composed: String = text.nfc().collect();
            prop_assert_eq!(prepare(&decomposed, Case::Exact), prepare(&composed, Case::Exact));
            prop_assert_eq!(prepare(&decomposed, Case::Ignore), prepare(&composed, Case::Ignore));
        }
    }
}
