//! Substring assertions (RFC 4517 section 3.3.30) on normal forms.

use super::{Form, InvalidValue, MatchingRule, Names, text};

/// The pieces of `(cn=initial*any*last)` in normal form.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Pieces {
    /// What a value begins with.
    pub initial: Option<Piece>,
    /// What follows, in this order, without overlap.
    pub any: Vec<Piece>,
    /// What a value ends with.
    pub last: Option<Piece>,
}

/// One piece of a substring assertion, without the spaces at its edges.
///
/// RFC 4518 section 2.6.1 keeps one space at an edge of a piece where one or more were written. On a normal form
/// that says: here a word begins, or ends; an end of the value counts as such a place too.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Piece {
    /// The bytes to be found in a value's normal form. Empty for a piece of spaces, which every value contains.
    pub text: Box<[u8]>,
    /// Whether a word must begin where the piece begins.
    pub after_space: bool,
    /// Whether a word must end where the piece ends.
    pub before_space: bool,
}

impl Pieces {
    /// The pieces in the normal form of a substrings rule. Errors: a piece that is not text, and one of which
    /// nothing is left, such as a hyphen of a telephone number.
    pub fn new(
        names: &dyn Names,
        rule: &MatchingRule,
        initial: Option<&[u8]>,
        any: &[&[u8]],
        last: Option<&[u8]>,
    ) -> Result<Pieces, InvalidValue> {
        let piece = |value: &[u8]| Piece::new(names, rule, value);
        let mut pieces = Pieces {
            initial: initial.map(piece).transpose()?,
            any: any.iter().map(|value| piece(value)).collect::<Result<_, _>>()?,
            last: last.map(piece).transpose()?,
        };
        // Spaces at the ends of the whole assertion are insignificant.
        pieces
            .initial
            .iter_mut()
            .for_each(|piece| piece.after_space = false);
        pieces
            .last
            .iter_mut()
            .for_each(|piece| piece.before_space = false);
        Ok(pieces)
    }

    /// Whether a value with this normal form has the pieces.
    pub fn matches(&self, normal: &[u8]) -> bool {
        let mut from = 0;
        if let Some(initial) = &self.initial {
            if !initial.stands_at(normal, 0) {
                return false;
            }
            from = initial.text.len();
        }
        for piece in &self.any {
            match piece.find(normal, from) {
                Some(at) => from = at + piece.text.len(),
                None => return false,
            }
        }
        self.last.as_ref().is_none_or(|last| {
            normal
                .len()
                .checked_sub(last.text.len())
                .is_some_and(|at| at >= from && last.stands_at(normal, at))
        })
    }

    /// All pieces in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Piece> {
        self.initial.iter().chain(&self.any).chain(&self.last)
    }
}

impl Piece {
    fn new(names: &dyn Names, rule: &MatchingRule, value: &[u8]) -> Result<Piece, InvalidValue> {
        let mut normal = Vec::with_capacity(value.len());
        rule.normalize(names, value, &mut normal)?;
        let drops_spaces = matches!(rule.form, Form::Numeric | Form::Telephone);
        if drops_spaces && normal.is_empty() {
            return Err(InvalidValue);
        }
        let (first, last) = match normal.is_empty() || drops_spaces {
            true => (false, false),
            false => text::edges(value),
        };
        Ok(Piece {
            text: normal.into(),
            after_space: first,
            before_space: last,
        })
    }

    fn stands_at(&self, normal: &[u8], at: usize) -> bool {
        let end = at + self.text.len();
        let begins = !self.after_space || at == 0 || normal.get(at - 1) == Some(&b' ');
        let ends = !self.before_space || end == normal.len() || normal.get(end) == Some(&b' ');
        begins && ends && normal.get(at..end) == Some(&self.text)
    }

    fn find(&self, normal: &[u8], from: usize) -> Option<usize> {
        let last = normal.len().checked_sub(self.text.len())?;
        (from..=last).find(|at| self.stands_at(normal, *at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::schema::SCHEMA;

    /// RFC 4518 section 2.6.1 to the letter: one space at each end and two inside for a value; one at an edge of a
    /// piece that had any.
    fn prepared(text: &str, begins: bool, ends: bool) -> String {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return if text.is_empty() { "".into() } else { " ".into() };
        }
        let edge = |wanted: bool| if wanted { " " } else { "" };
        format!("{}{}{}", edge(begins), words.join("  "), edge(ends))
    }

    /// Whether the pieces stand in the value, by trying every way to place them.
    fn placed(value: &str, any: &[String], last: &str) -> bool {
        match any.split_first() {
            None => value.ends_with(last),
            Some((piece, rest)) => {
                let mut places = (0..=value.len()).filter(|at| value[*at..].starts_with(piece.as_str()));
                places.any(|at| placed(&value[at + piece.len()..], rest, last))
            }
        }
    }

    fn matches(value: &str, initial: &str, any: &[String], last: &str) -> bool {
        let schema = &*SCHEMA;
        let rule = MatchingRule::find(b"caseExactSubstringsMatch").unwrap();
        let some = |piece: &str| (!piece.is_empty()).then(|| piece.as_bytes().to_vec());
        let any: Vec<&[u8]> = any.iter().map(String::as_bytes).collect();
        let pieces = Pieces::new(
            schema,
            rule,
            some(initial).as_deref(),
            &any,
            some(last).as_deref(),
        )
        .unwrap();
        let mut normal = Vec::new();
        rule.normalize(schema, value.as_bytes(), &mut normal).unwrap();
        pieces.matches(&normal)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn substrings_agree_with_rfc_4518_to_the_letter(
            value in "[ab]( {0,2}[ab]){0,5} ?",
            initial in "([ab]( ?[ab]){0,2} ?)?",
            any in prop::collection::vec(" ?[ab]( ?[ab]){0,1} ?", 0..3),
            last in "( ?[ab]( ?[ab]){0,2})?",
        ) {
            let edges = |piece: &String| prepared(piece, piece.starts_with(' '), piece.ends_with(' '));
            let letter = prepared(&value, true, true);
            let pieces: Vec<String> = any.iter().map(edges).collect();
            let first = if initial.is_empty() { "".into() } else { prepared(&initial, true, initial.ends_with(' ')) };
            let end = if last.is_empty() { "".into() } else { prepared(&last, last.starts_with(' '), true) };
            let expected = letter.strip_prefix(&first).is_some_and(|rest| placed(rest, &pieces, &end));
            prop_assert_eq!(matches(&value, &initial, &any, &last), expected);
        }
    }

    #[test]
    fn pieces_do_not_overlap() {
        let any = |pieces: &[&str]| pieces.iter().map(|piece| piece.to_string()).collect::<Vec<_>>();
        assert!(matches("abab", "ab", &[], "ab") && !matches("aba", "ab", &[], "ba"));
        assert!(
            matches("aaa", "", &any(&["a", "a", "a"]), "") && !matches("aa", "", &any(&["a", "a", "a"]), "")
        );
        assert!(!matches("a", "ab", &[], "") && !matches("a", "", &[], "ba"));
    }
}
