//! Checking the rows of one file, one by one.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::directory::change::unique;
use crate::domain::entry::{AttributeDescription, Entry};
use crate::domain::schema::Schema;
use crate::exchange::entries::Entries;
use crate::exchange::import::checking::check_schema;
use crate::exchange::import::classes;
use crate::exchange::import::merge::{Differences, Merge};
use crate::exchange::import::open::{Name, NameState, Needs, OpenRow, settle};
use crate::exchange::import::plan::{Claim, ImportPlan, Planned, RowKind};
use crate::exchange::import::reading::Reading;
use crate::exchange::import::seen::Seen;
use crate::exchange::import::{ENTRY_BYTES_MAX, ImportSettings, PLAN_BYTES_MAX, ROWS_MAX, Refused};
use crate::exchange::problem::{Fault, Problem, shown};
use crate::exchange::row::Row;
use crate::record::entry::StoredEntry;
use crate::types::{AttributeType, Dn, Entropy, EntryId, NormalDn, NormalDnRef};

/// What a good row does to the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Adds an entry.
    New,
    /// Changes an entry in these attributes, as the schema spells them; in none if only its name is spelt otherwise.
    Changed {
        /// Those that get other values.
        set: Vec<String>,
        /// Those it has no more.
        removed: Vec<String>,
    },
    /// Nothing: the entry is so already.
    Unchanged,
}

/// Why an import cannot begin.
#[derive(Clone, Debug, Error)]
pub enum Unready {
    /// The schema does not know an attribute type of the base's name, or refuses a value.
    #[error("the schema cannot read the name of the base, {0}")]
    Base(Dn),
    /// Without it an id could be given twice.
    #[error("the store's record of the next entry id is damaged; run `beadle store verify`")]
    NextId,
}

/// Checks rows against the schema, the directory and each other, and plans what they change.
pub struct Importer<'a> {
    schema: &'a Schema,
    existing: &'a Entries,
    base: NormalDn,
    base_text: Box<str>,
    reading: Reading<'a>,
    /// What the rows speak of, if not of everything.
    columns: Option<Vec<AttributeDescription>>,
    merge: Merge,
    names: Seen<Name>,
    values: Vec<(AttributeType, Seen<u64>)>,
    open: Vec<OpenRow>,
    /// The entries whose rows are open, or below one that is.
    unsettled: HashSet<EntryId>,
    plan: ImportPlan,
}

/// Where a row's entry stands and what it still needs.
struct Stand {
    id: EntryId,
    known: Option<EntryId>,
    above: Option<EntryId>,
    needs: Vec<Needs>,
}

/// A unique value: the position of its attribute, and its normal form.
struct Taken {
    space: usize,
    normal: Vec<u8>,
}

impl<'a> Importer<'a> {
    /// Checks against `existing`; no row has been met yet. Errors: [`Unready`].
    pub fn new(
        schema: &'a Schema,
        existing: &'a Entries,
        settings: &'a ImportSettings,
    ) -> Result<Importer<'a>, Unready> {
        let base = schema.normal_dn(&settings.base);
        let next_id = existing.next_id().ok_or(Unready::NextId)?;
        let unique = settings.unique.iter().map(|kind| schema.name(*kind).into());
        Ok(Importer {
            schema,
            existing,
            base: base.ok_or_else(|| Unready::Base(settings.base.clone()))?,
            base_text: settings.base.to_string().into(),
            reading: Reading::new(schema, settings),
            columns: None,
            merge: Merge::new(schema, settings, existing.revision()),
            names: Seen::new(),
            values: settings.unique.iter().map(|kind| (*kind, Seen::new())).collect(),
            open: Vec::new(),
            unsettled: HashSet::new(),
            plan: ImportPlan::new(existing.revision(), next_id, unique),
        })
    }

    /// The rows speak of these attributes only, as [`Rows::columns`](crate::exchange::row::Rows::columns) tells.
    pub fn speaking_of(mut self, columns: Option<Vec<&str>>) -> Importer<'a> {
        let known = |name| self.reading.description(name);
        self.columns = columns.map(|names| names.into_iter().filter_map(known).collect());
        self
    }

    /// Checks one row and plans what it changes. A row may turn out to be bad only at the end of the file,
    /// when what it depends on has not come: see [`Importer::finish`].
    pub fn row(&mut self, row: &Row, entropy: &mut dyn Entropy) -> Result<Effect, Problem> {
        let entry = self.reading.entry(row)?;
        let bad_dn = || Problem::of(row.dn_line(), "dn", Fault::BadDn(shown(row.dn())));
        let name = self.schema.normal_dn(&entry.dn).ok_or_else(bad_dn)?;
        let checked = self.check(row, entry, name.as_ref(), entropy);
        if checked.is_err() {
            self.note(name.as_bytes(), EntryId(0), row.line, NameState::Refused);
        }
        checked
    }

    /// What the file comes to, and the rows that turned out to be bad at its end.
    pub fn finish(mut self) -> (ImportPlan, Vec<Refused>) {
        let refused = settle(self.open, &mut self.names, &mut self.plan);
        (self.plan, refused)
    }

    fn check(
        &mut self,
        row: &Row,
        mut entry: Entry,
        name: NormalDnRef<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<Effect, Problem> {
        let of_dn = |fault| Problem::of(row.dn_line(), "dn", fault);
        let mut stand = self.stand(&entry, name).map_err(of_dn)?;
        let stored = self.existing.by_name(name).map(Entries::owned);
        if let Some(columns) = &self.columns {
            if let Some(stored) = &stored {
                let named = self.schema.name(self.schema.well_known().user_password);
                let of_pin = |fault| Problem::of(row.line, named, fault);
                let pin = self.merge.check_pin_stays(&entry, stored, columns);
                pin.map_err(of_pin)?;
                self.merge.keep_unspoken(self.schema, &mut entry, stored, columns);
            }
            if !classes::are_spoken_of(self.schema, columns) {
                classes::infer(self.schema, &mut entry);
            }
        }
        check_schema(self.schema, &mut entry, stored.as_ref(), row)?;
        let taken = self.free_values(row, &entry, &mut stand)?;
        let effect = match &stored {
            Some(stored) => {
                let differences = self.merge.known_entry(self.schema, &mut entry, stored);
                self.effect(differences.map_err(of_dn)?)
            }
            None => {
                self.merge.new_entry(&mut entry, entropy);
                Effect::New
            }
        };
        self.note(name.as_bytes(), stand.id, row.line, NameState::Good);
        let claims = self.claim(name.as_bytes(), row.line, taken);
        if effect == Effect::Unchanged {
            return Ok(effect);
        }
        let bytes = self.encode(row, &entry, &stand)?;
        self.check_size(row, bytes.len())?;
        let kind = stored.map_or(RowKind::New, |_| RowKind::Changed);
        let depth = entry.dn.rdns.len();
        if kind == RowKind::New {
            self.note_above(stand.above);
        }
        self.plan.push(&Planned {
            id: stand.id,
            above: stand.above,
            kind,
            depth,
            bytes: &bytes,
            claims: &claims,
        });
        self.keep_open(row, name.as_bytes(), stand);
        Ok(effect)
    }

    /// Finds the entry's id and what stands above it.
    fn stand(&mut self, entry: &Entry, name: NormalDnRef<'_>) -> Result<Stand, Fault> {
        if !name.is_at_or_under(self.base.as_ref()) {
            return Err(Fault::OutsideBase(self.base_text.clone()));
        }
        let met = self.names.find(name.as_bytes()).copied();
        if let Some(met) = met.filter(|met| met.state != NameState::Awaited) {
            return Err(Fault::DnTwice(met.line));
        }
        let known = self.existing.by_name(name).map(|entry| entry.id());
        // The base has no entry above it, whatever its name.
        let above = name.parent().filter(|_| name != self.base.as_ref());
        let (above, needs) = match above {
            None => (None, Vec::new()),
            Some(above) => self.above(entry, above)?,
        };
        let id = met.map(|met| met.id).or(known).unwrap_or_else(|| self.new_id());
        Ok(Stand {
            id,
            known,
            above,
            needs,
        })
    }

    /// The entry above, in the directory or in the file; one that has not come yet gets its id now.
    fn above(
        &mut self,
        entry: &Entry,
        above: NormalDnRef<'_>,
    ) -> Result<(Option<EntryId>, Vec<Needs>), Fault> {
        let parent = || entry.dn.parent().unwrap_or_default().to_string().into_boxed_str();
        let needs = || {
            vec![Needs::Above {
                name: above.as_bytes().into(),
                shown: parent(),
            }]
        };
        match self.names.find(above.as_bytes()).copied() {
            Some(met) if met.state == NameState::Refused => Err(Fault::ParentRefused(met.line)),
            Some(met) if met.state == NameState::Awaited || self.unsettled.contains(&met.id) => {
                Ok((Some(met.id), needs()))
            }
            Some(met) => Ok((Some(met.id), Vec::new())),
            None => match self.existing.by_name(above) {
                Some(entry) => Ok((Some(entry.id()), Vec::new())),
                None => {
                    let id = self.new_id();
                    self.names.insert(
                        above.as_bytes(),
                        Name {
                            id,
                            line: 0,
                            state: NameState::Awaited,
                        },
                    );
                    Ok((Some(id), needs()))
                }
            },
        }
    }

    /// The unique values the row gives its entry, in normal form, if all of them are free.
    fn free_values(&mut self, row: &Row, entry: &Entry, stand: &mut Stand) -> Result<Vec<Taken>, Problem> {
        let mut taken = Vec::new();
        for (space, (kind, seen)) in self.values.iter_mut().enumerate() {
            for value in entry.values(*kind) {
                let Some(normal) = self.schema.normal_value(*kind, value) else {
                    continue;
                };
                let problem = |fault| {
                    let line = line_of(row, self.schema, *kind, value);
                    Problem::of(line, self.schema.name(*kind), fault)
                };
                if let Some(line) = seen.find(&normal) {
                    return Err(problem(Fault::TakenInFile {
                        value: shown(value),
                        line: *line,
                    }));
                }
                if let Some(from) = self.existing.by_value(*kind, &normal, stand.known) {
                    let problem = problem(Fault::Taken {
                        value: shown(value),
                        dn: from.dn().to_string().into(),
                    });
                    let from = from.id();
                    stand.needs.push(Needs::Release { from, problem });
                }
                taken.push(Taken { space, normal });
            }
        }
        Ok(taken)
    }

    /// Takes them, and the name.
    fn claim(&mut self, name: &[u8], line: u64, taken: Vec<Taken>) -> Vec<Claim> {
        let mut claims = vec![Claim {
            space: 0,
            bucket: unique::bucket_number(name),
        }];
        for Taken { space, normal } in taken {
            claims.push(Claim {
                space: space as u8 + 1,
                bucket: unique::bucket_number(&normal),
            });
            if let Some((_, seen)) = self.values.get_mut(space) {
                seen.insert(&normal, line);
            }
        }
        claims
    }

    fn encode(&self, row: &Row, entry: &Entry, stand: &Stand) -> Result<Vec<u8>, Problem> {
        let stored = StoredEntry::new(self.schema, stand.id, stand.above, entry);
        // An entry without a name cannot be stored, and `Reading` lets none through.
        let bad_dn = || Problem::of(row.dn_line(), "dn", Fault::BadDn(shown(row.dn())));
        Ok(stored.ok_or_else(bad_dn)?.encode())
    }

    fn check_size(&self, row: &Row, bytes: usize) -> Result<(), Problem> {
        let of_row = |fault| Err(Problem::row(row.line, fault));
        if bytes > ENTRY_BYTES_MAX {
            return of_row(Fault::EntryTooLarge {
                bytes,
                max: ENTRY_BYTES_MAX,
            });
        }
        if self.plan.held_bytes() + bytes > PLAN_BYTES_MAX || self.plan.rows.len() >= ROWS_MAX {
            return of_row(Fault::FileTooLarge);
        }
        Ok(())
    }

    /// Notes the entries of the directory that a new one is below. Those of the file have rows of their own.
    fn note_above(&mut self, mut above: Option<EntryId>) {
        while let Some(id) = above
            && !self.plan.aboves.contains_key(&id)
            && let Some(entry) = self.existing.snapshot.entry_by_id(id)
        {
            above = entry.parent().map(|parent| parent.id());
            self.plan.aboves.insert(id, above);
        }
    }

    fn keep_open(&mut self, row: &Row, name: &[u8], stand: Stand) {
        if stand.needs.is_empty() {
            return;
        }
        self.unsettled.insert(stand.id);
        self.open.push(OpenRow {
            row: self.plan.rows.len().saturating_sub(1),
            name: name.into(),
            line: row.line,
            text: row.text.clone(),
            needs: stand.needs,
        });
    }

    /// Remembers that the row of `name` has come. The first word on a name counts.
    fn note(&mut self, name: &[u8], id: EntryId, line: u64, state: NameState) {
        match self.names.find(name) {
            Some(met) if met.state == NameState::Awaited => (met.line, met.state) = (line, state),
            Some(_) => {}
            None => self.names.insert(name, Name { id, line, state }),
        }
    }

    fn new_id(&mut self) -> EntryId {
        let id = self.plan.next_id;
        self.plan.next_id = self.plan.next_id.next();
        id
    }

    fn effect(&self, differences: Option<Differences>) -> Effect {
        let Some(differences) = differences else {
            return Effect::Unchanged;
        };
        let spelt = |descriptions: Vec<AttributeDescription>| {
            let each = descriptions.iter();
            each.map(|description| self.schema.spell(description)).collect()
        };
        let [set, removed] = differences.map(spelt);
        Effect::Changed { set, removed }
    }
}

/// The line of a value; the row's own if the file does not have it.
fn line_of(row: &Row, schema: &Schema, kind: AttributeType, value: &[u8]) -> u64 {
    let mut fields = row.fields();
    let found =
        fields.find(|field| field.value == value && schema.attribute(field.name.as_bytes()) == Some(kind));
    found.map_or(row.line, |field| field.line)
}
