//! What is remembered of the log-ins of every account, for lock-out. In memory, bounded.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

use crate::domain::lockout::Attempts;
use crate::types::{EntryId, Timestamp};

/// The most accounts whose attempts are remembered; beyond it those not seen longest are forgotten first.
/// A lock is never forgotten before it ends: locks are bounded by the accounts there are. More than a campus has, for
/// what is forgotten is read from the store at the next log-in; about 50 MB when all have logged in.
pub const TRACKED_ACCOUNTS_MAX: usize = 262_144;

const SHARDS: usize = 64;
const GENERATION_MAX: usize = TRACKED_ACCOUNTS_MAX / SHARDS / 2;

/// The attempts of every account, by entry id.
pub struct AttemptsTable {
    shards: [Mutex<Generations>; SHARDS],
}

/// Two maps by turns: when the young one is full it becomes the old one, and the old one is dropped.
#[derive(Default)]
struct Generations {
    young: HashMap<EntryId, Attempts, FixedState>,
    old: HashMap<EntryId, Attempts, FixedState>,
}

impl Default for AttemptsTable {
    fn default() -> AttemptsTable {
        AttemptsTable {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl AttemptsTable {
    /// Lets `act` read and change what is remembered of `entry`, alone. It must be short: other log-ins wait.
    /// Without an entry there is nothing to remember, and what `act` does is forgotten.
    pub fn with<T>(&self, entry: Option<EntryId>, now: Timestamp, act: impl FnOnce(&mut Attempts) -> T) -> T {
        let Some(entry) = entry else {
            return act(&mut Attempts::default());
        };
        self.shard(entry).with(entry, now, act)
    }

    /// Whether anything is remembered of `entry`.
    pub fn has(&self, entry: EntryId) -> bool {
        let generations = self.shard(entry);
        generations.young.contains_key(&entry) || generations.old.contains_key(&entry)
    }

    fn shard(&self, entry: EntryId) -> MutexGuard<'_, Generations> {
        let shard = &self.shards[(entry.0 % SHARDS as u64) as usize];
        // A map is whole between any two statements, so a poisoned lock guards one all the same.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn with<T>(&mut self, entry: EntryId, now: Timestamp, act: impl FnOnce(&mut Attempts) -> T) -> T {
        if let Some(attempts) = self.young.get_mut(&entry) {
            return act(attempts);
        }
        let mut attempts = self.old.remove(&entry).unwrap_or_default();
        let result = act(&mut attempts);
        if !attempts.is_empty() {
            self.make_room(now);
            self.young.insert(entry, attempts);
        }
        result
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.young.len() < GENERATION_MAX {
            return;
        }
        let forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        let locked = forgotten
            .into_iter()
            .filter(|(_, attempts)| attempts.is_locked(now));
        self.young.extend(locked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::lockout::{Holds, Lock};

    const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);

    fn lock() -> Lock {
        Lock {
            until: START.plus_s(60),
            holds: Holds::ForAll,
        }
    }

    fn is_locked(table: &AttemptsTable, entry: EntryId) -> bool {
        table.with(Some(entry), START, |attempts| attempts.is_locked(START))
    }

    fn tracked(table: &AttemptsTable) -> usize {
        let size = |shard: &Mutex<Generations>| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        };
        table.shards.iter().map(size).sum()
    }

    #[test]
    fn each_account_has_its_own_attempts() {
        let table = AttemptsTable::default();
        let set = |attempts: &mut Attempts| attempts.set_lock(Some(lock()));
        table.with(Some(EntryId(7)), START, set);
        table.with(None, START, set);
        assert!(is_locked(&table, EntryId(7)) && table.has(EntryId(7)) && !table.has(EntryId(8)));
        assert!(!is_locked(&table, EntryId(7 + SHARDS as u64)));
        assert_eq!(tracked(&table), 1, "looking leaves nothing behind");
    }

    #[test]
    fn many_accounts_are_forgotten_but_no_lock() {
        let table = AttemptsTable::default();
        table.with(Some(EntryId(0)), START, |attempts| {
            attempts.set_lock(Some(lock()))
        });
        let source = crate::types::SourceGroup::Local;
        for entry in 1..2 * TRACKED_ACCOUNTS_MAX as u64 {
            table.with(Some(EntryId(entry)), START, |attempts| {
                attempts.right(source, START)
            });
        }
        assert!(tracked(&table) <= TRACKED_ACCOUNTS_MAX);
        assert!(is_locked(&table, EntryId(0)));
        assert!(table.with(Some(EntryId(1)), START, |attempts| attempts.is_empty()));
    }
}
