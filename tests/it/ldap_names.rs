//! Names that are no distinguished names, for clients that can do nothing else: in a bind and as a search's base.

use beadle::directory::request::{LoginName, Request};
use beadle::ldap::channel::Channel;
use beadle::ldap::names::{BindName, Names};
use ldap3_proto::proto::{LdapOp, LdapSearchScope};

use crate::ldap_client::{bind, compare, search};
use crate::ldap_talk::{ADA, Talk, asked_search, base_search, dn};

fn binding_by(names: &[BindName]) -> Talk {
    let names = Names {
        bind: names.to_vec(),
        ..Names::default()
    };
    Talk::naming(Channel::Tls, names)
}

fn realm() -> BindName {
    BindName::Realm("uni.example".into())
}

/// Whom a bind with this name means, in the test's words.
fn meant(names: &[BindName], name: &str) -> String {
    match binding_by(names).ask(bind(3, name, "pin")) {
        (_, Request::Authenticate(log_in)) => word(&log_in.name),
        _ => panic!("a log-in"),
    }
}

fn word(name: &LoginName) -> String {
    match name {
        LoginName::Uid(uid) => format!("uid {}", uid.as_str()),
        LoginName::Mail(mail) => format!("mail {}", mail.as_str()),
        LoginName::FirstOf(names) => names.iter().map(word).collect::<Vec<_>>().join(", "),
        LoginName::Dn(_) => "dn".to_owned(),
        LoginName::Nobody => "nobody".to_owned(),
    }
}

#[test]
fn a_bind_by_what_is_no_dn_is_read_as_the_configuration_allows() {
    let all = [BindName::Uid, realm(), BindName::Mail];
    assert_eq!(meant(&all, "ada"), "uid ada");
    assert_eq!(
        meant(&all, "ada@UNI.example"),
        "uid ada@UNI.example, uid ada, mail ada@UNI.example"
    );
    assert_eq!(
        meant(&all[1..], "ada@uni.example"),
        "uid ada, mail ada@uni.example"
    );
    assert_eq!(meant(&all[1..], "ada@home.example"), "mail ada@home.example");
    assert_eq!(meant(&[realm()], "ada@uni.example"), "uid ada");
    assert_eq!(meant(&all, ADA), "dn", "a DN stays one");
    assert_eq!(meant(&all, "noSuchAttribute=x"), "nobody");
}

#[test]
fn a_bind_by_what_is_not_allowed_is_invalid_dn_syntax() {
    let refused = |names: &[BindName], name: &str| {
        assert_eq!(
            binding_by(names).hear(bind(3, name, "pin")),
            ("bind", 34),
            "{name}"
        );
    };
    refused(&[], "ada");
    refused(&[], "ada@uni.example");
    refused(&[realm()], "ada");
    refused(&[realm()], "ada@home.example");
    refused(&[realm()], "@uni.example");
    refused(&[BindName::Mail], "ada");
    refused(&[BindName::Uid], "a\nb");
    let mut talk = binding_by(&[BindName::Uid]);
    assert_eq!(
        talk.hear(bind(3, "ada", "")),
        ("bind", 53),
        "no PIN is no log-in by any name"
    );
}

fn with_default_base() -> Talk {
    let names = Names {
        default_search_base: Some(dn("ou=people,dc=uni,dc=example")),
        ..Names::default()
    };
    Talk::naming(Channel::Tls, names)
}

#[test]
fn a_search_under_the_empty_name_looks_below_the_default_base() {
    for scope in [
        LdapSearchScope::OneLevel,
        LdapSearchScope::Subtree,
        LdapSearchScope::Children,
    ] {
        let asked = |base| {
            let (_, request) =
                with_default_base().ask(LdapOp::SearchRequest(search(base, scope.clone(), &[])));
            asked_search(request).base.dn().to_string()
        };
        assert_eq!(asked(""), "ou=people,dc=uni,dc=example");
        assert_eq!(
            asked("dc=uni,dc=example"),
            "dc=uni,dc=example",
            "and another where it says"
        );
    }
}

#[test]
fn the_root_dse_is_there_whatever_the_default_base() {
    let mut talk = with_default_base();
    let (entries, code) = talk.entries(base_search("", &["namingContexts"]));
    assert_eq!((entries.len(), code), (1, 0));
    assert_eq!(
        talk.hear(compare("", "supportedLDAPVersion", "3")),
        ("compare", 6)
    );
}
