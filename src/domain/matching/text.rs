//! String preparation (RFC 4518): mapping, case folding, insignificant characters.
//!
//! A normal form has no leading and no trailing space and one space for every run inside, where RFC 4518
//! writes one at each end and two inside: the same decision in fewer bytes. Case is folded by Unicode's simple
//! lower-casing; compatibility normalisation (NFKC) is left out, so text composed in two ways stays two values.

use super::InvalidValue;

/// Whether letters of different case are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They are.
    Ignore,
    /// They are not.
    Exact,
}

/// How text is folded: its case, and the ASCII characters that do not count at all.
#[derive(Clone, Copy, Debug)]
pub struct Fold {
    /// Whether case counts.
    pub case: Case,
    /// Characters that are dropped.
    pub dropped: &'static [u8],
}

/// What RFC 4518 section 2.2 makes of a character.
#[derive(PartialEq, Eq)]
enum Mapped {
    Nothing,
    Space,
    Itself,
}

/// Appends the normal form of UTF-8 text. Errors: not UTF-8.
pub fn normalize(value: &[u8], case: Case, out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    fold_into(value, Fold { case, dropped: b"" }, out)
}

/// As [`normalize`], without the characters of `dropped`.
pub fn normalize_without(
    value: &[u8],
    case: Case,
    dropped: &'static [u8],
    out: &mut Vec<u8>,
) -> Result<(), InvalidValue> {
    fold_into(value, Fold { case, dropped }, out)
}

/// Appends the normal form of a postal address: its lines, case ignored, a line feed between them.
pub fn normalize_list(value: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    for (at, line) in value.split(|byte| *byte == b'$').enumerate() {
        if at > 0 {
            out.push(b'\n');
        }
        normalize(&unescape_line(line), Case::Ignore, out)?;
    }
    Ok(())
}

/// RFC 4517 section 3.3.28: `\24` is `$` and `\5C` is `\` in a line of a postal address.
fn unescape_line(line: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&first, after)) = rest.split_first() {
        (rest, _) = match rest.get(..3) {
            Some(b"\\24") => (&rest[3..], plain.push(b'$')),
            Some(b"\\5c" | b"\\5C") => (&rest[3..], plain.push(b'\\')),
            _ => (after, plain.push(first)),
        };
    }
    plain
}

/// Appends the folded form of UTF-8 text. Errors: not UTF-8.
pub(super) fn fold_into(value: &[u8], fold: Fold, out: &mut Vec<u8>) -> Result<(), InvalidValue> {
    if value.is_ascii() {
        out.extend(fold.ascii(value));
        return Ok(());
    }
    let start = out.len();
    let mut spaced = false;
    for character in std::str::from_utf8(value).map_err(|_| InvalidValue)?.chars() {
        match map(character) {
            Mapped::Nothing => {}
            Mapped::Space => spaced = true,
            Mapped::Itself if fold.drops(character) => {}
            Mapped::Itself => {
                if std::mem::take(&mut spaced) && out.len() > start && !fold.drops(' ') {
                    out.push(b' ');
                }
                push(character, fold.case, out);
            }
        }
    }
    Ok(())
}

fn push(character: char, case: Case, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    match case {
        Case::Exact => out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()),
        Case::Ignore => {
            for lower in character.to_lowercase() {
                out.extend_from_slice(lower.encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
}

/// Whether the first and the last character of a substring are spaces (RFC 4518 section 2.6.1).
pub(super) fn edges(value: &[u8]) -> (bool, bool) {
    let text = String::from_utf8_lossy(value);
    let mut kept = text.chars().map(map).filter(|mapped| *mapped != Mapped::Nothing);
    let first = kept.next();
    let last = kept.next_back();
    let is_space = |mapped: &Option<Mapped>| *mapped == Some(Mapped::Space);
    (
        is_space(&first),
        is_space(if last.is_some() { &last } else { &first }),
    )
}

impl Fold {
    /// The folded form of ASCII text, byte by byte.
    pub fn ascii<'a>(&self, value: &'a [u8]) -> AsciiFold<'a> {
        AsciiFold {
            rest: value,
            fold: *self,
            started: false,
        }
    }

    fn drops(&self, character: char) -> bool {
        character.is_ascii() && self.dropped.contains(&(character as u8))
    }
}

/// The folded form of ASCII text, byte by byte.
#[derive(Clone, Debug)]
pub struct AsciiFold<'a> {
    rest: &'a [u8],
    fold: Fold,
    started: bool,
}

impl Iterator for AsciiFold<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let mut spaced = false;
        loop {
            let (&byte, after) = self.rest.split_first()?;
            match byte {
                b' ' | b'\t'..=b'\r' => spaced = self.started,
                0..=0x1f | 0x7f => {}
                _ if self.fold.dropped.contains(&byte) => {}
                _ if spaced && !self.fold.dropped.contains(&b' ') => return Some(b' '),
                _ => {
                    self.rest = after;
                    self.started = true;
                    return Some(match self.fold.case {
                        Case::Ignore => byte.to_ascii_lowercase(),
                        Case::Exact => byte,
                    });
                }
            }
            self.rest = after;
        }
    }
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

    fn folded(value: &str, case: Case) -> String {
        let mut out = Vec::new();
        normalize(value.as_bytes(), case, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn spaces_are_compacted_and_case_is_folded() {
        for (value, ignored, exact) in [
            ("  Ada \t Lovelace ", "ada lovelace", "Ada Lovelace"),
            ("   ", "", ""),
            ("ÅSA\u{a0}\u{3000}Öberg", "åsa öberg", "ÅSA Öberg"),
            ("a\u{ad}b\u{200b}", "ab", "ab"),
            ("a\0b", "ab", "ab"),
        ] {
            assert_eq!(folded(value, Case::Ignore), ignored);
            assert_eq!(folded(value, Case::Exact), exact);
        }
    }

    #[test]
    fn what_is_not_utf_8_is_refused() {
        assert_eq!(
            normalize(b"\xff", Case::Exact, &mut Vec::new()),
            Err(InvalidValue)
        );
    }

    #[test]
    fn lines_of_an_address_stay_apart() {
        let mut out = Vec::new();
        normalize_list(b"1  Main St$Town \\24 \\5C", &mut out).unwrap();
        assert_eq!(out, b"1 main st\ntown $ \\");
    }

    #[test]
    fn numbers_lose_what_only_separates() {
        let mut out = Vec::new();
        normalize_without(b"+852 3917-0000 EXT", Case::Ignore, b" -", &mut out).unwrap();
        assert_eq!(out, b"+85239170000ext");
    }

    proptest! {
        #[test]
        fn folding_agrees_with_splitting_into_words(value in "[ a-zA-ZäÄßΣ\u{a0}\t]{0,20}") {
            let words = value.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty());
            let lower: Vec<String> = words.map(|word| word.chars().flat_map(char::to_lowercase).collect()).collect();
            prop_assert_eq!(folded(&value, Case::Ignore), lower.join(" "));
        }

        #[test]
        fn a_normal_form_is_its_own_normal_form(value in any::<String>()) {
            let once = folded(&value, Case::Ignore);
            prop_assert_eq!(folded(&once, Case::Ignore), once);
        }
    }
}
