//! Filters as text (RFC 4515), for configuration and tools.

use thiserror::Error;

use crate::domain::filter::{DnAttributes, FILTER_DEPTH_MAX, FILTER_ELEMENTS_MAX, Filter};
use crate::domain::schema::Schema;

/// What is wrong with a filter's text, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{fault} at byte {at}")]
pub struct FilterTextError {
    /// The byte, from 0.
    pub at: usize,
    /// What is wrong there.
    pub fault: FilterTextFault,
}

/// What can be wrong with a filter's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FilterTextFault {
    /// No `(` where a filter must begin.
    #[error("a filter begins with `(`, which is missing")]
    Open,
    /// No `)` where a filter must end.
    #[error("a filter ends with `)`, which is missing")]
    Close,
    /// No attribute description.
    #[error("an attribute name is missing")]
    Description,
    /// None of `=`, `>=`, `<=`, `~=`, `:=`.
    #[error("one of `=`, `>=`, `<=`, `~=`, `:=` is missing")]
    Operator,
    /// A `\` without two hexadecimal digits, or a `*` or `(` that is not escaped.
    #[error("a special character that is not escaped as `\\` and two hexadecimal digits")]
    Escape,
    /// Something behind the filter.
    #[error("text behind the end of the filter")]
    Trailing,
    /// Deeper than [`FILTER_DEPTH_MAX`].
    #[error("a filter of too many levels")]
    TooDeep,
    /// More elements than [`FILTER_ELEMENTS_MAX`].
    #[error("a filter of too many elements")]
    TooLong,
}

impl Filter {
    /// Parses RFC 4515 text; spaces between filters are taken, and one item may stand without parentheses.
    /// Names the schema does not know make [`Filter::Undefined`], no error. Errors: [`FilterTextError`].
    pub fn parse(schema: &Schema, text: &str) -> Result<Filter, FilterTextError> {
        let mut reader = Reader {
            schema,
            text: text.as_bytes(),
            at: 0,
            elements: 0,
        };
        reader.skip_spaces();
        let filter = match reader.peek() {
            Some(b'(') => reader.filter(0)?,
            _ => reader.item()?,
        };
        reader.skip_spaces();
        match reader.peek() {
            None => Ok(filter),
            Some(_) => reader.wrong(FilterTextFault::Trailing),
        }
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    text: &'a [u8],
    at: usize,
    elements: usize,
}

type Parsed<T> = Result<T, FilterTextError>;

/// What stands between a description and a value.
enum Operator {
    Equal,
    GreaterOrEqual,
    LessOrEqual,
    Approximate,
    Extensible,
}

impl<'a> Reader<'a> {
    fn filter(&mut self, depth: usize) -> Parsed<Filter> {
        self.skip_spaces();
        if self.peek() != Some(b'(') {
            return self.wrong(FilterTextFault::Open);
        }
        if depth == FILTER_DEPTH_MAX {
            return self.wrong(FilterTextFault::TooDeep);
        }
        self.elements += 1;
        if self.elements > FILTER_ELEMENTS_MAX {
            return self.wrong(FilterTextFault::TooLong);
        }
        self.at += 1;
        self.skip_spaces();
        let filter = match self.peek() {
            Some(b'&') => Filter::And(self.filters(depth)?),
            Some(b'|') => Filter::Or(self.filters(depth)?),
            Some(b'!') => {
                self.at += 1;
                Filter::Not(Box::new(self.filter(depth + 1)?))
            }
            _ => self.item()?,
        };
        self.skip_spaces();
        if self.peek() != Some(b')') {
            return self.wrong(FilterTextFault::Close);
        }
        self.at += 1;
        Ok(filter)
    }

    fn filters(&mut self, depth: usize) -> Parsed<Vec<Filter>> {
        self.at += 1;
        let mut filters = Vec::new();
        loop {
            self.skip_spaces();
            match self.peek() {
                Some(b'(') => filters.push(self.filter(depth + 1)?),
                _ => return Ok(filters),
            }
        }
    }

    fn item(&mut self) -> Parsed<Filter> {
        let description = self.description();
        let operator = self.operator()?;
        if matches!(operator, Operator::Extensible) {
            return self.extensible(description);
        }
        if description.is_empty() {
            return self.wrong(FilterTextFault::Description);
        }
        match operator {
            Operator::GreaterOrEqual => {
                Ok(Filter::greater_or_equal(self.schema, description, &self.value()?))
            }
            Operator::LessOrEqual => Ok(Filter::less_or_equal(self.schema, description, &self.value()?)),
            Operator::Approximate => Ok(Filter::approximate(self.schema, description, &self.value()?)),
            Operator::Equal | Operator::Extensible => self.equal(description),
        }
    }

    /// Everything up to an operator; `:` belongs to extensible matches.
    fn description(&mut self) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(|byte| !b"=<>~()*\\".contains(&byte)) && !self.rest().starts_with(b":=")
        {
            self.at += 1;
        }
        self.text[start..self.at].trim_ascii()
    }

    fn operator(&mut self) -> Parsed<Operator> {
        let (operator, length) = match self.rest() {
            [b'=', ..] => (Operator::Equal, 1),
            [b'>', b'=', ..] => (Operator::GreaterOrEqual, 2),
            [b'<', b'=', ..] => (Operator::LessOrEqual, 2),
            [b'~', b'=', ..] => (Operator::Approximate, 2),
            [b':', b'=', ..] => (Operator::Extensible, 2),
            _ => return self.wrong(FilterTextFault::Operator),
        };
        self.at += length;
        Ok(operator)
    }

    /// Equality, presence or substrings: the stars tell.
    fn equal(&mut self, description: &[u8]) -> Parsed<Filter> {
        let mut parts = vec![self.part()?];
        while self.peek() == Some(b'*') {
            self.at += 1;
            parts.push(self.part()?);
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(match parts.as_slice() {
            [value] => Filter::equality(self.schema, description, value),
            [b"", b""] => Filter::present(self.schema, description),
            [initial, any @ .., last] => {
                let any: Vec<&[u8]> = any.iter().copied().filter(|piece| !piece.is_empty()).collect();
                let end = |piece: &'_ [u8]| !piece.is_empty();
                let (initial, last) = (Some(*initial).filter(|p| end(p)), Some(*last).filter(|p| end(p)));
                Filter::substrings(self.schema, description, initial, &any, last)
            }
            [] => Filter::Undefined,
        })
    }

    /// `description[:dn][:rule]`, the operator being behind us.
    fn extensible(&mut self, head: &[u8]) -> Parsed<Filter> {
        let mut parts = head.split(|byte| *byte == b':');
        let description = parts.next().filter(|part| !part.is_empty());
        let mut rest: Vec<&[u8]> = parts.collect();
        let dn = match rest.first() {
            Some(first) if first.eq_ignore_ascii_case(b"dn") => {
                rest.remove(0);
                DnAttributes::Included
            }
            _ => DnAttributes::Excluded,
        };
        let rule = match rest.as_slice() {
            [] => None,
            [rule] if !rule.is_empty() => Some(*rule),
            _ => return self.wrong(FilterTextFault::Description),
        };
        if description.is_none() && rule.is_none() {
            return self.wrong(FilterTextFault::Description);
        }
        Ok(Filter::extensible(
            self.schema,
            rule,
            description,
            &self.value()?,
            dn,
        ))
    }

    /// A value without stars.
    fn value(&mut self) -> Parsed<Vec<u8>> {
        let value = self.part()?;
        match self.peek() {
            Some(b'*') => self.wrong(FilterTextFault::Escape),
            _ => Ok(value),
        }
    }

    /// The bytes up to a star, a closing parenthesis or the end, unescaped.
    fn part(&mut self) -> Parsed<Vec<u8>> {
        let mut part = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b'*' | b')' => break,
                b'(' | 0 => return self.wrong(FilterTextFault::Escape),
                b'\\' => part.push(self.escape()?),
                _ => {
                    part.push(byte);
                    self.at += 1;
                }
            }
        }
        Ok(part)
    }

    fn escape(&mut self) -> Parsed<u8> {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        match self.rest() {
            [_, high, low, ..] => match digit(*high).zip(digit(*low)) {
                Some((high, low)) => {
                    self.at += 3;
                    Ok((high << 4 | low) as u8)
                }
                None => self.wrong(FilterTextFault::Escape),
            },
            _ => self.wrong(FilterTextFault::Escape),
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn wrong<T>(&self, fault: FilterTextFault) -> Parsed<T> {
        Err(FilterTextError { at: self.at, fault })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::schema::SCHEMA;

    fn parse(text: &str) -> Result<Filter, FilterTextError> {
        Filter::parse(&SCHEMA, text)
    }

    /// The asserted value of an equality filter in normal form.
    fn asserted(text: &str) -> Vec<u8> {
        match parse(text) {
            Ok(Filter::Equality(assertion)) => assertion.normal.to_vec(),
            _ => panic!("{text} is no equality filter"),
        }
    }

    fn refuse(text: &str, at: usize, fault: FilterTextFault) {
        assert_eq!(parse(text).err(), Some(FilterTextError { at, fault }), "{text}");
    }

    #[test]
    fn values_are_unescaped_and_may_hold_what_is_not_special() {
        assert_eq!(
            asserted(r"(o=Parens R Us \28for all your needs\29)"),
            b"parens r us (for all your needs)"
        );
        assert_eq!(asserted(r"(cn=*\2A*)".replace('*', "").as_str()), b"*");
        assert_eq!(asserted("(o=AT&T = |x|!)"), b"at&t = |x|!");
        assert_eq!(asserted(r"(userPassword=\00\ff)"), [0, 0xff]);
        assert_eq!(asserted("( cn = John Smith )"), b"john smith");
        assert_eq!(asserted("cn=bare"), b"bare");
        assert_eq!(asserted("(2.5.4.3=oid)"), b"oid");
    }

    #[test]
    fn the_stars_tell_presence_from_substrings() {
        assert!(matches!(parse("(cn=*)"), Ok(Filter::Present(_))));
        for (text, initial, any, last) in [
            ("(cn=a*)", true, 0, false),
            ("(cn=*a*b*)", false, 2, false),
            ("(cn=a**b)", true, 0, true),
        ] {
            let Ok(Filter::Substrings(found)) = parse(text) else {
                panic!("{text} has no substrings")
            };
            let pieces = &found.pieces;
            assert_eq!(
                (pieces.initial.is_some(), pieces.any.len(), pieces.last.is_some()),
                (initial, any, last)
            );
        }
    }

    #[test]
    fn sets_nest() {
        assert!(matches!(parse("(&(|(cn=a)(cn=b))(!(cn=c)))"), Ok(Filter::And(parts)) if parts.len() == 2));
        assert!(matches!(parse("( & ( cn=a ) ( cn=b ) )"), Ok(Filter::And(parts)) if parts.len() == 2));
        assert!(matches!(parse("(&)"), Ok(Filter::And(parts)) if parts.is_empty()));
        assert!(matches!(parse("(nosuch=a)"), Ok(Filter::Undefined)));
    }

    #[test]
    fn what_is_no_filter_is_refused_where_it_breaks() {
        refuse("", 0, FilterTextFault::Operator);
        refuse("(cn=a", 5, FilterTextFault::Close);
        refuse("(cn=a))", 6, FilterTextFault::Trailing);
        refuse("(cn)", 3, FilterTextFault::Operator);
        refuse("(=a)", 2, FilterTextFault::Description);
        refuse("(:=a)", 3, FilterTextFault::Description);
        refuse("(!)", 2, FilterTextFault::Open);
        refuse(r"(cn=a\2)", 5, FilterTextFault::Escape);
        refuse("(cn=a(b)", 5, FilterTextFault::Escape);
        refuse("(cn>=a*)", 6, FilterTextFault::Escape);
        refuse("(&(cn=a)x)", 8, FilterTextFault::Close);
    }

    #[test]
    fn too_deep_and_too_long_filters_are_refused() {
        let deep = |levels: usize| "(!".repeat(levels) + "(cn=a)" + &")".repeat(levels);
        assert!(parse(&deep(FILTER_DEPTH_MAX - 1)).is_ok());
        refuse(
            &deep(FILTER_DEPTH_MAX),
            2 * FILTER_DEPTH_MAX,
            FilterTextFault::TooDeep,
        );
        let long = format!("(|{})", "(cn=a)".repeat(FILTER_ELEMENTS_MAX));
        assert_eq!(
            parse(&long).err().map(|error| error.fault),
            Some(FilterTextFault::TooLong)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in r"[()&|!=<>~:*\\a-c0-9 ;é]{0,40}") {
            let _ = parse(&text);
        }
    }
}
