//! The text of a configuration file: lines, key paths, and reading it with every error collected.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};
use zeroize::Zeroizing;

use super::nearest::nearest;
use super::problem::{Problem, Severity};
use super::raw::Raw;
use super::superseded::{self, Superseded};

/// A place in the text, in bytes.
pub type Span = Range<usize>;

/// The most errors of form that are reported for one file; further ones wait for the next check.
pub const FORM_ERRORS_MAX: usize = 100;

/// A configuration file's name and text. Has no `Debug`, and is wiped when dropped: the text may hold secrets.
pub struct Source {
    name: String,
    text: Zeroizing<String>,
}

impl Source {
    /// The file called `name` (for messages) with this text.
    pub fn new(name: String, text: String) -> Source {
        let text = Zeroizing::new(text);
        Source { name, text }
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first line that sets one of `keys`, counted from 1.
    pub fn line_of_key(&self, keys: &[&str]) -> Option<usize> {
        let sets = |line: &str| {
            line.split_once('=')
                .is_some_and(|(key, _)| keys.contains(&key.trim()))
        };
        self.text.lines().position(sets).map(|at| at + 1)
    }

    /// The text at `span`; empty if it is no place of this text.
    fn at(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The last line above `line` that sets `key` or begins its table, counted from 1.
    fn earlier(&self, key: &str, line: usize) -> Option<usize> {
        let sets = |text: &str| {
            let name = text.split('=').next().unwrap_or_default().trim();
            let table = name.trim_matches(['[', ']']);
            name == key || (name != table && table.rsplit('.').next() == Some(key))
        };
        let above = self.text.lines().take(line.saturating_sub(1));
        (1..)
            .zip(above)
            .filter(|(_, text)| sets(text))
            .map(|(at, _)| at)
            .last()
    }

    /// The line that `span` begins on, counted from 1.
    pub fn line(&self, span: &Span) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        1 + before.filter(|byte| **byte == b'\n').count()
    }
}

/// The text as TOML, before anybody judges what the keys mean.
pub struct Document<'s> {
    source: &'s Source,
    table: Spanned<DeTable<'s>>,
}

impl<'s> Document<'s> {
    /// Parses the text. Errors: every breach of the TOML grammar the parser can tell apart.
    pub fn parse(source: &'s Source) -> Result<Document<'s>, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        let document = Document { source, table };
        if errors.is_empty() {
            return Ok(document);
        }
        Err(errors.iter().map(|error| document.syntax(error)).collect())
    }

    /// The keys as written, and a problem for each that does not exist or holds the wrong type. Such
    /// keys are left out of the result.
    ///
    /// A deserializer stops at the first error, so the key it stumbled over is cut out and it is asked
    /// again.
    pub fn read(&self) -> (Raw, Vec<Problem>) {
        let mut table = self.table.clone();
        let superseded = superseded::take(table.get_mut()).into_iter();
        let mut problems: Vec<Problem> = superseded.map(|table| self.superseded(table)).collect();
        while problems.len() < FORM_ERRORS_MAX {
            let error = match Raw::deserialize(Deserializer::from(table.clone())) {
                Ok(raw) => return (raw, problems),
                Err(error) => error,
            };
            problems.push(self.form(&error));
            let cut = error.span().is_some_and(|span| cut_out(table.get_mut(), &span));
            if !cut {
                break;
            }
        }
        (Raw::default(), problems)
    }

    /// Whether the table at `table`, or the whole file, sets `key`, if only to something of the wrong type.
    pub fn sets(&self, table: Option<&Span>, key: &str) -> bool {
        let found = match table {
            Some(span) => table_at(self.table.get_ref(), span),
            None => Some(self.table.get_ref()),
        };
        found.is_some_and(|table| table.get(key).is_some())
    }

    /// The line that `span` begins on, counted from 1.
    pub fn line(&self, span: &Span) -> usize {
        self.source.line(span)
    }

    /// A problem at `span`, whose line and key path it finds.
    pub fn problem(&self, severity: Severity, span: &Span, what: String, right: String) -> Problem {
        Problem {
            severity,
            line: Some(self.source.line(span)),
            key: self.path(span),
            what,
            right,
        }
    }

    /// The path of the key at `span`, such as `radius.client[0].secret`; empty if there is none.
    pub fn path(&self, span: &Span) -> String {
        path_in(self.table.get_ref(), span).unwrap_or_default()
    }

    fn superseded(&self, table: Superseded) -> Problem {
        let what = "this table has become sentences".into();
        self.problem(Severity::Error, &table.place, what, table.right)
    }

    fn syntax(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or_default();
        if error.message() == "duplicate key" {
            return self.duplicate(&span);
        }
        let what = error.message().replace('\n', ", ");
        let mut problem = self.problem(
            Severity::Error,
            &span,
            what,
            "write it as TOML (https://toml.io)".into(),
        );
        problem.key.clear();
        problem
    }

    fn duplicate(&self, span: &Span) -> Problem {
        let key = self.source.at(span).trim_matches(['"', '\'']).to_owned();
        let first = self.source.earlier(&key, self.source.line(span));
        let right = match first {
            Some(line) => format!("take it out, or the one on line {line}"),
            None => "write it once".into(),
        };
        let mut problem = self.problem(Severity::Error, span, "there already".into(), right);
        problem.key = key;
        problem
    }

    fn form(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or_default();
        let (what, right) = explain(error.message(), &self.path(&span));
        self.problem(Severity::Error, &span, what, right)
    }
}

/// Says in the operator's words what the deserializer says of the key at `path`.
///
/// Never repeats a value: it might be a secret.
fn explain(message: &str, path: &str) -> (String, String) {
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if let (true, Some((unknown, known))) = (message.starts_with("unknown field"), words.split_first()) {
        return ("no such key".into(), advice(unknown, known));
    }
    let expected = match message.split_once("expected ").map(|(_, expected)| expected) {
        Some("u64") => "a whole number, 0 or more",
        Some("a boolean") => "true or false",
        Some("a string") => "a text in double quotes",
        Some("a sequence") => "a list in square brackets",
        Some("a table") => "a table",
        _ if path.is_empty() => "a table",
        Some(expected) if expected.contains("struct") => "a table",
        _ => "another type of value",
    };
    ("the wrong type of value".into(), format!("write {expected}"))
}

/// The advice for an unknown key: the one it resembles, or all there are.
fn advice(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the keys here are {}", known.join(", ")),
    }
}

fn covers(outer: &Span, inner: &Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// The path of the innermost key of `table` that `span` lies in.
fn path_in(table: &DeTable<'_>, span: &Span) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        if let Some(rest) = path_in_value(value.get_ref(), span) {
            let dot = if rest.starts_with('[') { "" } else { "." };
            return Some(format!("{name}{dot}{rest}"));
        }
        (covers(&key.span(), span) || covers(&value.span(), span)).then(|| name.to_string())
    })
}

fn path_in_value(value: &DeValue<'_>, span: &Span) -> Option<String> {
    match value {
        DeValue::Table(table) => path_in(table, span),
        DeValue::Array(elements) => elements.iter().enumerate().find_map(|(at, element)| {
            if let Some(rest) = path_in_value(element.get_ref(), span) {
                return Some(format!("[{at}].{rest}"));
            }
            covers(&element.span(), span).then(|| format!("[{at}]"))
        }),
        _ => None,
    }
}

/// The table at `span`, in `table` or anywhere below it.
fn table_at<'t, 's>(table: &'t DeTable<'s>, span: &Span) -> Option<&'t DeTable<'s>> {
    fn among<'t, 's>(value: &'t Spanned<DeValue<'s>>, span: &Span) -> Option<&'t DeTable<'s>> {
        match value.get_ref() {
            DeValue::Table(table) if value.span() == *span => Some(table),
            DeValue::Table(table) => table_at(table, span),
            DeValue::Array(elements) => elements.iter().find_map(|element| among(element, span)),
            _ => None,
        }
    }
    table.iter().find_map(|(_, value)| among(value, span))
}

/// Removes the innermost key of `table`, or value of a list, that `span` lies in; false if there is none.
fn cut_out(table: &mut DeTable<'_>, span: &Span) -> bool {
    let mut inside = table.iter_mut().map(|(_, value)| value.get_mut());
    if inside.any(|value| cut_out_of_value(value, span)) {
        return true;
    }
    let stumbled =
        |(key, value): &(&Spanned<_>, &Spanned<_>)| covers(&key.span(), span) || covers(&value.span(), span);
    match table.iter().find(stumbled).map(|(key, _)| key.clone()) {
        Some(key) => table.remove(&key).is_some(),
        None => false,
    }
}

fn cut_out_of_value(value: &mut DeValue<'_>, span: &Span) -> bool {
    match value {
        DeValue::Table(table) => cut_out(table, span),
        DeValue::Array(elements) => {
            let mut inside = elements.iter_mut().map(|element| element.get_mut());
            if inside.any(|element| cut_out_of_value(element, span)) {
                return true;
            }
            // A table here is what should not be a list at all.
            let stumbled = |element: &Spanned<DeValue<'_>>| {
                covers(&element.span(), span) && !matches!(element.get_ref(), DeValue::Table(_))
            };
            let Some(found) = elements.iter().position(stumbled) else {
                return false;
            };
            let others = (0..).zip(elements.iter()).filter(|(at, _)| *at != found);
            *elements = others.map(|(_, element)| element.clone()).collect();
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let source = Source::new("x.toml".into(), text.into());
        let mut problems = match Document::parse(&source) {
            Ok(document) => document.read().1,
            Err(problems) => problems,
        };
        problems.sort_by_key(|problem| problem.line);
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("{}: {problem}", problem.line.unwrap_or(0)))
            .collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn every_error_of_form_is_found_at_its_line_and_key() {
        let text = "basedn = 3\n[ldap]\nlisten = \"x\"\nidle_s = -1\n[[radius.client]]\nsecret = 5\n[[radius.client]]\nsecrte = \"x\"\n";
        check(
            text,
            &[
                "1: error: basedn: no such key; did you mean `base_dn`?",
                "3: error: ldap.listen: the wrong type of value; write a list in square brackets",
                "4: error: ldap.idle_s: the wrong type of value; write a whole number, 0 or more",
                "6: error: radius.client[0].secret: the wrong type of value; write a text in double quotes",
                "8: error: radius.client[1].secrte: no such key; did you mean `secret`?",
            ],
        );
    }

    #[test]
    fn every_value_of_a_list_is_judged() {
        check(
            "[ldap]\nlisten = [1,\n\"[::]:389\",\ntrue, []]\n",
            &[
                "2: error: ldap.listen[0]: the wrong type of value; write a text in double quotes",
                "4: error: ldap.listen[2]: the wrong type of value; write a text in double quotes",
                "4: error: ldap.listen[3]: the wrong type of value; write a text in double quotes",
            ],
        );
    }

    #[test]
    fn a_key_that_is_there_twice_is_named_with_both_lines() {
        check(
            "base_dn = \"dc=a\"\n[ldap]\nidle_s = 1\n\n  idle_s = 2\n",
            &["5: error: idle_s: there already; take it out, or the one on line 3"],
        );
        check(
            "[ldap]\nidle_s = 1\n[radius]\n[ldap]\n",
            &["4: error: ldap: there already; take it out, or the one on line 1"],
        );
    }

    #[test]
    fn a_table_in_the_place_of_a_value_is_refused() {
        check(
            "store = 3\n[[web]]\n[hashing.memory_kib]\n",
            &[
                "1: error: store: the wrong type of value; write a table",
                "2: error: web[0]: the wrong type of value; write a table",
                "3: error: hashing.memory_kib: the wrong type of value; write a whole number, 0 or more",
            ],
        );
    }

    #[test]
    fn a_key_like_no_other_is_answered_with_all_there_are() {
        check(
            "[log]\nzzz = 1\n",
            &["2: error: log.zzz: no such key; the keys here are level, format"],
        );
    }

    #[test]
    fn broken_toml_names_the_line() {
        let source = Source::new("x.toml".into(), "a = 1\nb = = 2\n".into());
        let problems = Document::parse(&source).err().unwrap();
        assert_eq!(problems[0].line, Some(2));
    }

    #[test]
    fn good_text_has_no_problem() {
        check("base_dn = \"dc=x\"\n[web]\nadmin_listen = []\n", &[]);
    }
}
