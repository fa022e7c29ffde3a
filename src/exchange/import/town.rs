//! A directory in memory that holds every guard, for the tests of import and export.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use super::*;
use crate::domain::schema::Schema;
use crate::exchange::export::{Exported, Form, Secrets, export};
use crate::exchange::row::RowError;
use crate::record::entry::StoredEntry;
use crate::record::{Batch, Guard, Key, Kind, Operation};
use crate::types::{Dn, SeededEntropy};

pub(super) const BASE: &str = "dc=uni,dc=example";
pub(super) const BASE_ROWS: &str = "dn: dc=uni,dc=example\nobjectClass: dcObject\nobjectClass: organization\n\
    dc: uni\no: University\n\ndn: ou=people,dc=uni,dc=example\nobjectClass: organizationalUnit\nou: people\n\n";

/// What an import told.
pub(super) struct Told {
    pub result: Result<Outcome, String>,
    pub refused: Vec<(String, String)>,
    pub effects: Vec<(String, Effect)>,
    pub written: Vec<(u64, u64)>,
}

impl Told {
    /// New, changed, unchanged, refused.
    pub(super) fn counts(&self) -> (u64, u64, u64, u64) {
        let counts = self.result.as_ref().unwrap().counts;
        (counts.new, counts.changed, counts.unchanged, counts.refused)
    }
}

pub(super) struct Town {
    pub schema: Schema,
    records: BTreeMap<Key, (Box<[u8]>, Revision)>,
    pub revision: Revision,
    pub batches: Vec<Batch>,
    /// What somebody else writes, one of them before each commit.
    pub rivals: Vec<Vec<Operation>>,
    /// How many batches are not durable before the next ones come.
    pub under_way_max: usize,
    pub now: Timestamp,
    entropy: SeededEntropy,
}

impl Town {
    /// An empty one.
    pub(super) fn new() -> Town {
        Town {
            schema: Schema::built_in(),
            records: BTreeMap::new(),
            revision: Revision(0),
            batches: Vec::new(),
            rivals: Vec::new(),
            under_way_max: 0,
            now: Timestamp::from_unix_ms(1_795_339_800_000),
            entropy: SeededEntropy::new(1),
        }
    }

    /// One with the base and `ou=people`.
    pub(super) fn with_base() -> Town {
        let mut town = Town::new();
        assert_eq!(town.import(BASE_ROWS).counts(), (2, 0, 0, 0));
        town
    }

    pub(super) fn import(&mut self, text: &str) -> Told {
        self.import_as(Format::Ldif, text, KeepGoing::No, Mode::Apply)
    }

    pub(super) fn import_as(
        &mut self,
        format: Format,
        text: &str,
        keep_going: KeepGoing,
        mode: Mode,
    ) -> Told {
        let schema = Schema::built_in();
        let kinds = |names: &[&str]| {
            names
                .iter()
                .map(|name| schema.attribute(name.as_bytes()).unwrap())
                .collect()
        };
        let settings = ImportSettings {
            base: Dn::parse(BASE).unwrap(),
            unique: kinds(&["uid", "mail", "uidNumber", "entryUUID"]),
            ignored: vec!["structuralObjectClass".into(), "entryCSN".into()],
            creator: Some((*b"cn=admin,dc=uni,dc=example").into()),
            now: self.now,
        };
        let job = Job {
            schema: &schema,
            settings: &settings,
            keep_going,
            mode,
        };
        let (mut refused, mut effects, mut written) = (Vec::new(), Vec::new(), Vec::new());
        let mut events = |event: Event<'_>| {
            match event {
                Event::Refused(row) => {
                    refused.push((
                        row.problem.to_string(),
                        String::from_utf8(row.text.clone()).unwrap(),
                    ));
                }
                Event::Row { dn, effect, .. } => {
                    effects.push((String::from_utf8_lossy(dn).into_owned(), effect.clone()));
                }
                Event::Written(done, all) => written.push((done, all)),
            }
            ControlFlow::Continue(())
        };
        let mut open = || -> Result<_, RowError> { rows(format, text.as_bytes(), &settings.base) };
        let mut entropy = SeededEntropy::new(self.entropy.next_u64());
        let result = run(&job, self, &mut open, &mut entropy, &mut events).map_err(|error| error.to_string());
        Told {
            result,
            refused,
            effects,
            written,
        }
    }

    pub(super) fn export(&self, secrets: Secrets) -> String {
        self.export_as(&Form::Ldif, secrets)
    }

    pub(super) fn export_as(&self, form: &Form, secrets: Secrets) -> String {
        let mut out = Vec::new();
        export(
            &self.schema,
            &self.look(),
            form,
            secrets,
            &mut out,
            &mut |_, _| {},
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The first value of an attribute of an entry.
    pub(super) fn value(&self, dn: &str, attribute: &str) -> Option<String> {
        let look = self.look();
        let entry = look.entry(look.by_name(self.schema.normal_dn(&Dn::parse(dn).unwrap())?.as_ref())?)?;
        let values = entry.values(self.schema.attribute(attribute.as_bytes()).unwrap());
        values
            .first()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Replaces the hash of an entry, as a log-in does that upgrades it.
    pub(super) fn upgrade(&mut self, dn: &str, hash: &str) {
        let look = self.look();
        let id = look
            .by_name(self.schema.normal_dn(&Dn::parse(dn).unwrap()).unwrap().as_ref())
            .unwrap();
        let (parent, mut entry) = look.entries[&id].clone();
        entry.set(
            self.schema.attribute(b"userPassword").unwrap(),
            vec![hash.as_bytes().into()],
        );
        let operation = self.put(id, parent, &entry);
        self.write(vec![operation]);
    }

    /// The operation that writes an entry.
    pub(super) fn put(&self, id: EntryId, parent: Option<EntryId>, entry: &Entry) -> Operation {
        let value = StoredEntry::new(&self.schema, id, parent, entry)
            .unwrap()
            .encode()
            .into();
        Operation::Put {
            key: Key::entry(id),
            value,
            expires: None,
        }
    }

    fn write(&mut self, operations: Vec<Operation>) {
        self.revision = Revision(self.revision.0 + 1);
        for operation in operations {
            match operation {
                Operation::Put { key, value, .. } => self.records.insert(key, (value, self.revision)),
                Operation::Delete { key } => self.records.remove(&key),
            };
        }
    }

    fn holds(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Absent(key) => !self.records.contains_key(key),
            Guard::UnchangedSince(key, at) => {
                self.records.get(key).is_none_or(|(_, revision)| revision <= at)
            }
        }
    }

    pub(super) fn look(&self) -> Look {
        let mut look = Look {
            revision: self.revision,
            next_id: EntryId::FIRST,
            names: HashMap::new(),
            values: HashMap::new(),
            entries: BTreeMap::new(),
        };
        if let Some((value, _)) = self.records.get(&Key::next_entry_id()) {
            look.next_id = EntryId::from_bytes(value).unwrap();
        }
        let stored: BTreeMap<EntryId, StoredEntry> = self
            .records
            .iter()
            .filter(|(key, _)| key.as_bytes()[0] == Kind::Entry as u8)
            .map(|(key, (value, _))| {
                let id = key.entry_of(Kind::Entry).unwrap();
                (id, StoredEntry::decode(id, value).unwrap())
            })
            .collect();
        for (id, entry) in &stored {
            let mut dn = Dn {
                rdns: vec![entry.rdn.clone()],
            };
            let mut parent = entry.parent;
            while let Some(above) = parent.map(|parent| &stored[&parent]) {
                dn.rdns.push(above.rdn.clone());
                parent = above.parent;
            }
            dn.rdns.extend(Dn::parse("dc=example").unwrap().rdns);
            look.names
                .insert(self.schema.normal_dn(&dn).unwrap().as_bytes().into(), *id);
            let entry_with_name = Entry {
                dn,
                attributes: entry.known_attributes(&self.schema),
            };
            for attribute in &entry_with_name.attributes {
                for value in &attribute.values {
                    let normal = self
                        .schema
                        .normal_value(attribute.description.kind, value)
                        .unwrap();
                    look.values
                        .entry((attribute.description.kind, normal))
                        .or_default()
                        .push(*id);
                }
            }
            look.entries.insert(*id, (entry.parent, entry_with_name));
        }
        look
    }
}

impl World for Town {
    type Existing = Look;
    type Error = String;

    fn existing(&mut self, revision: Revision) -> Result<Look, String> {
        assert!(revision <= self.revision);
        Ok(self.look())
    }

    fn writers(&self) -> Writers {
        Writers::Several
    }

    fn under_way(&self) -> usize {
        self.under_way_max.min(self.batches.len())
    }

    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn commit(&mut self, batch: Batch) -> Result<Committed, String> {
        if let Some(operations) = self.rivals.pop() {
            self.write(operations);
        }
        self.batches.push(batch.clone());
        if !batch.guards.iter().all(|guard| self.holds(guard)) {
            return Ok(Committed::Conflict(self.revision));
        }
        self.write(batch.operations);
        Ok(Committed::At(self.revision))
    }
}

/// A snapshot of a [`Town`].
pub(super) struct Look {
    revision: Revision,
    next_id: EntryId,
    names: HashMap<Vec<u8>, EntryId>,
    values: HashMap<(AttributeType, Vec<u8>), Vec<EntryId>>,
    pub entries: BTreeMap<EntryId, (Option<EntryId>, Entry)>,
}

impl Existing for Look {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn next_id(&self) -> EntryId {
        self.next_id
    }

    fn by_name(&self, normal_dn: NormalDnRef<'_>) -> Option<EntryId> {
        self.names.get(normal_dn.as_bytes()).copied()
    }

    fn by_value(&self, kind: AttributeType, normal: &[u8], but: Option<EntryId>) -> Option<EntryId> {
        let ids = self.values.get(&(kind, normal.to_vec()))?;
        ids.iter().copied().find(|id| Some(*id) != but)
    }

    fn entry(&self, id: EntryId) -> Option<Entry> {
        self.entries.get(&id).map(|(_, entry)| entry.clone())
    }
}

impl Exported for Look {
    fn ids(&self) -> Vec<EntryId> {
        self.entries.keys().rev().copied().collect()
    }

    fn dn(&self, id: EntryId) -> Option<Dn> {
        self.entries.get(&id).map(|(_, entry)| entry.dn.clone())
    }
}
