//! Substring assertions (RFC 4517 section 3.3.30) on normal forms.

use super::{Form, InvalidValue, MatchingRule, text};
use crate::domain::schema::Schema;

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
        schema: &Schema,
        rule: &MatchingRule,
        initial: Option<&[u8]>,
        any: &[&[u8]],
        last: Option<&[u8]>,
    ) -> Result<Pieces, InvalidValue> {
        let piece = |value: &[u8]| Piece::new(schema, rule, value);
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
    fn new(schema: &Schema, rule: &MatchingRule, value: &[u8]) -> Result<Piece, InvalidValue> {
        let mut normal = Vec::with_capacity(value.len());
        rule.normalize(schema, value, &mut normal)?;
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
