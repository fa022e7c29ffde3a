//! Reads schema files: RFC 4512 section 4.1 descriptions under the keywords `attributetype`, `objectclass` and
//! `objectidentifier`, `#` comments between them.

use std::collections::HashMap;

use crate::domain::schema::text::{
    AttributeTypeText, ClassKind, Descriptions, Head, ObjectClassText, SchemaError, SchemaFault, SchemaFile,
    Usage,
};
use crate::domain::syntax::is_numeric_oid;

/// Reads a whole schema file. Errors: the first thing that is wrong.
pub fn parse(file: SchemaFile<'_>) -> Result<Descriptions, SchemaError> {
    let mut reader = Reader {
        rest: file.text,
        line: 1,
        macros: HashMap::new(),
    };
    let mut descriptions = Descriptions::default();
    reader
        .file(&mut descriptions)
        .map_err(|(line, fault)| SchemaError {
            file: file.name.into(),
            line,
            fault,
        })?;
    Ok(descriptions)
}

type Parsed<T> = Result<T, (usize, SchemaFault)>;

/// Walks over the text of a file word by word.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
    macros: HashMap<Box<str>, Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    Dollar,
    Quoted(&'a str),
    Word(&'a str),
}

impl<'a> Reader<'a> {
    fn file(&mut self, descriptions: &mut Descriptions) -> Parsed<()> {
        while let Some(token) = self.next()? {
            let line = self.line;
            match token {
                Token::Word(word) if word.eq_ignore_ascii_case("attributetype") => {
                    descriptions.attribute_types.push(self.attribute_type(line)?);
                }
                Token::Word(word) if word.eq_ignore_ascii_case("objectclass") => {
                    descriptions.object_classes.push(self.object_class(line)?);
                }
                Token::Word(word) if word.eq_ignore_ascii_case("objectidentifier") => {
                    self.object_identifier()?
                }
                other => {
                    return self.unexpected("`attributetype`, `objectclass` or `objectidentifier`", other);
                }
            }
        }
        Ok(())
    }

    fn attribute_type(&mut self, line: usize) -> Parsed<AttributeTypeText> {
        let mut text = AttributeTypeText {
            head: self.head(line)?,
            ..Default::default()
        };
        while let Some(keyword) = self.keyword(line, &mut text.head)? {
            match keyword.to_ascii_uppercase().as_str() {
                "SUP" => text.superior = Some(self.word("a name or an OID")?.into()),
                "EQUALITY" => text.equality = Some(self.word("a matching rule")?.into()),
                "ORDERING" => text.ordering = Some(self.word("a matching rule")?.into()),
                "SUBSTR" => text.substrings = Some(self.word("a matching rule")?.into()),
                "SYNTAX" => text.syntax = Some(self.syntax()?),
                "SINGLE-VALUE" => text.single_value = true,
                "COLLECTIVE" => text.collective = true,
                "NO-USER-MODIFICATION" => text.no_user_modification = true,
                "USAGE" => text.usage = self.usage()?,
                _ => return Err((self.line, SchemaFault::UnknownKeyword(keyword.into()))),
            }
        }
        Ok(text)
    }

    fn object_class(&mut self, line: usize) -> Parsed<ObjectClassText> {
        let mut text = ObjectClassText {
            head: self.head(line)?,
            ..Default::default()
        };
        while let Some(keyword) = self.keyword(line, &mut text.head)? {
            match keyword.to_ascii_uppercase().as_str() {
                "SUP" => text.superiors = self.oids()?,
                "ABSTRACT" => text.kind = ClassKind::Abstract,
                "STRUCTURAL" => text.kind = ClassKind::Structural,
                "AUXILIARY" => text.kind = ClassKind::Auxiliary,
                "MUST" => text.must = self.oids()?,
                "MAY" => text.may = self.oids()?,
                _ => return Err((self.line, SchemaFault::UnknownKeyword(keyword.into()))),
            }
        }
        Ok(text)
    }

    /// `objectidentifier NAME OID`: a name for an OID prefix, used as `NAME:1.2`.
    fn object_identifier(&mut self) -> Parsed<()> {
        let name = self.word("a name for an OID")?;
        let oid = self.oid()?;
        self.macros.insert(name.to_ascii_lowercase().into(), oid);
        Ok(())
    }

    fn head(&mut self, line: usize) -> Parsed<Head> {
        match self.next()? {
            Some(Token::Open) => Ok(Head {
                oid: self.oid()?,
                line,
                ..Head::default()
            }),
            Some(other) => self.unexpected("`(`", other),
            None => Err((line, SchemaFault::Unclosed)),
        }
    }

    /// The next keyword that is not one all descriptions share; `None` at the closing parenthesis.
    fn keyword(&mut self, line: usize, head: &mut Head) -> Parsed<Option<&'a str>> {
        loop {
            match self.next()? {
                None => return Err((line, SchemaFault::Unclosed)),
                Some(Token::Close) => return Ok(None),
                Some(Token::Word(word)) => match word.to_ascii_uppercase().as_str() {
                    "NAME" => head.names = self.quoted_list()?,
                    "DESC" => head.description = self.quoted_list()?.pop(),
                    "OBSOLETE" => head.obsolete = true,
                    extension if extension.starts_with("X-") => drop(self.quoted_list()?),
                    _ => return Ok(Some(word)),
                },
                Some(other) => return self.unexpected("a keyword or `)`", other),
            }
        }
    }

    fn usage(&mut self) -> Parsed<Usage> {
        let word = self.word("a usage")?;
        match word.to_ascii_lowercase().as_str() {
            "userapplications" => Ok(Usage::UserApplications),
            "directoryoperation" => Ok(Usage::DirectoryOperation),
            "distributedoperation" => Ok(Usage::DistributedOperation),
            "dsaoperation" => Ok(Usage::DsaOperation),
            _ => self.unexpected(
                "userApplications, directoryOperation, distributedOperation or dSAOperation",
                Token::Word(word),
            ),
        }
    }

    fn syntax(&mut self) -> Parsed<Box<str>> {
        let text = match self.next()? {
            Some(Token::Word(text) | Token::Quoted(text)) => text,
            Some(other) => return self.unexpected("the OID of a syntax", other),
            None => return Err((self.line, SchemaFault::Unclosed)),
        };
        self.expand(text.split('{').next().unwrap_or(text))
    }

    fn oid(&mut self) -> Parsed<Box<str>> {
        let word = self.word("an OID")?;
        self.expand(word)
    }

    /// A numeric OID, or a macro with or without a numeric suffix behind `:`.
    fn expand(&self, text: &str) -> Parsed<Box<str>> {
        if is_numeric_oid(text) {
            return Ok(text.into());
        }
        let (name, suffix) = text.split_once(':').unwrap_or((text, ""));
        match self.macros.get(name.to_ascii_lowercase().as_str()) {
            Some(oid) if suffix.is_empty() => Ok(oid.clone()),
            Some(oid) if is_numeric_oid(suffix) => Ok(format!("{oid}.{suffix}").into()),
            _ => self.unexpected("a numeric OID such as `2.5.4.3`", Token::Word(text)),
        }
    }

    fn word(&mut self, expected: &'static str) -> Parsed<&'a str> {
        match self.next()? {
            Some(Token::Word(word)) => Ok(word),
            Some(other) => self.unexpected(expected, other),
            None => Err((self.line, SchemaFault::Unclosed)),
        }
    }

    /// One name or OID, or several in parentheses separated by `$`.
    fn oids(&mut self) -> Parsed<Vec<Box<str>>> {
        self.list("a name or an OID", |token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        })
    }

    /// One quoted text, or several in parentheses.
    fn quoted_list(&mut self) -> Parsed<Vec<Box<str>>> {
        self.list("a text in single quotes", |token| match token {
            Token::Quoted(text) => Some(text),
            _ => None,
        })
    }

    fn list(
        &mut self,
        expected: &'static str,
        item: fn(Token<'a>) -> Option<&'a str>,
    ) -> Parsed<Vec<Box<str>>> {
        let mut items = Vec::new();
        let mut nested = false;
        while let Some(token) = self.next()? {
            match token {
                Token::Open if !nested && items.is_empty() => nested = true,
                Token::Close if nested => return Ok(items),
                Token::Dollar if nested => {}
                token => match item(token) {
                    Some(text) => items.push(text.into()),
                    None => return self.unexpected(expected, token),
                },
            }
            if !nested {
                return Ok(items);
            }
        }
        Err((self.line, SchemaFault::Unclosed))
    }

    fn unexpected<T>(&self, expected: &'static str, found: Token<'_>) -> Parsed<T> {
        let found = match found {
            Token::Open => "(",
            Token::Close => ")",
            Token::Dollar => "$",
            Token::Quoted(text) | Token::Word(text) => text,
        };
        Err((
            self.line,
            SchemaFault::Unexpected {
                expected,
                found: found.into(),
            },
        ))
    }

    fn next(&mut self) -> Parsed<Option<Token<'a>>> {
        self.skip();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '(' => Token::Open,
            ')' => Token::Close,
            '$' => Token::Dollar,
            '\'' => return self.quoted().map(Some),
            _ => {
                let end = self.rest.find(|c: char| c.is_whitespace() || "()$'".contains(c));
                return Ok(Some(Token::Word(self.advance(end.unwrap_or(self.rest.len())))));
            }
        };
        self.advance(1);
        Ok(Some(token))
    }

    fn quoted(&mut self) -> Parsed<Token<'a>> {
        self.advance(1);
        match self.rest.find('\'') {
            Some(end) => {
                let text = self.advance(end);
                self.advance(1);
                Ok(Token::Quoted(text))
            }
            None => self.unexpected("a closing single quote", Token::Word("the end of the file")),
        }
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.advance(blank);
            if !self.rest.starts_with('#') {
                return;
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Descriptions, String> {
        parse(SchemaFile {
            name: "x.schema",
            text,
        })
        .map_err(|error| error.to_string())
    }

    fn refuse(text: &str, error: &str) {
        assert_eq!(read(text).unwrap_err(), error);
    }

    #[test]
    fn descriptions_of_every_form_are_read() {
        let text = "# a comment\nobjectidentifier My 1.2.3\nobjectIdentifier MyAttr My:4\n\
            attributetype ( MyAttr:1 NAME ( 'a' 'b' ) DESC 'it (is)' SUP name\n EQUALITY caseIgnoreMatch\n\
            SYNTAX 1.3.6.1{64} SINGLE-VALUE USAGE dSAOperation X-ORIGIN 'here' )\n\
            objectclass ( My:5 NAME 'c' SUP ( top $ person ) AUXILIARY MUST a MAY ( b$cn ) )";
        let read = read(text).unwrap();
        let attribute = &read.attribute_types[0];
        assert_eq!(
            (&*attribute.head.oid, attribute.head.name(), attribute.head.line),
            ("1.2.3.4.1", "a", 4)
        );
        assert_eq!(attribute.syntax.as_deref(), Some("1.3.6.1"));
        assert_eq!(
            (attribute.single_value, attribute.usage),
            (true, Usage::DsaOperation)
        );
        let class = &read.object_classes[0];
        assert_eq!((&*class.head.oid, class.kind), ("1.2.3.5", ClassKind::Auxiliary));
        assert_eq!(
            (class.superiors.len(), class.must.len(), class.may.len()),
            (2, 1, 2)
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_what_would_be_right() {
        refuse(
            "\nattribute ( 1.2 )",
            "x.schema:2: expected `attributetype`, `objectclass` or `objectidentifier`, found `attribute`",
        );
        refuse(
            "attributetype ( 1.2 NAME 'a'\n",
            "x.schema:1: the description that begins here has no closing `)`",
        );
        refuse("attributetype 1.2", "x.schema:1: expected `(`, found `1.2`");
        refuse(
            "attributetype ( cn )",
            "x.schema:1: expected a numeric OID such as `2.5.4.3`, found `cn`",
        );
        refuse(
            "attributetype ( 1.2 NAME cn )",
            "x.schema:1: expected a text in single quotes, found `cn`",
        );
        refuse(
            "objectclass ( 1.2\n SUPER top )",
            "x.schema:2: unknown keyword `SUPER`; vendor extensions begin with `X-`",
        );
        refuse(
            "attributetype ( 1.2 NAME 'a )",
            "x.schema:1: expected a closing single quote, found `the end of the file`",
        );
    }
}
