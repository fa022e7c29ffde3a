//! What the log says of records that are set aside.

use serde::{Deserialize, Serialize};

use crate::index::{Moved, Quarantine, Reason};
use crate::record::{Key, Kind};

/// The most records that are named at once; of the others only the number is told. `beadle store verify` names all.
const NAMED_MAX: usize = 20;

/// Tells of every record that is set aside `now` and was not `before`, and of every one that is back.
pub fn report(before: &Quarantine, now: &Quarantine) {
    let mut moved = now.moved_since(before);
    for moved in moved.by_ref().take(NAMED_MAX) {
        match moved {
            Moved::Aside(key, reason) => {
                let (record, to_do) = (name(key), reason.remedy());
                tracing::error!(record, %reason, to_do, "index: a record is set aside; the others are served");
            }
            Moved::Back(key) => {
                tracing::info!(record = name(key), "index: a record is set aside no more");
            }
        }
    }
    let others = moved.count();
    if others > 0 {
        let set_aside = now.len();
        tracing::error!(
            others,
            set_aside,
            "index: more records are set aside or back; `beadle store verify` names them"
        );
    }
}

/// The records that are set aside, in words.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// How many there are.
    pub count: usize,
    /// A sentence for each of the first of them.
    named: Vec<String>,
}

impl SetAside {
    /// Those of `quarantine`.
    pub fn of(quarantine: &Quarantine) -> SetAside {
        let named = quarantine.iter().take(NAMED_MAX);
        SetAside {
            count: quarantine.len(),
            named: named.map(|(key, reason)| sentence(key, reason)).collect(),
        }
    }

    /// What to say of them; nothing if there is none.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let head = format!("{} records are set aside and left out:", self.count);
        let others = self.count.saturating_sub(self.named.len());
        let rest = format!("{others} more; `beadle store verify` names all while the daemon is stopped");
        let head = (self.count > 0).then_some(head);
        let rest = (others > 0).then_some(rest);
        head.into_iter().chain(self.named.iter().cloned()).chain(rest)
    }
}

/// A record set aside as a sentence: which, why, and what to do.
pub fn sentence(key: &Key, reason: Reason) -> String {
    format!("{}: {reason}; {}", name(key), reason.remedy())
}

/// The entry's number, or what its damaged key is in hexadecimal.
pub fn name(key: &Key) -> String {
    match key.entry_of(Kind::Entry) {
        Some(id) => format!("entry {id}"),
        None => format!("key {key}"),
    }
}
