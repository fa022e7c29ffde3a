//! The root DSE and the subschema subentry.

use beadle::ldap::channel::Channel;
use beadle::ldap::root_dse::StartTls;
use ldap3_proto::proto::*;

use crate::ldap_client::{compare, extended, search};
use crate::ldap_talk::{PASSWORD_MODIFY, START_TLS, Talk, WHO_AM_I, base_search};

#[test]
fn the_root_dse_tells_what_works() {
    let mut talk = Talk::over(Channel::Cleartext);
    let (entries, code) = talk.entries(base_search("", &["*", "+"]));
    assert_eq!((entries.len(), code), (1, 0));
    assert_eq!(entries[0].dn, "");
    let values = |name: &str| {
        let found = entries[0]
            .attributes
            .iter()
            .find(|attribute| attribute.atype == name);
        let values = found.map(|attribute| attribute.vals.clone()).unwrap_or_default();
        values
            .into_iter()
            .map(|value| String::from_utf8(value).expect("text"))
            .collect::<Vec<_>>()
    };
    assert_eq!(values("namingContexts"), ["dc=uni,dc=example"]);
    assert_eq!(values("defaultNamingContext"), ["dc=uni,dc=example"]);
    assert_eq!(values("supportedLDAPVersion"), ["3"]);
    assert_eq!(values("subschemaSubentry"), ["cn=Subschema"]);
    assert_eq!(
        values("supportedExtension"),
        [START_TLS, WHO_AM_I, PASSWORD_MODIFY]
    );
    assert!(values("supportedControl").contains(&"2.16.840.1.113730.3.4.2".to_owned()));
    assert_eq!(values("vendorName"), ["Beadle"]);
    assert_eq!(values("entryDN"), [""]);
    assert!(values("supportedSASLMechanisms").is_empty());
    assert!(values("supportedFeatures").contains(&"1.3.6.1.4.1.4203.1.5.1".to_owned()));
}

#[test]
fn the_root_dse_answers_selections_and_filters_like_any_entry() {
    let mut talk = Talk::over(Channel::Cleartext);
    let names = |entries: &[LdapSearchResultEntry]| {
        entries
            .iter()
            .flat_map(|entry| &entry.attributes)
            .map(|found| found.atype.clone())
            .collect::<Vec<_>>()
    };
    let (entries, _) = talk.entries(base_search("", &[]));
    assert_eq!(names(&entries), ["objectClass"], "the rest is operational");
    let (entries, _) = talk.entries(base_search("", &["NAMINGCONTEXTS", "noSuch"]));
    assert_eq!(names(&entries), ["namingContexts"]);
    let (entries, _) = talk.entries(base_search("", &["1.1"]));
    assert_eq!(names(&entries), Vec::<String>::new());
    let mut other = base_search("", &[]);
    other.filter = LdapFilter::Equality("objectClass".to_owned(), "person".to_owned());
    assert_eq!(talk.entries(other), (Vec::new(), 0));
    assert_eq!(
        talk.entries(search("", LdapSearchScope::Subtree, &[])),
        (Vec::new(), 32)
    );
    assert_eq!(
        talk.entries(search("", LdapSearchScope::OneLevel, &[])),
        (Vec::new(), 32)
    );
}

#[test]
fn types_only_leaves_the_values_out() {
    let mut talk = Talk::over(Channel::Cleartext);
    let mut asked = base_search("", &["namingContexts"]);
    asked.typesonly = true;
    let (entries, _) = talk.entries(asked);
    assert_eq!(entries[0].attributes[0].atype, "namingContexts");
    assert!(entries[0].attributes[0].vals.is_empty());
}

#[test]
fn start_tls_is_listed_only_where_it_works() {
    let mut talk = Talk::with(Channel::Cleartext, StartTls::NotOffered);
    let (entries, _) = talk.entries(base_search("", &["supportedExtension"]));
    assert_eq!(
        entries[0].attributes[0].vals,
        [WHO_AM_I.as_bytes(), PASSWORD_MODIFY.as_bytes()]
    );
    assert_eq!(talk.hear(extended(START_TLS)), ("extended", 2));
}

#[test]
fn the_subschema_subentry_describes_every_attribute_it_is_asked_for() {
    let mut talk = Talk::over(Channel::Cleartext);
    let (entries, code) = talk.entries(base_search("CN=subschema", &["attributeTypes", "objectClasses"]));
    assert_eq!((entries.len(), code), (1, 0));
    let text = |at: usize| {
        let values = entries[0].attributes[at].vals.iter();
        values
            .map(|value| String::from_utf8(value.clone()).expect("text"))
            .collect::<Vec<_>>()
    };
    for name in [
        "'uid'",
        "'memberOf'",
        "'eduPersonPrincipalName'",
        "'attributeTypes'",
    ] {
        assert!(
            text(0).iter().any(|description| description.contains(name)),
            "{name}"
        );
    }
    assert!(
        text(1)
            .iter()
            .any(|description| description.contains("'inetOrgPerson'"))
    );
    assert_eq!(
        talk.entries(search("cn=Subschema", LdapSearchScope::OneLevel, &[])),
        (Vec::new(), 0)
    );
}

#[test]
fn the_servers_own_entries_can_be_compared_with() {
    let mut talk = Talk::over(Channel::Cleartext);
    assert_eq!(
        talk.hear(compare("", "supportedLDAPVersion", "3")),
        ("compare", 6)
    );
    assert_eq!(
        talk.hear(compare("", "supportedLDAPVersion", "2")),
        ("compare", 5)
    );
    assert_eq!(talk.hear(compare("", "mail", "x")), ("compare", 16));
    assert_eq!(
        talk.hear(compare("cn=Subschema", "noSuchAttribute", "x")),
        ("compare", 17)
    );
}
