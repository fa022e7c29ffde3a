//! Layer 7: the configuration file: as it was written ([`raw`]), and as the layers use it ([`Settings`]).
//!
//! Nothing below imports this folder: each layer defines the settings it wants, this one fills them in.

pub mod check;
mod defaults;
pub mod document;
pub mod files;
mod nearest;
pub mod problem;
pub mod raw;
pub mod settings;
mod superseded;

pub use check::check;
pub use document::Source;
pub use files::{DiskFiles, Files};
pub use problem::{Problem, Report, Severity};
pub use settings::Settings;

use std::path::Path;

/// Reads and checks the configuration file at `path`: the settings and any warnings.
///
/// Opens no socket and no store; of other files it reads those whose contents it must judge, such as
/// `secret_file`. Errors: a [`Report`] with every problem there is, warnings included, also when the
/// file itself cannot be read.
pub fn load(path: &Path) -> Result<(Settings, Report), Report> {
    let name = path.display().to_string();
    let bytes = DiskFiles.read(path);
    let text = bytes.map_err(|error| error.to_string());
    let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
    match text {
        Ok(text) => {
            let source = Source::new(name, text);
            let exposed = exposed_secret(&source, DiskFiles.is_open_to_all(path));
            let (settings, report) = check(&source, &DiskFiles)?;
            let problems = report.problems.into_iter().chain(exposed).collect();
            Ok((settings, Report::new(report.file, problems)))
        }
        Err(why) => Err(Report::unreadable(name, why)),
    }
}

/// The warning about a file that holds a secret and that every user of the machine can read.
fn exposed_secret(source: &Source, is_open_to_all: bool) -> Option<Problem> {
    const SECRETS: [&str; 2] = ["secret", "password_hash"];
    let line = source.line_of_key(&SECRETS).filter(|_| is_open_to_all)?;
    Some(Problem {
        severity: Severity::Warning,
        line: Some(line),
        key: String::new(),
        what: "every user of this machine can read the secrets in this file".into(),
        right: "take others' right to read it away: chmod o= FILE".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warns(text: &str, is_open_to_all: bool) -> Option<usize> {
        let source = Source::new("x".into(), text.into());
        exposed_secret(&source, is_open_to_all)?.line
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_warned_of_once() {
        let text = "base_dn = \"dc=uni\"\n[[radius.client]]\n  secret=\"x\"\nsecret = \"y\"\n";
        assert_eq!(warns(text, true), Some(3));
        assert_eq!(warns(text, false), None);
        assert_eq!(warns("[ldap.root]\npassword_hash = \"{SSHA}x\"", true), Some(2));
        assert_eq!(warns("#secret = \"x\"\nsecret_file = \"/s\"\n", true), None);
    }
}
