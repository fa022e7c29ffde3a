//! Values that name an entry, in whichever entries: they follow it when it is renamed and go when it goes.
//!
//! Those of every user attribute of names, `manager` as well as `member`: the index knows who has them
//! ([`crate::index::IndexSettings::with_needed`]).

use std::collections::BTreeMap;

use crate::directory::change::claims::Claims;
use crate::directory::change::decide::{ENTRY_BYTES_MAX, World};
use crate::directory::change::draft::Draft;
use crate::directory::change::stamp;
use crate::directory::request::Refusal;
use crate::domain::entry::AttributeDescription;
use crate::index::EntryRef;
use crate::types::{AttributeType, EntryId, Timestamp};

/// The entries that refer to others, as they will be.
pub(super) struct References<'w> {
    world: &'w World<'w>,
    /// The entry that is renamed or goes: whoever changes it writes it.
    own: (EntryId, Draft<'w>),
    others: BTreeMap<EntryId, (EntryRef<'w>, Draft<'w>)>,
    followed: Vec<EntryId>,
}

impl<'w> References<'w> {
    /// None yet but `entry` itself, of which `draft` was made.
    pub(super) fn new(world: &'w World<'w>, entry: EntryId, draft: Draft<'w>) -> References<'w> {
        References {
            world,
            own: (entry, draft),
            others: BTreeMap::new(),
            followed: Vec::new(),
        }
    }

    /// Has everybody who refers to `named` refer to it by the name `new`, or no more.
    pub(super) fn follow(&mut self, named: EntryRef<'_>, new: Option<&str>) {
        self.followed.push(named.id());
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
    pub(super) fn write(self, claims: &mut Claims, now: Timestamp) -> Result<Draft<'w>, Refusal> {
        self.followed.into_iter().for_each(|id| claims.referred(id));
        for (id, (holder, mut draft)) in self.others {
            stamp::modified(self.world, &mut draft, now);
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
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::directory::change::decide::{ChangeRules, Proof, Step, Supplies, decide};
    use crate::directory::changes::{
        Actor, Change, GivenAttribute, Modification, ModificationKind, Modify, OldValues, Rename, Terms,
    };
    use crate::directory::login::principals::Principals;
    use crate::directory::request::Asker;
    use crate::directory::testing::{UNLIMITED, directory};
    use crate::domain::audit::Origin;
    use crate::index::Snapshot;
    use crate::index::testing::{BASE, UNIVERSITY, snapshot};
    use crate::record::{Batch, Guard};
    use crate::types::{Dn, SeededEntropy};

    fn batch(snapshot: &Snapshot, change: &Change) -> Batch {
        let directory = directory(UNLIMITED);
        let base = directory.schema().normal_dn(&Dn::parse(BASE).unwrap());
        let rules = ChangeRules {
            base: base.unwrap(),
            unique: Vec::new(),
        };
        let (terms, asker, principals) = (Terms::default(), Asker::Root, Principals::default());
        let world = World::new(snapshot, &directory, &principals, &rules, &terms, &asker);
        let actor = Actor {
            asker: Asker::Root,
            origin: Origin {
                source: IpAddr::V4(Ipv4Addr::LOCALHOST),
                caller: None,
                service: None,
            },
        };
        let mut supplies = Supplies {
            now: Timestamp::default(),
            entropy: &mut SeededEntropy::new(1),
            fresh: Some(snapshot.next_id()),
            hash: None,
            proof: Proof::Missing,
        };
        match decide(&world, change, &actor, &mut supplies) {
            Ok(Step::Done(decision)) => decision.batch,
            Ok(_) => panic!("nothing to prove or to hash"),
            Err(refusal) => panic!("{:?}", refusal.answer),
        }
    }

    /// Whether `second` is refused once `first` is stored.
    fn refuses(first: &Batch, second: &Batch) -> bool {
        let written = |guard: &Guard| match guard {
            Guard::UnchangedSince(key, _) => first.operations.iter().any(|it| it.key() == key),
            _ => false,
        };
        second.guards.iter().any(written)
    }

    fn rename(dn: &str, rdn: &str) -> Change {
        Change::Rename(Rename {
            dn: Dn::parse(dn).unwrap(),
            rdn: Dn::parse(rdn).unwrap().rdns.remove(0),
            old_values: OldValues::Deleted,
            superior: None,
        })
    }

    #[test]
    fn whoever_names_an_entry_that_is_being_renamed_or_removed_decides_again() {
        let snapshot = snapshot(directory(UNLIMITED).schema(), UNIVERSITY);
        let ada = "uid=ada,ou=people,dc=uni,dc=example";
        let name = |value: &str| {
            let seen_by = GivenAttribute {
                description: b"seeAlso"[..].into(),
                values: vec![value.as_bytes().to_vec().into()],
            };
            let modification = Modification {
                kind: ModificationKind::Add,
                attribute: seen_by,
            };
            Change::Modify(Modify {
                dn: Dn::parse("uid=grace,ou=people,dc=uni,dc=example").unwrap(),
                modifications: vec![modification],
            })
        };
        let naming = batch(&snapshot, &name(ada));
        for other in [
            rename(ada, "uid=lovelace"),
            rename("ou=people,dc=uni,dc=example", "ou=members"),
            Change::Remove(Dn::parse(ada).unwrap()),
        ] {
            let other = batch(&snapshot, &other);
            assert!(refuses(&other, &naming), "or the old name stays behind");
            assert!(refuses(&naming, &other), "or it is not followed");
        }
        let elsewhere = rename("cn=staff,ou=groups,dc=uni,dc=example", "cn=employees");
        assert!(!refuses(&batch(&snapshot, &elsewhere), &naming));
        assert!(!refuses(&naming, &batch(&snapshot, &elsewhere)));
        let nobody = batch(&snapshot, &name("uid=nobody,ou=people,dc=uni,dc=example"));
        assert!(!refuses(&batch(&snapshot, &rename(ada, "uid=lovelace")), &nobody));
    }
}
