//! What every question is answered by.

use std::sync::Arc;

use crate::directory::ask::computed::ComputedTypes;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::ask::sort_room::SortRoom;
use crate::directory::request::Asker;
use crate::domain::access::{AccessRules, Groups, View, Viewer};
use crate::domain::schema::Schema;
use crate::index::Snapshot;

/// What stays the same from one request to the next: the schema, who may see what, the limits.
pub struct Directory {
    schema: Arc<Schema>,
    access: AccessRules,
    limits: SearchLimits,
    computed: ComputedTypes,
    sort_room: Arc<SortRoom>,
}

impl Directory {
    /// A directory with these rules.
    pub fn new(schema: Arc<Schema>, access: AccessRules, limits: SearchLimits) -> Directory {
        Directory {
            computed: ComputedTypes::new(&schema),
            sort_room: Arc::new(SortRoom::whole()),
            schema,
            access,
            limits,
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Who may see what.
    pub fn access(&self) -> &AccessRules {
        &self.access
    }

    /// What a search may cost.
    pub fn limits(&self) -> &SearchLimits {
        &self.limits
    }

    /// How `asker` sees entries of `snapshot`.
    pub fn view<'a>(&'a self, asker: &'a Asker, snapshot: &Snapshot) -> View<'a> {
        self.view_in(asker, self.groups(asker, snapshot))
    }

    /// How `asker` sees entries, who is in `groups`.
    pub fn view_in<'a>(&'a self, asker: &'a Asker, groups: Groups) -> View<'a> {
        let viewer = match asker {
            Asker::Public => Viewer::Public,
            Asker::Member(entry) => Viewer::Member(*entry, groups),
            Asker::Service(name) => Viewer::Service(name),
            Asker::Root | Asker::Operator(_) => Viewer::Root,
        };
        self.access.view(viewer, &self.schema)
    }

    /// Which of the groups that rules speak of `asker` is in: looked up once a request.
    pub fn groups(&self, asker: &Asker, snapshot: &Snapshot) -> Groups {
        let member = match asker {
            Asker::Member(id) => snapshot.entry_by_id(*id),
            _ => None,
        };
        member.map_or(Groups::NONE, |member| self.groups_of(snapshot, member))
    }

    /// The memory that searches sort in.
    pub(super) fn sort_room(&self) -> &Arc<SortRoom> {
        &self.sort_room
    }

    pub(crate) fn computed(&self) -> &ComputedTypes {
        &self.computed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::testing::{UNLIMITED, directory_of};
    use crate::index::testing::{Row, UNIVERSITY, snapshot};
    use crate::types::EntryId;

    const ADA: EntryId = EntryId(4);
    const GRACE: EntryId = EntryId(5);
    const SHY: EntryId = EntryId(6);

    /// The ids of the entries of which `asker` may write something.
    fn written(rules: &[&str], asker: &Asker) -> Vec<u64> {
        written_in(rules, asker, &[])
    }

    /// The same with more entries.
    fn written_in(rules: &[&str], asker: &Asker, more: &[Row<'_>]) -> Vec<u64> {
        let directory = directory_of(rules, UNLIMITED);
        let snapshot = snapshot(directory.schema(), &[UNIVERSITY, more].concat());
        let view = directory.view(asker, &snapshot);
        let entries = snapshot.entries();
        let written = entries.filter(|entry| !view.writable(entry.id(), entry).is_empty());
        written.map(|entry| entry.id().0).collect()
    }

    #[test]
    fn a_rule_for_a_group_is_for_those_it_lists() {
        let check = |group: &str, member, expected: &[u64]| {
            let rule = format!("group cn={group},ou=groups,dc=uni,dc=example may write title of people");
            let other = "group cn=nosuch,dc=uni may write cn of everything";
            assert_eq!(
                written(&[other, &rule], &Asker::Member(member)),
                expected,
                "{group} {member:?}"
            );
        };
        check("staff", ADA, &[4, 5, 6]);
        check("Staff", GRACE, &[4, 5, 6]);
        check("staff", SHY, &[]);
        check("secret", ADA, &[4, 5, 6]);
        check("secret", GRACE, &[]);
        check("staff", EntryId(99), &[]);
        let staff = "group cn=staff,ou=groups,dc=uni,dc=example may write title of people";
        assert_eq!(written(&[staff], &Asker::Service("lms".into())), [0; 0]);
    }

    #[test]
    fn a_rule_for_a_group_is_for_those_of_the_groups_inside_and_for_those_it_lists_by_uid() {
        const MORE: &[Row<'_>] = &[
            // Staff is in the office, the office in the house, and that in the office again.
            Row(
                20,
                3,
                "cn=office",
                &[
                    "objectClass: groupOfUniqueNames",
                    "uniqueMember: cn=STAFF,ou=groups,dc=uni,dc=example",
                    "uniqueMember: cn=house,ou=groups,dc=uni,dc=example",
                ],
            ),
            Row(
                21,
                3,
                "cn=house",
                &[
                    "objectClass: groupOfNames",
                    "objectClass: posixGroup",
                    "member: cn=office,ou=groups,dc=uni,dc=example",
                    "memberUid: shy",
                    "memberUid: two",
                ],
            ),
            Row(22, 2, "cn=one", &["objectClass: person", "uid: two"]),
            Row(23, 2, "cn=two", &["objectClass: person", "uid: two"]),
        ];
        let may = |group: &str, member| {
            let rule = format!("group cn={group},ou=groups,dc=uni,dc=example may write title of people");
            !written_in(&[&rule], &Asker::Member(member), MORE).is_empty()
        };
        for group in ["office", "house"] {
            assert!(may(group, ADA) && may(group, GRACE), "through staff into {group}");
            assert!(may(group, SHY), "by uid into {group}");
            assert!(!may(group, EntryId(22)), "a uid that two have");
            assert!(may(group, EntryId(7)), "a group is in it too");
        }
        assert!(!may("staff", SHY) && !may("secret", SHY));
    }

    #[test]
    fn a_rule_below_a_name_is_for_what_is_at_or_under_it() {
        let check = |base: &str, expected: &[u64]| {
            let rule = format!("services may write title of below {base}");
            assert_eq!(
                written(&[&rule], &Asker::Service("lms".into())),
                expected,
                "{base}"
            );
        };
        check("ou=people,dc=uni,dc=example", &[2, 4, 5, 6]);
        check("OU=People, DC=uni, DC=example", &[2, 4, 5, 6]);
        check("uid=grace,ou=people,dc=uni,dc=example", &[5]);
        check("dc=uni,dc=example", &[1, 2, 3, 4, 5, 6, 7, 8]);
        check("dc=example", &[1, 2, 3, 4, 5, 6, 7, 8]);
        check("ou=elsewhere,dc=uni,dc=example", &[]);
        check("dc=people,dc=uni,dc=example", &[]);
        check("uid=x,ou=people,dc=uni,dc=example", &[]);
        check("dc=net", &[]);
    }
}
