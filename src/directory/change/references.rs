//! Values that name an entry, in whichever entries: they follow it when it is renamed and go when it goes.
//!
//! Those of every user attribute of names, `manager` as well as `member`: the index knows who has them
//! ([`crate::index::IndexSettings::with_needed`]).

use std::collections::BTreeMap;

use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{ENTRY_BYTES_MAX, Supplies, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::stamp;
use crate::directory::request::Refusal;
use crate::domain::entry::AttributeDescription;
use crate::index::EntryRef;
use crate::types::{AttributeType, EntryId};

/// The entries that refer to others, as they will be.
pub(super) struct References<'w> {
    world: &'w World<'w>,
    /// The entry that is renamed or goes: whoever changes it writes it.
    own: (EntryId, Draft<'w>),
    others: BTreeMap<EntryId, (EntryRef<'w>, Draft<'w>)>,
}

impl<'w> References<'w> {
    /// None yet but `entry` itself, of which `draft` was made.
    pub(super) fn new(world: &'w World<'w>, entry: EntryId, draft: Draft<'w>) -> References<'w> {
        References {
            world,
            own: (entry, draft),
            others: BTreeMap::new(),
        }
    }

    /// Has everybody who refers to `named` refer to it by the name `new`, or no more.
    pub(super) fn follow(&mut self, named: EntryRef<'_>, new: Option<&str>) {
        let (old, normal) = (named.dn_text(), named.normal_dn());
        let (world, schema) = (self.world, self.world.directory.schema());
        for kind in schema.dn_valued().iter() {
            for holder in world.snapshot.holders(kind, normal.as_bytes(), schema) {
                let draft = if holder.id() == self.own.0 {
                    &mut self.own.1
                } else {
                    let other = self.others.entry(holder.id());
                    &mut other.or_insert_with(|| (holder, Draft::of(schema, holder))).1
                };
                rewrite(draft, holder, kind, &old, new);
            }
        }
    }

    /// Writes the others, and gives the draft of the entry itself. Errors: [`Refusal`] for one that would be too long.
    pub(super) fn write(self, claims: &mut Claims, supplies: &Supplies<'_>) -> Result<Draft<'w>, Refusal> {
        claims.followed(self.own.0);
        let mut csn = supplies.csn;
        for (id, (holder, mut draft)) in self.others {
            csn = csn.next_entry();
            stamp::modified(self.world, &mut draft, supplies.now, csn);
            let entry = draft.entry(holder.dn());
            let parent = holder.parent().map(|parent| parent.id());
            claims.write(id, draft.encode(id, parent, &entry, ENTRY_BYTES_MAX)?);
        }
        Ok(self.own.1)
    }
}

/// Has the values of `entry` that refer to `old` refer to `new`, in `draft`, which was made of it.
fn rewrite(draft: &mut Draft<'_>, entry: EntryRef<'_>, kind: AttributeType, old: &str, new: Option<&str>) {
    for attribute in entry.packed().filter(|attribute| attribute.kind == kind) {
        let description = AttributeDescription {
            kind,
            options: attribute.options.into(),
        };
        if let (Ok(()), Some(new)) = (draft.delete(&description, old.as_bytes()), new) {
            // It may have been there beside the old one.
            let _ = draft.add(&description, new.as_bytes().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::change::testing::{after, batch, dn, given, renaming, value};
    use crate::directory::changes::{Change, NewEntry};
    use crate::directory::testing::{UNLIMITED, directory};
    use crate::index::testing::{UNIVERSITY, snapshot};
    use crate::record::{Batch, Guard};

    const ADA: &str = "uid=ada,ou=people,dc=uni,dc=example";
    const GRACE: &str = "uid=grace,ou=people,dc=uni,dc=example";
    const PEOPLE: &str = "ou=people,dc=uni,dc=example";
    const STAFF: &str = "cn=staff,ou=groups,dc=uni,dc=example";

    /// Whether `second` is refused once `first` is stored.
    fn refuses(first: &Batch, second: &Batch) -> bool {
        let written = |guard: &Guard| match guard {
            Guard::UnchangedSince(key, _) => first.operations.iter().any(|it| it.key() == key),
            _ => false,
        };
        second.guards.iter().any(written)
    }

    fn role(name: &str) -> Change {
        Change::Add(NewEntry {
            dn: dn(name),
            attributes: vec![given(b"objectClass", "organizationalRole")],
        })
    }

    #[test]
    fn whoever_names_an_entry_that_is_being_renamed_or_removed_decides_again() {
        let directory = directory(UNLIMITED);
        let snapshot = snapshot(directory.schema(), UNIVERSITY);
        let batch = |change: &Change| batch(&directory, &snapshot, change);
        let naming = batch(&value(GRACE, b"seeAlso", ADA));
        for other in [
            renaming(ADA, "uid=lovelace", None),
            renaming(PEOPLE, "ou=members", None),
            Change::Remove(dn(ADA)),
        ] {
            let other = batch(&other);
            assert!(refuses(&other, &naming), "or the old name stays behind");
            assert!(refuses(&naming, &other), "or it is not followed");
        }
        let elsewhere = batch(&renaming(STAFF, "cn=employees", None));
        assert!(!refuses(&elsewhere, &naming));
        assert!(!refuses(&naming, &elsewhere));
        let nobody = batch(&value(
            GRACE,
            b"seeAlso",
            "uid=nobody,ou=people,dc=uni,dc=example",
        ));
        assert!(!refuses(&batch(&renaming(ADA, "uid=lovelace", None)), &nobody));
    }

    #[test]
    fn whoever_names_what_came_into_a_subtree_that_is_being_renamed_has_it_decided_again() {
        let directory = directory(UNLIMITED);
        let before = snapshot(directory.schema(), UNIVERSITY);
        let renamed = batch(&directory, &before, &renaming(PEOPLE, "ou=members", None));
        let neo = "cn=neo,ou=people,dc=uni,dc=example";
        let with_neo = after(&directory, &before, &batch(&directory, &before, &role(neo)));
        let naming = batch(&directory, &with_neo, &value(GRACE, b"seeAlso", neo));
        assert!(refuses(&naming, &renamed), "or it is not followed");
        assert!(refuses(&renamed, &naming), "or the old name stays behind");
    }

    #[test]
    fn whatever_is_moved_into_a_subtree_that_is_being_renamed_has_it_decided_again() {
        let directory = directory(UNLIMITED);
        let before = snapshot(directory.schema(), UNIVERSITY);
        let neo = "cn=neo,ou=groups,dc=uni,dc=example";
        let with_neo = after(&directory, &before, &batch(&directory, &before, &role(neo)));
        let naming = batch(
            &directory,
            &with_neo,
            &value("ou=groups,dc=uni,dc=example", b"seeAlso", neo),
        );
        let named = after(&directory, &with_neo, &naming);
        let moved = batch(&directory, &named, &renaming(neo, "cn=neo", Some(PEOPLE)));
        let renamed = batch(&directory, &named, &renaming(PEOPLE, "ou=members", None));
        assert!(refuses(&moved, &renamed), "or its new name is not followed");
        assert!(refuses(&renamed, &moved), "or it is followed to the old one");
    }

    #[test]
    fn a_subtree_is_renamed_under_one_guard_for_all_who_refer_into_it() {
        let directory = directory(UNLIMITED);
        let snapshot = snapshot(directory.schema(), UNIVERSITY);
        let guards = |entry: &str, rdn: &str| {
            let batch = batch(&directory, &snapshot, &renaming(entry, rdn, None));
            let of_references = |guard: &&Guard| match guard {
                Guard::UnchangedSince(key, _) => key.as_bytes().starts_with(b"ureferences to"),
                _ => false,
            };
            batch.guards.iter().filter(of_references).count()
        };
        assert_eq!(guards(PEOPLE, "ou=members"), 1);
        assert_eq!(guards(ADA, "uid=lovelace"), 1);
    }
}
