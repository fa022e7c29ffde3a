//! What `beadle import` says while it runs and at its end.

pub use crate::cli::import::bad_rows::Bad;
use crate::cli::import::bad_rows::BadRows;
use crate::cli::import::{Manner, Source};
use crate::cli::output;
use crate::cli::progress::{Progress, Shown};
use crate::types::visible;

/// How many refused rows are told one by one; the rest only by their number.
const TOLD_MAX: u64 = 100;

/// Tells of one import.
pub struct Report {
    name: String,
    bytes: u64,
    dry_run: bool,
    json: bool,
    rows: u64,
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
            rows: 0,
            refused: 0,
            checking: Progress::new(shown, "checked", "rows"),
            writing: None,
            bad_rows,
        })
    }

    /// The file is read as far as `bytes`. `text` is the number of rows so far, or what a row does and whose it
    /// is, which a dry run prints.
    pub fn row(&mut self, bytes: u64, text: &str) -> anyhow::Result<()> {
        match text.parse() {
            Ok(rows) => self.rows = rows,
            Err(_) => {
                self.rows += 1;
                match (self.dry_run, self.json) {
                    (false, _) => {}
                    (true, true) => output::say_json(&row_json(text))?,
                    (true, false) => self.checking.aside(|| output::say(&row_line(text)))?,
                }
            }
        }
        self.checking.tell(self.rows, bytes, self.bytes);
        Ok(())
    }

    /// A row is refused because of `why`. Errors: the file for refused rows cannot be written.
    pub fn refused(&mut self, why: &str, row: Bad<'_>) -> anyhow::Result<()> {
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

    /// So many entries of all are written.
    pub fn written(&mut self, done: u64, all: u64) {
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

    /// Prints the result, of which the import says `figures` as `key=value` words, and returns how many rows
    /// were refused.
    pub fn end(&self, figures: &str) -> anyhow::Result<u64> {
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
            true => output::say_json(&json(figures, bad_rows.as_deref()))?,
            false => output::say(&sentence(&self.name, figures, self.dry_run, bad_rows.as_deref()))?,
        }
        Ok(self.refused)
    }
}

/// What a row does, a tab and its DN, as one line: the DN is the file's, and may hold what moves a cursor.
fn row_line(text: &str) -> String {
    let (does, dn) = text.split_once('\t').unwrap_or((text, ""));
    format!("{does}\t{}", visible(dn, |_| false))
}

/// What a row does, as `changed a,b removed c`, a tab and its DN, as a JSON object.
fn row_json(text: &str) -> serde_json::Value {
    let (does, dn) = text.split_once('\t').unwrap_or((text, ""));
    let words: Vec<&str> = does.split(' ').collect();
    let names = |word: &str| {
        let at = words.iter().position(|other| *other == word);
        let names = at.and_then(|at| words.get(at + 1)).map(|names| names.split(','));
        names.into_iter().flatten().collect::<Vec<&str>>()
    };
    match does {
        "new" => serde_json::json!({ "dn": dn, "effect": "new" }),
        _ => serde_json::json!({
            "dn": dn,
            "effect": "changed",
            "changed": names("changed"),
            "removed": names("removed"),
        }),
    }
}

/// The figures as a JSON object: numbers as numbers, words as words.
fn json(figures: &str, bad_rows: Option<&str>) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    for (key, value) in figures.split_whitespace().filter_map(|word| word.split_once('=')) {
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        object.insert(key.into(), value);
    }
    if let Some(path) = bad_rows {
        object.insert("refused_rows".into(), path.into());
    }
    object.into()
}

fn sentence(name: &str, figures: &str, dry_run: bool, bad_rows: Option<&str>) -> String {
    let figure = |key: &str| {
        let words = figures.split_whitespace().filter_map(|word| word.split_once('='));
        words
            .filter(|(name, _)| *name == key)
            .map(|(_, value)| value)
            .next()
            .unwrap_or("0")
    };
    let counts = format!(
        "{} rows: {} new, {} changed, {} unchanged, {} refused",
        figure("rows"),
        figure("new"),
        figure("changed"),
        figure("unchanged"),
        figure("refused")
    );
    let applied = match (dry_run, figure("applied")) {
        (true, _) => "; nothing was written, as asked",
        (false, "true") => "",
        (false, "partly") => {
            "; others wrote at the same time and made some rows bad, so only a part was written; import it again"
        }
        (false, _) => "; nothing was written; correct the bad rows, or apply the others with --keep-going",
    };
    let bad_rows = bad_rows.map_or_else(String::new, |path| format!("; the bad rows are in {path}"));
    format!("{name}: {counts}{applied}{bad_rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: &str = "rows=7 new=3 changed=1 unchanged=2 refused=1 applied=false";

    #[test]
    fn the_end_says_what_was_done_and_what_to_do() {
        let counts = "p.ldif: 7 rows: 3 new, 1 changed, 2 unchanged, 1 refused";
        let check = |applied: &str, dry_run, bad_rows, expected: &str| {
            let figures = FIGURES.replace("false", applied);
            assert_eq!(
                sentence("p.ldif", &figures, dry_run, bad_rows),
                format!("{counts}{expected}")
            );
        };
        check("true", false, None, "");
        check("true", false, Some("b.ldif"), "; the bad rows are in b.ldif");
        check("false", true, None, "; nothing was written, as asked");
        check(
            "false",
            false,
            None,
            "; nothing was written; correct the bad rows, or apply the others with --keep-going",
        );
    }

    #[test]
    fn a_row_of_a_dry_run_is_one_line_whatever_its_name() {
        assert_eq!(
            row_line("new\tuid=a\n\tb\u{1b}"),
            "new\tuid=a\\u{a}\\u{9}b\\u{1b}"
        );
    }

    #[test]
    fn a_row_of_a_dry_run_is_an_object() {
        let check = |text: &str, expected: serde_json::Value| assert_eq!(row_json(text), expected);
        check(
            "new\tuid=a b",
            serde_json::json!({ "dn": "uid=a b", "effect": "new" }),
        );
        check(
            "changed cn,sn removed mail\tuid=a",
            serde_json::json!({ "dn": "uid=a", "effect": "changed", "changed": ["cn", "sn"], "removed": ["mail"] }),
        );
        check(
            "removed mail\tuid=a",
            serde_json::json!({ "dn": "uid=a", "effect": "changed", "changed": [], "removed": ["mail"] }),
        );
    }

    #[test]
    fn json_has_numbers_where_numbers_are_meant() {
        let value = json(FIGURES, Some("b.ldif"));
        assert_eq!((&value["new"], &value["applied"]), (&3.into(), &false.into()));
        assert_eq!(value["refused_rows"], "b.ldif");
    }
}
