//! Values that name an entry, in whichever entries: they follow it when it is renamed and go when it goes.
//!
//! Those of every user attribute of names, `manager` as well as `member`, and `memberUid`, which names by UID: the index
//! knows who has them ([`crate::index::IndexSettings::with_needed`]).

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
    /// Whether anything about the entry is followed: a modification may leave its UIDs as they are.
    is_followed: bool,
}

impl<'w> References<'w> {
    /// None yet but `entry` itself, of which `draft` was made.
    pub(super) fn new(world: &'w World<'w>, entry: EntryId, draft: Draft<'w>) -> References<'w> {
        References {
            world,
            own: (entry, draft),
            others: BTreeMap::new(),
            is_followed: false,
        }
    }

    /// Has everybody who refers to `named` refer to it by the name `new`, or no more.
    pub(super) fn follow(&mut self, named: EntryRef<'_>, new: Option<&str>) {
        self.is_followed = true;
        let (old, normal) = (named.dn_text(), named.normal_dn());
        let (world, schema) = (self.world, self.world.directory.schema());
        for kind in schema.dn_valued().iter() {
            for holder in world.snapshot.holders(kind, normal.as_bytes(), schema) {
                let new = new.map(str::as_bytes);
                rewrite(self.draft(holder), holder, kind, old.as_bytes(), new);
            }
        }
    }

    /// Has everybody who lists `named` by a UID that it loses list it by the first of `new`, those it will have, or no
    /// more: whoever is given the UID next comes into nobody's groups.
    pub(super) fn follow_uids(&mut self, named: EntryRef<'_>, new: &[Box<[u8]>]) {
        let (world, schema) = (self.world, self.world.directory.schema());
        let types = schema.well_known();
        let listed = |uid: &[u8]| schema.normal_value(types.member_uid, uid);
        let kept: Vec<Vec<u8>> = new.iter().filter_map(|uid| listed(uid)).collect();
        let new = new.first().map(|uid| &**uid);
        let old = named.attribute(types.uid).into_iter();
        for old in old.flat_map(|uids| uids.values()) {
            let Some(normal) = listed(old).filter(|normal| !kept.contains(normal)) else {
                continue;
            };
            self.is_followed = true;
            for holder in world.snapshot.holders(types.member_uid, &normal, schema) {
                rewrite(self.draft(holder), holder, types.member_uid, old, new);
            }
        }
    }

    /// `holder` as it will be.
    fn draft(&mut self, holder: EntryRef<'w>) -> &mut Draft<'w> {
        if holder.id() == self.own.0 {
            return &mut self.own.1;
        }
        let (schema, other) = (self.world.directory.schema(), self.others.entry(holder.id()));
        &mut other.or_insert_with(|| (holder, Draft::of(schema, holder))).1
    }

    /// Writes the others, and gives the draft of the entry itself. Errors: [`Refusal`] for one that would be too long.
    pub(super) fn write(self, claims: &mut Claims, supplies: &Supplies<'_>) -> Result<Draft<'w>, Refusal> {
        if self.is_followed {
            claims.followed(self.own.0);
        }
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
fn rewrite(draft: &mut Draft<'_>, entry: EntryRef<'_>, kind: AttributeType, old: &[u8], new: Option<&[u8]>) {
    for attribute in entry.packed().filter(|attribute| attribute.kind == kind) {
        let description = AttributeDescription {
            kind,
            options: attribute.options.into(),
        };
        if let (Ok(()), Some(new)) = (draft.delete(&description, old), new) {
            // It may have been there beside the old one.
            let _ = draft.add(&description, new.into());
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
