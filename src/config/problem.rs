//! What a check has to say: where, what is wrong, and what would be right.

use std::fmt;

use serde::Serialize;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The daemon does not start with it.
    Error,
    /// The daemon starts, but somebody should know.
    Warning,
}

/// One problem of a configuration file. Never carries the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The line, counted from 1; `None` if it is about the whole file.
    pub line: Option<usize>,
    /// The key's path, such as `radius.client[0].secret`; empty if it is about the whole file.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub right: String,
}

/// Everything a check has to say about one file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// The problems.
    pub problems: Vec<Problem>,
}

impl Report {
    /// The report on `file` with `problems`, which it puts in the order of the file.
    pub fn new(file: String, mut problems: Vec<Problem>) -> Report {
        problems.sort_by_key(|problem| problem.line);
        Report { file, problems }
    }

    /// The report on a file that cannot be read, for the reason `why`.
    pub fn unreadable(file: String, why: String) -> Report {
        let problem = Problem {
            severity: Severity::Error,
            line: None,
            key: String::new(),
            what: format!("cannot be read: {why}"),
            right: "name a readable UTF-8 file".into(),
        };
        Report::new(file, vec![problem])
    }

    /// How many errors there are; warnings do not count.
    pub fn errors(&self) -> usize {
        let errors = self
            .problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error);
        errors.count()
    }
}

impl fmt::Display for Report {
    /// One line a problem: `file:line: error: key: what is wrong; what would be right`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            write!(f, "{}:", self.file)?;
            if let Some(line) = problem.line {
                write!(f, "{line}:")?;
            }
            writeln!(f, " {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.right)
    }
}
