//! One LDAP session, message by message: what it answers itself, and what it asks the directory.

use beadle::directory::request::{Answer, Asker, Changed, LoginName, Outcome, Request, Scope, Verdict};
use beadle::ldap::channel::Channel;
use beadle::ldap::envelope::Refusal;
use beadle::ldap::limits::SELECTED_ATTRIBUTES_MAX;
use beadle::ldap::next::{Next, Trailing};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::*;

use crate::ldap_client::{
    answers, bind, compare, controlled, extended, request, search, told, unknown_control,
};
use crate::ldap_talk::{ADA, START_TLS, Talk, WHO_AM_I, asked_search, base_search, dn, member, schema};

#[test]
fn a_bind_that_cannot_be_a_log_in_is_answered_without_the_directory() {
    let check = |channel, op, code| assert_eq!(Talk::over(channel).hear(op), ("bind", code));
    check(Channel::Tls, bind(3, "", ""), 0);
    check(Channel::Cleartext, bind(3, "", ""), 0);
    check(Channel::Tls, bind(2, ADA, "pin"), 2);
    check(Channel::Tls, bind(9, ADA, "pin"), 2);
    check(Channel::Tls, bind(3, ADA, ""), 53);
    check(Channel::Tls, bind(3, "", "pin"), 49);
    check(Channel::Tls, bind(3, "no name", "pin"), 34);
    check(Channel::Cleartext, bind(3, ADA, "pin"), 13);
    check(Channel::Cleartext, bind(3, ADA, ""), 53);
}

#[test]
fn unknown_authentication_is_refused_and_the_session_lives() {
    let mut talk = Talk::over(Channel::Tls);
    // version 3, no name, then [3] { "XYZZY" } and [7] "".
    for choice in [&[0xa3, 7, 4, 5, b'X', b'Y', b'Z', b'Z', b'Y'][..], &[0x87, 0]] {
        let mut bind = vec![0x60, 5 + choice.len() as u8, 2, 1, 3, 4, 0];
        bind.extend_from_slice(choice);
        let mut bytes = vec![0x30, 3 + bind.len() as u8, 2, 1, 7];
        bytes.extend_from_slice(&bind);
        assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::Answered(_)));
        assert_eq!(talk.only_answer(), ("bind", 7));
    }
    assert_eq!(talk.log_in(member()), ("bind", 0));
}

#[test]
fn a_log_in_carries_the_pin_as_bytes_and_changes_who_asks() {
    let mut talk = Talk::over(Channel::TrustedCleartext);
    let pin = [
        0x30, 16, 2, 1, 7, 0x60, 11, 2, 1, 3, 4, 4, b'c', b'n', b'=', b'a', 0x80, 0,
    ];
    let mut bytes = pin.to_vec();
    *bytes.last_mut().expect("not empty") = 2;
    bytes.extend_from_slice(&[0xff, 0xfe]);
    bytes[1] += 2;
    bytes[6] += 2;
    let Next::Run(pending, Request::Authenticate(asked)) = talk.bytes(&bytes, Trailing::Nothing) else {
        panic!("a log-in");
    };
    assert!(asked.pin.same_as(&[0xff, 0xfe]), "PINs are bytes, UTF-8 or not");
    assert!(matches!(asked.name, LoginName::Dn(_)) && asked.service.is_none());
    assert_eq!(
        talk.settle(pending, Outcome::Authenticated(Verdict::Refused)),
        ("bind", 49)
    );

    assert_eq!(talk.log_in(member()), ("bind", 0));
    assert!(matches!(talk.session.asker(), Asker::Member(_)));
    assert_eq!(talk.who_am_i(), format!("dn:{ADA}"));
}

#[test]
fn whatever_becomes_of_a_bind_the_old_identity_is_gone() {
    let failing = [
        bind(3, ADA, ""),
        bind(2, ADA, "pin"),
        bind(3, "no name", "pin"),
        bind(3, "", ""),
    ];
    for op in failing {
        let mut talk = Talk::over(Channel::Tls);
        talk.log_in(member());
        talk.hear(op);
        assert!(matches!(talk.session.asker(), Asker::Public));
    }
    for (verdict, code) in [(Verdict::Refused, 49), (Verdict::Busy, 51)] {
        let mut talk = Talk::over(Channel::Tls);
        talk.log_in(member());
        assert_eq!(talk.log_in(verdict), ("bind", code));
        assert_eq!(talk.who_am_i(), "");
    }
}

#[test]
fn a_refused_log_in_says_nothing_but_its_code() {
    let mut talk = Talk::over(Channel::Tls);
    talk.log_in(Verdict::Refused);
    let Some(LdapOp::BindResponse(response)) = answers(&talk.out).pop().map(|answer| answer.op) else {
        panic!("a bind response");
    };
    assert_eq!(
        (response.res.message.as_str(), response.res.matcheddn.as_str()),
        ("", "")
    );
}

#[test]
fn root_and_services_are_who_they_said() {
    let mut talk = Talk::over(Channel::Tls);
    talk.log_in(Verdict::Accepted(Asker::Service("mail".into())));
    assert_eq!(talk.who_am_i(), format!("dn:{ADA}"));
}

#[test]
fn a_search_reaches_the_directory_as_it_was_asked() {
    let mut talk = Talk::over(Channel::Tls);
    let mut asked = search(
        "ou=people,dc=uni,dc=example",
        LdapSearchScope::OneLevel,
        &["*", "+"],
    );
    (asked.sizelimit, asked.timelimit) = (9, 8);
    let (pending, request) = talk.ask(LdapOp::SearchRequest(asked));
    let search = asked_search(request);
    assert_eq!(
        (search.scope, search.entries_max, search.time_limit_s),
        (Scope::One, 9, 8)
    );
    assert_eq!(search.base.dn().to_string(), "ou=people,dc=uni,dc=example");
    assert_eq!(
        (search.selection.all_user, search.selection.all_operational),
        (true, true)
    );
    assert_eq!(
        talk.settle(pending, Outcome::Answered(Answer::SizeLimitExceeded)),
        ("done", 4)
    );
}

#[test]
fn attributes_are_selected_by_name_alias_oid_option_and_class() {
    let selected = |attributes: &[&str]| {
        let (_, request) = Talk::over(Channel::Tls).ask(LdapOp::SearchRequest(base_search(
            "dc=uni,dc=example",
            attributes,
        )));
        let selection = asked_search(request).selection;
        let named = selection.named.iter().map(|(kind, options)| match &**options {
            "" => schema().name(*kind).to_owned(),
            options => format!("{};{options}", schema().name(*kind)),
        });
        (
            selection.all_user,
            selection.all_operational,
            named.collect::<Vec<_>>(),
        )
    };
    let check = |attributes: &[&str], user, operational, names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(selected(attributes), (user, operational, names), "{attributes:?}");
    };
    check(&[], true, false, &[]);
    check(&["1.1"], false, false, &[]);
    check(&["+"], false, true, &[]);
    check(&["*", "MEMBEROF"], true, false, &["memberOf"]);
    check(&["surname", "2.5.4.3"], false, false, &["sn", "cn"]);
    check(
        &["CN;Lang-EN", "userCertificate;binary"],
        false,
        false,
        &["cn;lang-en", "userCertificate;binary"],
    );
    check(&["noSuchAttribute", "mail"], false, false, &["mail"]);
    check(&["@dcObject"], false, false, &["objectClass", "dc"]);
    check(&["@noSuchClass"], false, false, &[]);
}

#[test]
fn more_attributes_than_the_limit_are_refused() {
    let names = vec!["cn"; SELECTED_ATTRIBUTES_MAX + 1];
    let mut talk = Talk::over(Channel::Tls);
    let op = |count: usize| LdapOp::SearchRequest(base_search("dc=uni,dc=example", &names[..count]));
    assert_eq!(talk.hear(op(SELECTED_ATTRIBUTES_MAX + 1)), ("done", 11));
    talk.ask(op(SELECTED_ATTRIBUTES_MAX));
}

#[test]
fn a_name_that_is_none_is_34_and_a_broken_body_2() {
    let mut talk = Talk::over(Channel::Tls);
    assert_eq!(
        talk.hear(LdapOp::SearchRequest(base_search("nonsense", &[]))),
        ("done", 34)
    );
    assert_eq!(talk.hear(compare("nonsense", "cn", "x")), ("compare", 34));
    for (tag, kind) in [
        (0x60, "bind"),
        (0x63, "done"),
        (0x6e, "compare"),
        (0x77, "extended"),
    ] {
        let bytes = [0x30, 7, 2, 1, 7, tag, 2, 4, 0];
        assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::Answered(_)));
        assert_eq!(talk.only_answer(), (kind, 2));
    }
}

#[test]
fn matched_dn_is_told_when_the_directory_tells_it() {
    let mut talk = Talk::over(Channel::Tls);
    let (pending, _) = talk.ask(LdapOp::SearchRequest(base_search(ADA, &[])));
    let matched = dn("ou=people,dc=uni,dc=example");
    assert_eq!(
        talk.settle(pending, Outcome::Answered(Answer::NoSuchEntry(Some(matched)))),
        ("done", 32)
    );
    let Some(LdapOp::SearchResultDone(result)) = answers(&talk.out).pop().map(|answer| answer.op) else {
        panic!("a search result");
    };
    assert_eq!(result.matcheddn, "ou=people,dc=uni,dc=example");
}

#[test]
fn every_answer_of_the_directory_has_its_code() {
    let check = |answer, code| {
        let mut talk = Talk::over(Channel::Tls);
        let (pending, _) = talk.ask(compare(ADA, "cn", "Ada"));
        assert_eq!(talk.settle(pending, Outcome::Answered(answer)), ("compare", code));
    };
    check(Answer::True, 6);
    check(Answer::False, 5);
    check(Answer::NoSuchEntry(None), 32);
    check(Answer::NoSuchAttribute, 16);
    check(Answer::UndefinedAttribute, 17);
    check(Answer::InappropriateMatching, 18);
    check(Answer::InvalidSyntax, 21);
    check(Answer::InsufficientAccess, 50);
    check(Answer::TimeLimitExceeded, 3);
    check(Answer::Busy, 51);
    check(Answer::Unavailable, 52);
}

#[test]
fn an_outcome_of_another_request_lets_nobody_in() {
    let mut talk = Talk::over(Channel::Tls);
    let (pending, _) = talk.ask(compare(ADA, "cn", "Ada"));
    assert_eq!(
        talk.settle(pending, Outcome::Authenticated(member())),
        ("compare", 80)
    );
    assert!(matches!(talk.session.asker(), Asker::Public));
}

#[test]
fn start_tls_needs_clear_text_and_nothing_behind_it() {
    let mut talk = Talk::over(Channel::Cleartext);
    let bytes = request(7, extended(START_TLS));
    assert!(matches!(
        talk.bytes(&bytes, Trailing::Pipelined),
        Next::Answered(_)
    ));
    assert_eq!(talk.only_answer(), ("extended", 1));
    assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::StartTls));
    assert_eq!(talk.only_answer(), ("extended", 0));
    talk.session.on_tls();
    assert_eq!(talk.hear(extended(START_TLS)), ("extended", 1));
    assert_eq!(talk.log_in(member()), ("bind", 0));
}

#[test]
fn start_tls_forgets_who_had_logged_in() {
    let mut talk = Talk::over(Channel::TrustedCleartext);
    talk.log_in(member());
    assert!(matches!(talk.say(extended(START_TLS)), Next::StartTls));
    talk.session.on_tls();
    assert_eq!(talk.who_am_i(), "");
}

#[test]
fn who_is_a_stranger_by_now_is_told_so() {
    let mut talk = Talk::over(Channel::Tls);
    talk.log_in(member());
    assert_eq!(talk.who_am_i_by_now(None), "");
    assert_eq!(
        talk.who_am_i(),
        format!("dn:{ADA}"),
        "and no longer than it is one"
    );
}

#[test]
fn unknown_extended_operations_and_unwanted_values_are_protocol_errors() {
    let mut talk = Talk::over(Channel::Tls);
    assert_eq!(talk.hear(extended("1.2.3")), ("extended", 2));
    for name in [WHO_AM_I, START_TLS] {
        let value = Some(b"x".to_vec());
        let op = LdapOp::ExtendedRequest(LdapExtendedRequest {
            name: name.to_owned(),
            value,
        });
        assert_eq!(talk.hear(op), ("extended", 2));
    }
}

#[test]
fn a_write_is_a_change_for_the_directory_and_answered_in_its_own_kind() {
    let written = |op: LdapOp, kind: &str| {
        for (outcome, code) in [(Ok(Changed::default()), 0), (Err(Answer::NotLeaf.into()), 66)] {
            let mut talk = Talk::over(Channel::Tls);
            let Next::Run(pending, Request::Change(..)) = talk.say(op.clone()) else {
                panic!("{kind} is no change");
            };
            talk.settle(pending, Outcome::Changed(outcome));
            assert_eq!(talk.only_answer(), (kind, code));
        }
    };
    let modify = LdapModifyRequest {
        dn: ADA.to_owned(),
        changes: Vec::new(),
    };
    written(LdapOp::ModifyRequest(modify), "modify");
    let add = LdapAddRequest {
        dn: ADA.to_owned(),
        attributes: Vec::new(),
    };
    written(LdapOp::AddRequest(add), "add");
    written(LdapOp::DelRequest(ADA.to_owned()), "delete");
    let rename = LdapModifyDNRequest {
        dn: ADA.to_owned(),
        newrdn: "uid=eve".to_owned(),
        deleteoldrdn: true,
        new_superior: None,
    };
    written(LdapOp::ModifyDNRequest(rename), "modify_dn");
}

#[test]
fn critical_controls_nobody_knows_stop_the_operation_and_others_do_not() {
    let ops = || {
        [
            (LdapOp::SearchRequest(base_search("", &[])), "done"),
            (bind(3, "", ""), "bind"),
            (compare("", "cn", "x"), "compare"),
            (extended("1.2.3"), "extended"),
            (LdapOp::DelRequest(ADA.to_owned()), "delete"),
        ]
    };
    for (op, kind) in ops() {
        let mut talk = Talk::over(Channel::Tls);
        let bytes = controlled(7, op, vec![unknown_control(true)]);
        assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::Answered(_)));
        assert_eq!(talk.only_answer(), (kind, 12));
    }
    for (op, _) in ops() {
        let mut talk = Talk::over(Channel::Tls);
        let bytes = controlled(7, op, vec![unknown_control(false)]);
        let next = talk.bytes(&bytes, Trailing::Nothing);
        assert!(matches!(next, Next::Answered(_) | Next::Run(..)));
        assert!(answers(&talk.out).iter().all(|answer| told(answer).2 != 12));
    }
    let mut talk = Talk::over(Channel::Tls);
    let managed = vec![LdapControl::ManageDsaIT { criticality: true }];
    let bytes = controlled(7, LdapOp::SearchRequest(base_search(ADA, &[])), managed);
    assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::Run(..)));
}

#[test]
fn unbind_closes_and_abandon_is_never_answered() {
    let mut talk = Talk::over(Channel::Tls);
    let bytes = controlled(7, LdapOp::AbandonRequest(3), vec![unknown_control(true)]);
    assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::Unanswered));
    let bytes = controlled(7, LdapOp::UnbindRequest, vec![unknown_control(true)]);
    assert!(matches!(talk.bytes(&bytes, Trailing::Nothing), Next::Close));
    assert!(talk.out.is_empty());
}

#[test]
fn what_is_no_message_gets_a_notice_of_disconnection() {
    let mut talk = Talk::over(Channel::Tls);
    assert!(matches!(
        talk.session.on_refusal(Refusal::Disconnect, &mut talk.out),
        Next::Close
    ));
    let answers = answers(&talk.out);
    assert_eq!(told(&answers[0]), (0, "extended", 2));
    let LdapOp::ExtendedResponse(notice) = &answers[0].op else {
        panic!("a notice")
    };
    assert_eq!(notice.name.as_deref(), Some("1.3.6.1.4.1.1466.20036"));
}

#[test]
fn strangers_may_send_less_than_members() {
    let mut talk = Talk::over(Channel::Tls);
    let stranger = *talk.session.limits();
    talk.log_in(member());
    let member = *talk.session.limits();
    assert!(stranger.bytes_max < member.bytes_max && stranger.elements_max < member.elements_max);
}
