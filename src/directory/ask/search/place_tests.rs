//! Rules of a place: who leaves it or comes to it, by whatever rename above, is out of them or in them at once.

use super::*;
use crate::directory::testing::{UNLIMITED, directory_of};
use crate::index::testing::{Row, UNIVERSITY, change, marked, put};

const RULES: &[&str] = &["members may read cn, ou of below ou=people,dc=uni,dc=example"];

/// The ids of whom a member may know of, by the rules and by the sets.
fn known(directory: &Arc<Directory>, snapshot: &Snapshot) -> [Vec<u64>; 2] {
    let asker = Asker::Member(EntryId(99));
    let view = directory.view(&asker, snapshot);
    let entries = snapshot.entries().filter(|entry| view.knows(entry.id(), entry));
    let mut by_rule: Vec<u64> = entries.map(|entry| entry.id().0).collect();
    let mut slots: Vec<Slot> = snapshot.entries().map(|entry| entry.slot()).collect();
    snapshot.keep_in(view.sets_known().unwrap(), None, &mut slots);
    let ids = slots.iter().filter_map(|slot| snapshot.id_at(*slot));
    let mut by_set: Vec<u64> = ids.map(|id| id.0).collect();
    by_rule.sort_unstable();
    by_set.sort_unstable();
    [by_rule, by_set]
}

#[test]
fn who_is_below_a_renamed_entry_is_in_the_place_of_the_new_name() {
    let directory = Arc::new(directory_of(RULES, UNLIMITED));
    let schema = directory.schema();
    let mut snapshot = marked(schema, UNIVERSITY, directory.access().sets());
    let class = "objectClass: organizationalUnit";
    let moves: [(Row<'_>, &[u64]); 4] = [
        (Row(2, 1, "ou=folk", &[class, "ou: folk"]), &[]),
        (Row(3, 1, "ou=people", &[class, "ou: people"]), &[3, 7, 8]),
        (Row(2, 3, "ou=folk", &[class, "ou: folk"]), &[2, 3, 4, 5, 6, 7, 8]),
        (Row(3, 1, "ou=groups", &[class, "ou: groups"]), &[]),
    ];
    assert_eq!(known(&directory, &snapshot), [[2, 4, 5, 6], [2, 4, 5, 6]]);
    for (revision, (row, expected)) in (2..).zip(moves) {
        snapshot = snapshot
            .apply(&[change(revision, vec![put(schema, &row)])], schema)
            .unwrap();
        let folded = snapshot.folded(schema, std::num::NonZeroUsize::MIN).unwrap();
        for snapshot in [&snapshot, &folded] {
            assert_eq!(known(&directory, snapshot), [expected, expected], "{}", row.2);
        }
    }
}
