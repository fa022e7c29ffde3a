//! A directory with plain rules for the tests of this layer.

use super::Directory;
use super::ask::limits::SearchLimits;
use crate::domain::access::{AccessRules, Never, Rule, Vocabulary};
use crate::index::testing::schema;

/// No limits at all.
pub(crate) const UNLIMITED: SearchLimits = SearchLimits {
    entries_max_public: 0,
    entries_max_member: 0,
    entries_max_service: 0,
    candidates_max: 0,
    time_limit_s: 0,
};

/// Strangers see people who are not hidden and no groups; members and the service `lms` every attribute of
/// them, `lms` of the group `staff` too; `audit` knows all entries.
pub(crate) const RULES: &[&str] = &[
    "the public may read uid, cn, sn, givenName, mail, ou, o, dc of open",
    "members may read * of (&(objectClass=person)(!(employeeType=hidden)))",
    "services may read *, + of (|(objectClass=person)(cn=staff))",
    "service audit may read mail",
];

/// The directory of [`RULES`].
pub(crate) fn directory(limits: SearchLimits) -> Directory {
    directory_of(RULES, limits)
}

/// A directory of these rules, in which `employeeNumber` is never public and recovery contacts are their owner's.
pub(crate) fn directory_of(rules: &[&str], limits: SearchLimits) -> Directory {
    let schema = schema().clone();
    let never = Never::new(
        &["employeeNumber"],
        &["beadleAlternateMail", "beadleRecoveryMobile"],
        &["userPassword"],
        &schema,
    );
    let open = "(|(objectClass=organization)(objectClass=organizationalUnit)(&(objectClass=person)(!(employeeType=hidden))))";
    let vocabulary = Vocabulary {
        schema: &schema,
        never: &never,
        entries: &[
            ("open".into(), open.into()),
            ("people".into(), "(objectClass=person)".into()),
        ],
        services: &["lms".into(), "audit".into()],
    };
    let rule = |text: &&str| Rule::parse(text, 0, &vocabulary).unwrap();
    let rules = rules.iter().map(rule).collect();
    let access = AccessRules::new(rules, never, &schema).unwrap();
    Directory::new(schema, access, limits)
}
