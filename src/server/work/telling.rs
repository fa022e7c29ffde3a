//! What an import tells whoever asked for it: on this terminal, or at the other end of the administration socket.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exchange::import::{Effect, Event, Mode, Refused};

/// Rows between two words about an import's progress.
const ROWS_PER_WORD: u64 = 1_000;

/// One thing that an import tells. Has no `Debug`: a row may hold a PIN's hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// How far the file is read; a word now and then.
    Read {
        /// Rows so far.
        rows: u64,
        /// Bytes of the file so far.
        bytes: u64,
    },
    /// A row that would change something, of a dry run.
    Row {
        /// Its name, as the file has it.
        dn: String,
        /// What it would do.
        effect: Effect,
        /// Rows so far.
        rows: u64,
        /// Bytes of the file so far.
        bytes: u64,
    },
    /// A row is refused.
    Refused {
        /// Where, what is wrong and what would be right.
        why: String,
        /// The row.
        row: RefusedRow,
    },
    /// Entries that are durably written.
    Written {
        /// So many so far.
        done: u64,
        /// Of so many.
        all: u64,
    },
}

/// A row that is refused, for the file of refused rows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedRow {
    /// As it stands in the file, which need not be UTF-8; in base64 on the wire.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    Text(Vec<u8>),
    /// Which bytes of the file it is, because it could not be kept.
    At(Range<u64>),
}

/// Picks what is told of what happens.
pub struct Teller {
    mode: Mode,
    rows: u64,
    /// Entries written so far, and in all.
    pub written: (u64, u64),
}

impl Teller {
    /// Of an import that has not begun.
    pub fn new(mode: Mode) -> Teller {
        Teller {
            mode,
            rows: 0,
            written: (0, 0),
        }
    }

    /// Every row of a dry run that would change something, a word now and then of the others, and everything else.
    pub fn told(&mut self, event: &Event<'_>) -> Option<Told> {
        match event {
            Event::Row { dn, effect, bytes } => self.row(dn, effect, *bytes),
            Event::Refused(refused) => Some(Told::Refused {
                why: refused.problem.to_string(),
                row: RefusedRow::of(refused),
            }),
            Event::Written(done, all) => {
                self.written = (*done, *all);
                Some(Told::Written {
                    done: *done,
                    all: *all,
                })
            }
        }
    }

    fn row(&mut self, dn: &[u8], effect: &Effect, bytes: u64) -> Option<Told> {
        self.rows += 1;
        let rows = self.rows;
        if self.mode == Mode::DryRun && *effect != Effect::Unchanged {
            let (dn, effect) = (String::from_utf8_lossy(dn).into_owned(), effect.clone());
            return Some(Told::Row {
                dn,
                effect,
                rows,
                bytes,
            });
        }
        rows.is_multiple_of(ROWS_PER_WORD)
            .then_some(Told::Read { rows, bytes })
    }
}

impl RefusedRow {
    fn of(refused: &Refused) -> RefusedRow {
        match &refused.place {
            Some(place) => RefusedRow::At(place.clone()),
            None => RefusedRow::Text(refused.text.clone()),
        }
    }
}

fn to_base64<S: Serializer>(text: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(text))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(mode: Mode, rows: u64, effect: &Effect) -> Vec<Told> {
        let mut teller = Teller::new(mode);
        let events = (1..=rows).map(|row| Event::Row {
            dn: b"uid=\xff",
            effect,
            bytes: 10 * row,
        });
        events.filter_map(|event| teller.told(&event)).collect()
    }

    #[test]
    fn rows_are_told_one_by_one_only_where_a_dry_run_would_change_something() {
        let read = Told::Read {
            rows: 1000,
            bytes: 10_000,
        };
        assert!(told(Mode::Apply, 1999, &Effect::New) == [read.clone()]);
        assert!(told(Mode::DryRun, 1000, &Effect::Unchanged) == [read]);
        assert_eq!(told(Mode::DryRun, 7, &Effect::New).len(), 7);
    }

    #[test]
    fn what_is_told_is_read_from_json_as_it_was_written() {
        let changed = Effect::Changed {
            set: vec!["cn".into()],
            removed: vec![],
        };
        let refused = |row| Told::Refused {
            why: "3: no".into(),
            row,
        };
        let mut all = told(Mode::DryRun, 1, &changed);
        all.extend(told(Mode::Apply, 1000, &Effect::New));
        all.push(refused(RefusedRow::Text(vec![0, 255, b'\n'])));
        all.push(refused(RefusedRow::At(5..1 << 40)));
        all.push(Told::Written { done: 1, all: 2 });
        for told in all {
            let json = serde_json::to_string(&told).unwrap();
            assert!(!json.contains('\n'), "{json}");
            assert!(serde_json::from_str::<Told>(&json).unwrap() == told, "{json}");
        }
    }
}
