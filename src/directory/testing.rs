//! A directory with plain rules for the tests of this layer.

use super::Directory;
use super::ask::limits::SearchLimits;
use crate::domain::access::{AccessRules, AccessSettings, Grantee, RuleSettings};
use crate::domain::filter::Filter;
use crate::index::testing::schema;

/// No limits at all.
pub(crate) const UNLIMITED: SearchLimits = SearchLimits {
    entries_max_public: 0,
    entries_max_member: 0,
    entries_max_service: 0,
    candidates_max: 0,
    time_limit_s: 0,
};

fn names(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

/// Strangers see people who are not hidden and no groups; members and the service `lms` every attribute of
/// them, `lms` of the group `staff` too; `audit` knows all entries.
pub(crate) fn directory(limits: SearchLimits) -> Directory {
    let schema = schema().clone();
    let rule = |grantee, entries, attributes: &[&str]| RuleSettings {
        grantee,
        entries: Filter::parse(&schema, entries).unwrap(),
        attributes: names(attributes),
    };
    let open = "(|(objectClass=organization)(objectClass=organizationalUnit)(&(objectClass=person)(!(employeeType=hidden))))";
    let settings = AccessSettings {
        open_to_public: names(&["uid", "cn", "sn", "givenName", "mail", "ou", "o", "dc"]),
        never_public: names(&["employeeNumber"]),
        owner_only: names(&["beadleAlternateMail", "beadleRecoveryMobile"]),
        secret: names(&["userPassword"]),
        public_entries: Filter::parse(&schema, open).unwrap(),
        rules: vec![
            rule(
                Grantee::Members,
                "(&(objectClass=person)(!(employeeType=hidden)))",
                &["*"],
            ),
            rule(
                Grantee::Services,
                "(|(objectClass=person)(cn=staff))",
                &["*", "+"],
            ),
            rule(Grantee::Service("audit".into()), "(objectClass=*)", &["mail"]),
        ],
    };
    let access = AccessRules::new(settings, &schema).unwrap();
    Directory::new(schema, access, limits)
}
