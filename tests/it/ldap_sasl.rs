//! SASL binds in one session: which mechanisms work over which channel, and whom their messages name.

use beadle::directory::request::{Asker, Authenticate, LoginName, Outcome, Request, Verdict};
use beadle::ldap::channel::Channel;
use beadle::ldap::next::{Next, Trailing};
use beadle::types::LocalUser;
use bytes::BytesMut;

use crate::ldap_client::{bind, extended, request};
use crate::ldap_talk::{ADA, START_TLS, Talk, base_search, member, schema};

/// Somebody at the other end of a Unix socket.
const USER: LocalUser = LocalUser {
    user: 1000,
    group: 100,
};
const LOCAL: Channel = Channel::Local(USER);

/// A whole bind request with the id 7: no name, a mechanism and perhaps a message of it.
fn sasl(mechanism: &str, message: Option<&[u8]>) -> Vec<u8> {
    named_sasl("", mechanism, message)
}

fn named_sasl(name: &str, mechanism: &str, message: Option<&[u8]>) -> Vec<u8> {
    let mut choice = element(4, mechanism.as_bytes());
    choice.extend(message.map(|message| element(4, message)).unwrap_or_default());
    let parts = [
        &[2, 1, 3][..],
        &element(4, name.as_bytes()),
        &element(0xa3, &choice),
    ]
    .concat();
    element(0x30, &[&[2, 1, 7][..], &element(0x60, &parts)].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    beadle::ldap::ber::put_element(&mut out, tag, content);
    out.to_vec()
}

/// The code of a bind that the session answers itself.
fn code(channel: Channel, mechanism: &str, message: Option<&[u8]>) -> i64 {
    let mut talk = Talk::over(channel);
    log_in(&mut talk);
    let next = talk.bytes(&sasl(mechanism, message), Trailing::Nothing);
    assert!(matches!(next, Next::Answered(_)), "{mechanism} {message:?}");
    assert!(
        matches!(talk.session.asker(), Asker::Public),
        "the old identity is gone"
    );
    let code = talk.only_answer().1;
    assert_eq!(
        log_in(&mut talk),
        channel != Channel::Cleartext,
        "and the session lives"
    );
    code
}

/// Whether a log-in with a PIN can be had.
fn log_in(talk: &mut Talk) -> bool {
    match talk.say(bind(3, ADA, "right-pin")) {
        Next::Run(pending, _) => talk.settle(pending, Outcome::Authenticated(member())) == ("bind", 0),
        _ => false,
    }
}

/// The log-in that a message of PLAIN is.
fn plain(message: &[u8]) -> Authenticate {
    match Talk::over(Channel::Tls).bytes(&sasl("PLAIN", Some(message)), Trailing::Nothing) {
        Next::Run(_, Request::Authenticate(log_in)) => log_in,
        _ => panic!("a log-in: {message:?}"),
    }
}

#[test]
fn a_mechanism_that_does_not_work_here_is_refused_and_the_session_lives() {
    for channel in [Channel::Cleartext, Channel::TrustedCleartext] {
        assert_eq!(code(channel, "PLAIN", Some(b"\0ada\0right-pin")), 13);
        assert_eq!(code(channel, "PLAIN", None), 13);
        assert_eq!(code(channel, "EXTERNAL", None), 7);
    }
    assert_eq!(code(Channel::Tls, "EXTERNAL", Some(b"")), 7);
    for mechanism in ["", "GSSAPI", "DIGEST-MD5", "PLAIN2", "PLAI"] {
        for channel in [Channel::Cleartext, Channel::Tls, LOCAL] {
            assert_eq!(
                code(channel, mechanism, Some(b"\0ada\0right-pin")),
                7,
                "{mechanism}"
            );
        }
    }
}

#[test]
fn the_root_dse_lists_what_works_on_its_channel_and_nothing_else() {
    let listed = |talk: &mut Talk| {
        let (entries, _) = talk.entries(base_search("", &["supportedSASLMechanisms"]));
        let values = entries[0]
            .attributes
            .iter()
            .flat_map(|attribute| attribute.vals.clone());
        values
            .map(|value| String::from_utf8(value).expect("text"))
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&mut Talk::over(Channel::Cleartext)), [""; 0]);
    assert_eq!(listed(&mut Talk::over(Channel::TrustedCleartext)), [""; 0]);
    assert_eq!(listed(&mut Talk::over(Channel::Tls)), ["PLAIN"]);
    assert_eq!(listed(&mut Talk::over(LOCAL)), ["EXTERNAL", "PLAIN"]);
    let mut talk = Talk::over(LOCAL);
    assert!(matches!(talk.say(extended(START_TLS)), Next::StartTls));
    talk.session.on_tls();
    assert_eq!(
        listed(&mut talk),
        ["PLAIN"],
        "who is there is not known of what TLS carries"
    );
}

#[test]
fn plain_names_a_uid_or_a_dn_and_its_pin_is_bytes() {
    for message in [
        &b"\0ada\0\xff\xfe"[..],
        b"\0u:ada\0\xff\xfe",
        b"ada\0u:ada\0\xff\xfe",
        b"u:ada\0ada\0\xff\xfe",
    ] {
        let log_in = plain(message);
        assert!(matches!(log_in.name, LoginName::Uid(uid) if uid.as_str() == "ada"));
        assert!(log_in.pin.same_as(&[0xff, 0xfe]) && log_in.service.is_none());
    }
    let normal = schema().normal_dn_of(ADA).expect("a name").expect("known");
    for authzid in ["", "dn:UID=Ada, OU=people, DC=uni, DC=example"] {
        let log_in = plain(format!("{authzid}\0dn:{ADA}\0pin").as_bytes());
        assert!(matches!(log_in.name, LoginName::Dn(dn) if dn == normal));
    }
    // No account can have such a name, and that is found out after as much work as anything else.
    for wrong in [
        &b"\0dn:nonsense\0pin"[..],
        b"\0dn:noSuch=x\0pin",
        b"\0a\nb\0pin",
        b"\0\xff\0pin",
    ] {
        assert!(matches!(plain(wrong).name, LoginName::Nobody));
    }
}

#[test]
fn a_message_of_plain_that_is_none_or_for_somebody_else_is_a_wrong_pin() {
    for message in [
        &b""[..],
        b"ada",
        b"\0ada",
        b"\0ada\0",
        b"\0\0pin",
        b"\0\0",
        b"bob\0ada\0pin",
        b"u:Ada\0ada\0pin",
        b"dn:uid=ada,ou=people,dc=uni,dc=example\0ada\0pin",
        b"a\nb\0a\nb\0pin",
    ] {
        assert_eq!(code(Channel::Tls, "PLAIN", Some(message)), 49, "{message:?}");
    }
}

#[test]
fn a_client_that_waits_for_a_challenge_gets_an_empty_one() {
    let mut talk = Talk::over(Channel::Tls);
    let next = talk.bytes(&sasl("PLAIN", None), Trailing::Nothing);
    assert!(matches!(next, Next::Answered(_)));
    assert_eq!(talk.only_answer(), ("bind", 14));
    assert!(talk.out.ends_with(&[0x87, 0]), "serverSaslCreds");
    let next = talk.bytes(&sasl("plain", Some(b"\0ada\0pin")), Trailing::Nothing);
    let Next::Run(pending, Request::Authenticate(_)) = next else {
        panic!("a log-in");
    };
    assert_eq!(
        talk.settle(pending, Outcome::Authenticated(member())),
        ("bind", 0)
    );
    assert_eq!(talk.who_am_i(), format!("dn:{ADA}"));
}

#[test]
fn a_wrong_pin_by_plain_says_no_more_than_one_by_a_simple_bind() {
    let refused = |bytes: &[u8]| {
        let mut talk = Talk::over(Channel::Tls);
        let Next::Run(pending, _) = talk.bytes(bytes, Trailing::Nothing) else {
            panic!("a log-in");
        };
        assert_eq!(
            talk.settle(pending, Outcome::Authenticated(Verdict::Refused)),
            ("bind", 49)
        );
        talk.out
    };
    assert_eq!(
        refused(&sasl("PLAIN", Some(b"\0ada\0pin"))),
        refused(&request(7, bind(3, ADA, "pin")))
    );
}

#[test]
fn external_is_whoever_the_socket_says_and_nobody_else() {
    let own = b"dn:uidNumber=1000+gidNumber=100, cn=PeerCred,cn=external,cn=auth";
    for message in [None, Some(&b""[..]), Some(own)] {
        let mut talk = Talk::over(LOCAL);
        let next = talk.bytes(&named_sasl(ADA, "EXTERNAL", message), Trailing::Nothing);
        let Next::Run(pending, Request::AuthenticateLocal(user)) = next else {
            panic!("a log-in: {message:?}");
        };
        assert_eq!(user, USER);
        assert_eq!(
            talk.settle(
                pending,
                Outcome::Authenticated(Verdict::Accepted(Asker::Operator(USER)))
            ),
            ("bind", 0)
        );
        assert!(matches!(talk.session.asker(), Asker::Operator(USER)));
    }
    let other = format!("dn:{}", LocalUser { user: 0, ..USER }.dn_text());
    let ada = format!("dn:{ADA}");
    for authzid in [&other, &ada, "u:root", "root", "dn:", "dn:nonsense", "\0"] {
        assert_eq!(code(LOCAL, "EXTERNAL", Some(authzid.as_bytes())), 49, "{authzid}");
    }
}

#[test]
fn a_user_who_is_no_administrator_is_refused_and_who_was_one_is_so_no_longer() {
    let log_in = |talk: &mut Talk, verdict| {
        let Next::Run(pending, _) = talk.bytes(&sasl("EXTERNAL", None), Trailing::Nothing) else {
            panic!("a log-in");
        };
        talk.settle(pending, Outcome::Authenticated(verdict))
    };
    let operator = || Verdict::Accepted(Asker::Operator(USER));
    let mut talk = Talk::over(LOCAL);
    assert_eq!(log_in(&mut talk, operator()), ("bind", 0));
    assert_eq!(log_in(&mut talk, Verdict::Refused), ("bind", 49));
    assert_eq!(talk.who_am_i(), "");
    assert_eq!(log_in(&mut talk, operator()), ("bind", 0));
    assert_eq!(talk.hear(bind(3, "", "")), ("bind", 0));
    assert_eq!(talk.who_am_i(), "");
    assert_eq!(log_in(&mut talk, operator()), ("bind", 0));
    assert_eq!(talk.log_in(member()), ("bind", 0));
    assert_eq!(talk.who_am_i(), format!("dn:{ADA}"));
    assert_eq!(log_in(&mut talk, operator()), ("bind", 0));
    assert!(matches!(talk.say(extended(START_TLS)), Next::StartTls));
    talk.session.on_tls();
    assert_eq!(talk.who_am_i(), "");
}

#[test]
fn a_bind_that_is_no_sasl_bind_at_all_is_a_protocol_error() {
    for choice in [
        &[0xa3, 0][..],
        &[0xa3, 2, 2, 0],
        &[0xa3, 4, 4, 0, 2, 0],
        &[0xa3, 6, 4, 0, 4, 0, 4, 0],
    ] {
        let parts = [&[2, 1, 3, 4, 0][..], choice].concat();
        let bytes = element(0x30, &[&[2, 1, 7][..], &element(0x60, &parts)].concat());
        let mut talk = Talk::over(Channel::Tls);
        assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::Answered(_)));
        assert_eq!(talk.only_answer(), ("bind", 2), "{choice:?}");
    }
}
