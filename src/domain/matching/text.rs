//! String preparation (RFC 4518): ASCII at once, other text by way of `prepare`, then insignificant characters.
//!
//! A normal form has no leading and no trailing space and one space for every run inside, where RFC 4518
//! writes one at each end and two inside: the same decision in fewer bytes.

use unicode_normalization::char::is_combining_mark;

use super::InvalidValue;
use super::prepare::prepare;

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
    if fold.dropped.is_empty() && value.iter().all(u8::is_ascii_graphic) {
        // Most names and values: nothing to leave out.
        let start = out.len();
        out.extend_from_slice(value);
        if let (Case::Ignore, Some(added)) = (fold.case, out.get_mut(start..)) {
            added.make_ascii_lowercase();
        }
        return Ok(());
    }
    if value.is_ascii() {
        out.extend(fold.ascii(value));
        return Ok(());
    }
    let text = std::str::from_utf8(value).map_err(|_| InvalidValue)?;
    push_significant(&prepare(text, fold.case), fold, out);
    Ok(())
}

/// Appends what is significant of prepared text (RFC 4518 section 2.6).
fn push_significant(prepared: &str, fold: Fold, out: &mut Vec<u8>) {
    let start = out.len();
    let mut spaced = false;
    let mut rest = prepared.chars();
    while let Some(character) = rest.next() {
        if is_space(character, rest.clone().next()) {
            spaced = true;
        } else if !fold.drops(character) {
            if std::mem::take(&mut spaced) && out.len() > start && !fold.drops(' ') {
                out.push(b' ');
            }
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// A space is none if a combining mark stands on it (RFC 4518 section 2.6.1).
fn is_space(character: char, next: Option<char>) -> bool {
    character == ' ' && !next.is_some_and(is_combining_mark)
}

/// Whether the first and the last character of a substring are spaces (RFC 4518 section 2.6.1).
pub(super) fn edges(value: &[u8]) -> (bool, bool) {
    let prepared = prepare(&String::from_utf8_lossy(value), Case::Exact);
    let mut characters = prepared.chars();
    let first = characters.next();
    (
        first.is_some_and(|first| is_space(first, characters.next())),
        prepared.ends_with(' '),
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
            ("e\u{301}\u{ff21} \u{fb01}\u{3000}", "éa fi", "éA fi"),
            (
                "a  \u{308} b\u{a8}",
                "a  \u{308} b \u{308}",
                "a  \u{308} b \u{308}",
            ),
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
            prop_assert_eq!(folded(&value, Case::Ignore), lower.join(" ").replace('ß', "ss"));
        }

        #[test]
        fn a_normal_form_is_its_own_normal_form(value in any::<String>()) {
            let once = folded(&value, Case::Ignore);
            prop_assert_eq!(folded(&once, Case::Ignore), once);
        }
    }
}
