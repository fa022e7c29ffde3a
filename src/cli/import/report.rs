//! What `beadle import` says while it runs and at its end.

use serde_json::{Value, json};

use crate::cli::import::arguments::Manner;
use crate::cli::import::bad_rows::BadRows;
use crate::cli::import::source::Source;
use crate::cli::output;
use crate::cli::progress::{Progress, Shown};
use crate::exchange::import::{Applied, Effect, Outcome};
use crate::server::work::telling::{RefusedRow, Told};
use crate::types::visible;

/// How many refused rows are told one by one; the rest only by their number.
const TOLD_MAX: u64 = 100;

/// Tells of one import.
pub struct Report {
    name: String,
    bytes: u64,
    dry_run: bool,
    json: bool,
    refused: u64,
    checking: Progress,
    writing: Option<Progress>,
    bad_rows: Option<BadRows>,
}

impl Report {
    /// A report on an import of `source`. Errors: the file's header cannot be read; the file for bad rows is there
    /// already or cannot be made.
    pub fn new(source: &Source, manner: &Manner) -> anyhow::Result<Report> {
        let shown = if manner.json { Shown::No } else { Shown::Yes };
        let bad_rows = match manner.keep_going && !manner.dry_run {
            true => Some(BadRows::new(source, manner)?),
            false => None,
        };
        Ok(Report {
            name: source.name.clone(),
            bytes: source.bytes,
            dry_run: manner.dry_run,
            json: manner.json,
            refused: 0,
            checking: Progress::new(shown, "checked", "rows"),
            writing: None,
            bad_rows,
        })
    }

    /// Tells what the import tells. Errors: the file for refused rows, or the output, cannot be written.
    pub fn hear(&mut self, told: &Told) -> anyhow::Result<()> {
        match told {
            Told::Read { rows, bytes } => self.checking.tell(*rows, *bytes, self.bytes),
            Told::Row {
                dn,
                effect,
                rows,
                bytes,
            } => {
                match self.json {
                    true => output::say_json(&row_json(dn, effect))?,
                    false => self.checking.aside(|| output::say(&row_line(dn, effect)))?,
                }
                self.checking.tell(*rows, *bytes, self.bytes);
            }
            Told::Refused { why, row } => self.refused(why, row)?,
            Told::Written { done, all } => self.written(*done, *all),
        }
        Ok(())
    }

    fn refused(&mut self, why: &str, row: &RefusedRow) -> anyhow::Result<()> {
        self.refused += 1;
        if self.refused <= TOLD_MAX {
            self.checking
                .aside(|| output::complain(&format!("{}:{why}", self.name)));
        }
        match &mut self.bad_rows {
            Some(bad_rows) => bad_rows.push(&format!("{}:{why}", self.name), row),
            None => Ok(()),
        }
    }

    /// Takes the file of refused rows away: the import was stopped, and the same again meets them all.
    pub fn forget_refused(&mut self) {
        self.bad_rows.iter_mut().for_each(BadRows::forget);
    }

    fn written(&mut self, done: u64, all: u64) {
        let shown = if self.json { Shown::No } else { Shown::Yes };
        if self.writing.is_none() {
            self.checking.end();
        }
        let writing = self
            .writing
            .get_or_insert_with(|| Progress::new(shown, "written", "entries"));
        writing.tell(done, done, all);
    }

    /// Runs `say`, which writes to the terminal, without tearing what is shown.
    pub fn aside<T>(&self, say: impl FnOnce() -> T) -> T {
        self.writing.as_ref().unwrap_or(&self.checking).aside(say)
    }

    /// Prints the result and returns how many rows were refused.
    pub fn end(&self, outcome: &Outcome) -> anyhow::Result<u64> {
        self.checking.end();
        self.writing.iter().for_each(Progress::end);
        if self.refused > TOLD_MAX {
            output::complain(&format!(
                "{}: and {} more bad rows",
                self.name,
                self.refused - TOLD_MAX
            ));
        }
        let bad_rows = self.bad_rows.as_ref().and_then(BadRows::shown);
        match self.json {
            true => output::say_json(&result_json(outcome, bad_rows)?)?,
            false => output::say(&sentence(&self.name, outcome, self.dry_run, bad_rows.as_deref()))?,
        }
        Ok(self.refused)
    }
}

/// What a row does, a tab and its name, as one line: the name is the file's, and may hold what moves a cursor. What it
/// does is `new`, or `changed a,b removed c`, either of which may be missing; `changed` alone if only the name is spelt
/// otherwise.
fn row_line(dn: &str, effect: &Effect) -> String {
    let does = match effect {
        Effect::New => "new".to_owned(),
        Effect::Unchanged => "unchanged".to_owned(),
        Effect::Changed { set, removed } if set.is_empty() && removed.is_empty() => "changed".to_owned(),
        Effect::Changed { set, removed } => {
            let parts = [("changed", set), ("removed", removed)];
            let parts = parts.iter().filter(|(_, names)| !names.is_empty());
            let words: Vec<String> = parts
                .map(|(word, names)| format!("{word} {}", names.join(",")))
                .collect();
            words.join(" ")
        }
    };
    format!("{does}\t{}", visible(dn, |_| false))
}

fn row_json(dn: &str, effect: &Effect) -> Value {
    match effect {
        Effect::New => json!({ "dn": dn, "effect": "new" }),
        Effect::Unchanged => json!({ "dn": dn, "effect": "unchanged" }),
        Effect::Changed { set, removed } => {
            json!({ "dn": dn, "effect": "changed", "changed": set, "removed": removed })
        }
    }
}

/// The result as a JSON object: numbers as numbers, yes and no as true and false.
fn result_json(outcome: &Outcome, bad_rows: Option<String>) -> anyhow::Result<Value> {
    let mut object = serde_json::to_value(outcome.counts)?;
    object["applied"] = match outcome.applied {
        Applied::Yes => true.into(),
        Applied::No => false.into(),
        Applied::Partly => "partly".into(),
    };
    if let Some(path) = bad_rows {
        object["refused_rows"] = path.into();
    }
    Ok(object)
}

fn sentence(name: &str, outcome: &Outcome, dry_run: bool, bad_rows: Option<&str>) -> String {
    let counts = &outcome.counts;
    let counts = format!(
        "{} rows: {} new, {} changed, {} unchanged, {} refused",
        counts.rows, counts.new, counts.changed, counts.unchanged, counts.refused
    );
    let applied = match (dry_run, outcome.applied) {
        (true, _) => "; nothing was written, as asked",
        (false, Applied::Yes) => "",
        (false, Applied::Partly) => {
            "; others wrote at the same time and made some rows bad, so only a part was written; import it again"
        }
        (false, Applied::No) => {
            "; nothing was written; correct the bad rows, or apply the others with --keep-going"
        }
    };
    let bad_rows = bad_rows.map_or_else(String::new, |path| format!("; the bad rows are in {path}"));
    format!("{name}: {counts}{applied}{bad_rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::exchange::import::Counts;

    fn outcome(applied: Applied) -> Outcome {
        let counts = Counts {
            rows: 7,
            new: 3,
            changed: 1,
            unchanged: 2,
            refused: 1,
        };
        Outcome { counts, applied }
    }

    #[test]
    fn the_end_says_what_was_done_and_what_to_do() {
        let counts = "p.ldif: 7 rows: 3 new, 1 changed, 2 unchanged, 1 refused";
        let check = |applied, dry_run, bad_rows, expected: &str| {
            assert_eq!(
                sentence("p.ldif", &outcome(applied), dry_run, bad_rows),
                format!("{counts}{expected}")
            );
        };
        check(Applied::Yes, false, None, "");
        check(
            Applied::Yes,
            false,
            Some("b.ldif"),
            "; the bad rows are in b.ldif",
        );
        check(Applied::No, true, None, "; nothing was written, as asked");
        check(
            Applied::No,
            false,
            None,
            "; nothing was written; correct the bad rows, or apply the others with --keep-going",
        );
    }

    fn changed(set: &[&str], removed: &[&str]) -> Effect {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        Effect::Changed {
            set: owned(set),
            removed: owned(removed),
        }
    }

    #[test]
    fn a_row_of_a_dry_run_is_one_line_whatever_its_name() {
        let check = |dn, effect: Effect, expected| assert_eq!(row_line(dn, &effect), expected);
        check("uid=a\n\tb\u{1b}", Effect::New, "new\tuid=a\\u{a}\\u{9}b\\u{1b}");
        check(
            "uid=a",
            changed(&["cn", "sn"], &["mail"]),
            "changed cn,sn removed mail\tuid=a",
        );
        check("uid=a", changed(&[], &["mail"]), "removed mail\tuid=a");
        check("uid=A", changed(&[], &[]), "changed\tuid=A");
    }

    #[test]
    fn a_row_of_a_dry_run_is_an_object() {
        let check = |dn, effect: Effect, expected: Value| assert_eq!(row_json(dn, &effect), expected);
        check(
            "uid=a b",
            Effect::New,
            json!({ "dn": "uid=a b", "effect": "new" }),
        );
        check(
            "uid=a",
            changed(&["cn", "sn"], &["mail"]),
            json!({ "dn": "uid=a", "effect": "changed", "changed": ["cn", "sn"], "removed": ["mail"] }),
        );
        check(
            "uid=a",
            changed(&[], &["mail"]),
            json!({ "dn": "uid=a", "effect": "changed", "changed": [], "removed": ["mail"] }),
        );
    }

    #[test]
    fn json_has_numbers_where_numbers_are_meant() {
        let value = result_json(&outcome(Applied::No), Some("b.ldif".into())).unwrap();
        let expected = r#"{"applied":false,"changed":1,"new":3,"refused":1,"refused_rows":"b.ldif","rows":7,"unchanged":2}"#;
        assert_eq!(value.to_string(), expected);
        let value = result_json(&outcome(Applied::Partly), None).unwrap();
        assert_eq!(value["applied"], "partly");
    }
}
