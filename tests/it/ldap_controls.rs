//! Controls of one LDAP session: what they ask of the directory, and what the client hears.

use beadle::directory::changes::Reading;
use beadle::directory::request::{
    Answer, Changed, Outcome, PageMark, PinFault, Position, Refusal, Request, SearchEnd, SortEnd, Verdict,
};
use beadle::ldap::channel::Channel;
use beadle::ldap::next::{Next, Pending, Trailing};
use beadle::types::EntryId;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::*;

use crate::ldap_client::{answers, bind, compare, controlled, extended, unknown_control};
use crate::ldap_talk::{ADA, PASSWORD_MODIFY, Talk, WHO_AM_I, asked_search, base_search, member};

const PEOPLE: &str = "ou=people,dc=uni,dc=example";

fn pages(size: i64, cookie: &[u8]) -> LdapControl {
    LdapControl::SimplePagedResults {
        size,
        cookie: cookie.to_vec(),
    }
}

/// A control with a value written by hand.
fn raw(oid: &str, criticality: bool, value: &[u8]) -> LdapControl {
    LdapControl::Unknown {
        oid: oid.to_owned(),
        criticality,
        value: Some(value.to_vec()),
    }
}

fn say(talk: &mut Talk, op: LdapOp, controls: Vec<LdapControl>) -> Next {
    talk.bytes(&controlled(7, op, controls), Trailing::Nothing)
}

fn people() -> LdapOp {
    LdapOp::SearchRequest(base_search(PEOPLE, &["cn"]))
}

/// The code a session answers with by itself.
fn refused(op: LdapOp, controls: Vec<LdapControl>) -> i64 {
    let mut talk = Talk::over(Channel::Tls);
    assert!(matches!(say(&mut talk, op, controls), Next::Answered(_)));
    talk.only_answer().1
}

/// What of the result a search asks the directory for: the most entries, and from where on.
fn page(talk: &mut Talk, op: LdapOp, controls: Vec<LdapControl>) -> (Pending, u32, Option<PageMark>) {
    let Next::Run(pending, request) = say(talk, op, controls) else {
        panic!("the directory's to answer");
    };
    let page = asked_search(request).controls.page.expect("a page");
    (pending, page.entries_max.get(), page.from)
}

/// The cookie that the client hears; `None` if it hears of no pages.
fn cookie(talk: &Talk) -> Option<Vec<u8>> {
    let done = answers(&talk.out).pop().expect("an answer");
    done.ctrl.into_iter().find_map(|control| match control {
        LdapControl::SimplePagedResults { size, cookie } => {
            assert_eq!(size, 0, "how many there are in all is nobody's to know");
            Some(cookie)
        }
        _ => None,
    })
}

fn settle(talk: &mut Talk, pending: Pending, answer: Answer, end: SearchEnd) -> Option<Vec<u8>> {
    talk.session
        .on_outcome(pending, Outcome::Searched(answer, end), &mut talk.out);
    cookie(talk)
}

fn more() -> SearchEnd {
    SearchEnd {
        more: Some(mark()),
        sort: None,
    }
}

fn mark() -> PageMark {
    PageMark {
        position: Position::After(EntryId(77)),
        given: 10,
    }
}

/// A session that got the cookie of a first page.
fn begun() -> (Talk, Vec<u8>) {
    let mut talk = Talk::over(Channel::Tls);
    let (pending, size, from) = page(&mut talk, people(), vec![pages(10, b"")]);
    assert!(size == 10 && from.is_none());
    let cookie = settle(&mut talk, pending, Answer::Success, more()).expect("a cookie");
    assert!(!cookie.is_empty());
    (talk, cookie)
}

#[test]
fn a_cookie_leads_to_where_the_page_before_ended() {
    let (mut talk, cookie) = begun();
    let (pending, size, from) = page(&mut talk, people(), vec![pages(5, &cookie)]);
    assert!(size == 5 && from == Some(mark()));
    let last = settle(&mut talk, pending, Answer::Success, SearchEnd::default());
    assert_eq!(last, Some(Vec::new()), "no cookie, no page");
}

#[test]
fn a_page_that_ends_badly_says_that_there_is_no_other() {
    let mut talk = Talk::over(Channel::Tls);
    let (pending, ..) = page(&mut talk, people(), vec![pages(10, b"")]);
    let cookie = settle(
        &mut talk,
        pending,
        Answer::SizeLimitExceeded,
        SearchEnd::default(),
    );
    assert_eq!((talk.only_answer(), cookie), (("done", 4), Some(Vec::new())));
}

#[test]
fn a_cookie_is_of_no_use_for_anything_else() {
    let refuses = |talk: &mut Talk, op, cookie: &[u8]| {
        assert!(matches!(
            say(talk, op, vec![pages(10, cookie)]),
            Next::Answered(_)
        ));
        assert_eq!(talk.only_answer(), ("done", 2));
    };
    let (mut talk, good) = begun();
    let (mut filtered, mut scoped) = (base_search(PEOPLE, &["cn"]), base_search(PEOPLE, &["cn"]));
    filtered.filter = LdapFilter::Present("mail".to_owned());
    scoped.scope = LdapSearchScope::Subtree;
    for other in [
        base_search(PEOPLE, &["sn"]),
        base_search("dc=uni,dc=example", &["cn"]),
        filtered,
        scoped,
    ] {
        refuses(&mut talk, LdapOp::SearchRequest(other), &good);
    }
    refuses(&mut talk, people(), b"rubbish");
    refuses(&mut talk, people(), &good[..good.len() - 1]);
    talk.log_in(member());
    refuses(&mut talk, people(), &good);
}

#[test]
fn limits_and_types_only_may_change_from_page_to_page() {
    let (mut talk, cookie) = begun();
    let mut other = base_search(PEOPLE, &["cn"]);
    (other.sizelimit, other.timelimit, other.typesonly) = (500, 9, true);
    page(&mut talk, LdapOp::SearchRequest(other), vec![pages(10, &cookie)]);
}

#[test]
fn a_page_of_nothing_ends_the_pages() {
    let (mut talk, good) = begun();
    for given in [&good[..], b""] {
        assert!(matches!(
            say(&mut talk, people(), vec![pages(0, given)]),
            Next::Answered(_)
        ));
        assert_eq!(
            (talk.only_answer(), cookie(&talk)),
            (("done", 0), Some(Vec::new()))
        );
    }
    assert_eq!(refused(people(), vec![pages(0, b"rubbish")]), 2);
}

#[test]
fn the_servers_own_entries_come_in_one_page() {
    let mut talk = Talk::over(Channel::Tls);
    for own in ["", "cn=Subschema"] {
        let op = LdapOp::SearchRequest(base_search(own, &["1.1"]));
        assert!(matches!(
            say(&mut talk, op, vec![pages(10, b"")]),
            Next::Answered(_)
        ));
        assert_eq!((answers(&talk.out).len(), cookie(&talk)), (2, Some(Vec::new())));
    }
}

#[test]
fn who_does_not_ask_for_pages_hears_of_none() {
    let mut talk = Talk::over(Channel::Tls);
    let Next::Run(pending, _) = say(&mut talk, people(), Vec::new()) else {
        panic!("the directory's to answer");
    };
    assert_eq!(
        settle(&mut talk, pending, Answer::Success, SearchEnd::default()),
        None
    );
}

#[test]
fn controls_that_are_broken_or_given_twice_are_protocol_errors() {
    const PAGED: &str = "1.2.840.113556.1.4.319";
    for critical in [true, false] {
        assert_eq!(refused(people(), vec![raw(PAGED, critical, b"\x30\x00")]), 2);
    }
    assert_eq!(refused(people(), vec![pages(10, b""), pages(10, b"")]), 2);
    let managed = || LdapControl::ManageDsaIT { criticality: true };
    assert_eq!(refused(people(), vec![managed(), managed()]), 2);
    assert_eq!(refused(compare(ADA, "cn", "x"), vec![raw(PAGED, true, b"")]), 12);
}

#[test]
fn sixty_four_controls_are_read_and_no_more() {
    let said = |count: usize| {
        let controls = (0..count).map(|_| unknown_control(false)).collect();
        let mut talk = Talk::over(Channel::Tls);
        match say(&mut talk, people(), controls) {
            Next::Run(..) => None,
            _ => Some(talk.only_answer()),
        }
    };
    assert_eq!(said(64), None);
    assert_eq!(said(65), Some(("done", 11)));
}

#[test]
fn the_root_dse_lists_the_controls_that_are_served() {
    let mut talk = Talk::over(Channel::Tls);
    let (entries, _) = talk.entries(base_search("", &["supportedControl"]));
    let listed: Vec<String> = entries[0].attributes[0]
        .vals
        .iter()
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect();
    for oid in &listed {
        // Whatever becomes of it without a value, it is not unknown.
        let control = LdapControl::Unknown {
            oid: oid.clone(),
            criticality: true,
            value: None,
        };
        let is_known = |op: LdapOp| {
            let mut talk = Talk::over(Channel::Tls);
            let next = say(&mut talk, op, vec![control.clone()]);
            matches!(next, Next::Run(..)) || talk.only_answer().1 == 2
        };
        let modify = LdapOp::ModifyRequest(LdapModifyRequest {
            dn: ADA.to_owned(),
            changes: Vec::new(),
        });
        assert!(is_known(people()) || is_known(modify), "{oid}");
    }
    assert!(listed.len() >= 6);
}

const SORT: &str = "1.2.840.113556.1.4.473";
const SORT_RESPONSE: &str = "1.2.840.113556.1.4.474";
const ASSERTION: &str = "1.3.6.1.1.12";
const BY_SN: &[u8] = b"\x30\x06\x30\x04\x04\x02sn";
const BY_NOTHING: &[u8] = b"\x30\x06\x30\x04\x04\x02xx";

/// The sort result that the client hears. The codec library does not read what RFC 2891 says.
fn sort_result(talk: &Talk) -> Option<u8> {
    let oid = SORT_RESPONSE.as_bytes();
    let at = talk.out.windows(oid.len()).position(|part| part == oid)?;
    let value = talk.out.get(at + oid.len() + 2..).expect("a value");
    assert_eq!((value[0], value[2], value[3]), (0x30, 0x0a, 1));
    Some(value[4])
}

#[test]
fn what_became_of_the_order_is_told() {
    let told = |end| {
        let mut talk = Talk::over(Channel::Tls);
        let Next::Run(pending, request) = say(&mut talk, people(), vec![raw(SORT, true, BY_SN)]) else {
            panic!("the directory's to answer");
        };
        let sort = asked_search(request).controls.sort.expect("an order");
        assert!(sort.is_critical && sort.keys.len() == 1);
        let end = SearchEnd {
            more: None,
            sort: end,
        };
        talk.session
            .on_outcome(pending, Outcome::Searched(Answer::Success, end), &mut talk.out);
        sort_result(&talk)
    };
    assert_eq!(told(Some(SortEnd::Sorted)), Some(0));
    assert_eq!(told(Some(SortEnd::TooMany)), Some(11));
    assert_eq!(told(Some(SortEnd::Busy)), Some(51));
    assert_eq!(told(None), None);
}

#[test]
fn an_order_nobody_understands_is_refused_or_left_out() {
    let mut talk = Talk::over(Channel::Tls);
    let Next::Answered(code) = say(&mut talk, people(), vec![raw(SORT, true, BY_NOTHING)]) else {
        panic!("the session's to answer");
    };
    assert_eq!((code as i64, sort_result(&talk)), (12, Some(16)));
    let Next::Run(pending, request) = say(&mut talk, people(), vec![raw(SORT, false, BY_NOTHING)]) else {
        panic!("the directory's to answer");
    };
    assert!(asked_search(request).controls.sort.is_none());
    let outcome = Outcome::Searched(Answer::Success, SearchEnd::default());
    let code = talk.session.on_outcome(pending, outcome, &mut talk.out);
    assert_eq!((code as i64, sort_result(&talk)), (0, Some(16)));
    assert_eq!(refused(people(), vec![raw(SORT, false, b"\x30\x00")]), 2);
}

#[test]
fn a_cookie_of_one_order_is_of_no_use_for_another() {
    let mut talk = Talk::over(Channel::Tls);
    let sorted = |cookie: &[u8]| vec![pages(10, cookie), raw(SORT, true, BY_SN)];
    let (pending, ..) = page(&mut talk, people(), sorted(b""));
    let cookie = settle(&mut talk, pending, Answer::Success, more()).expect("a cookie");
    page(&mut talk, people(), sorted(&cookie));
    assert!(matches!(
        say(&mut talk, people(), vec![pages(10, &cookie)]),
        Next::Answered(_)
    ));
    assert_eq!(talk.only_answer(), ("done", 2));
}

#[test]
fn an_assertion_goes_with_the_request() {
    const PRESENT: &[u8] = b"\x87\x0bobjectClass";
    let asserted = |op, value: &[u8]| {
        let mut talk = Talk::over(Channel::Tls);
        match say(&mut talk, op, vec![raw(ASSERTION, true, value)]) {
            Next::Run(_, Request::Search(search)) => search.controls.assertion.is_some(),
            Next::Run(_, Request::Compare(compare)) => compare.assertion.is_some(),
            _ => panic!("the directory's to answer"),
        }
    };
    assert!(asserted(people(), PRESENT));
    assert!(asserted(compare(ADA, "cn", "x"), PRESENT));
    let broken = |value: &[u8]| refused(people(), vec![raw(ASSERTION, false, value)]);
    assert_eq!(broken(b""), 2);
    assert_eq!(broken(b"\x87\x0cobjectClass"), 2);
    assert_eq!(broken(b"\x87\x02cn\x00"), 2);
    assert_eq!(broken(&[b"\xa2\x82\xff\xff".repeat(60), vec![0; 20]].concat()), 2);
    assert_eq!(broken(&vec![0; 20_000]), 11);
}

#[test]
fn an_assertion_about_the_servers_own_entries_is_checked() {
    let code = |op, value: &[u8]| refused(op, vec![raw(ASSERTION, true, value)]);
    let root_dse = || LdapOp::SearchRequest(base_search("", &["1.1"]));
    assert_eq!(code(root_dse(), b"\x87\x04mail"), 122);
    assert_eq!(code(compare("", "vendorName", "Beadle"), b"\x87\x04mail"), 122);
    assert_eq!(
        code(compare("", "vendorName", "Beadle"), b"\x87\x0avendorName"),
        6
    );
}

const PRE_READ: &str = "1.3.6.1.1.13.1";
const POST_READ: &str = "1.3.6.1.1.13.2";
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

fn delete() -> LdapOp {
    LdapOp::DelRequest(ADA.to_owned())
}

fn modify() -> LdapOp {
    LdapOp::ModifyRequest(LdapModifyRequest {
        dn: ADA.to_owned(),
        changes: Vec::new(),
    })
}

fn policy(criticality: bool) -> LdapControl {
    LdapControl::Unknown {
        oid: PASSWORD_POLICY.to_owned(),
        criticality,
        value: None,
    }
}

#[test]
fn what_is_to_be_read_goes_with_the_change() {
    const CN: &[u8] = b"\x30\x04\x04\x02cn";
    let wanted = |op: LdapOp, oid: &str, criticality| {
        let mut talk = Talk::over(Channel::Tls);
        match say(&mut talk, op, vec![raw(oid, criticality, CN)]) {
            Next::Run(_, Request::Change(_, terms)) => {
                let critical = |reading: &Option<Box<Reading>>| reading.as_ref().map(|it| it.is_critical);
                (critical(&terms.before), critical(&terms.after))
            }
            _ => panic!("the directory's to answer"),
        }
    };
    assert_eq!(wanted(modify(), PRE_READ, true), (Some(true), None));
    assert_eq!(wanted(modify(), POST_READ, false), (None, Some(false)));
    assert_eq!(wanted(delete(), PRE_READ, false), (Some(false), None));
    assert_eq!(wanted(delete(), POST_READ, false), (None, None));
    assert_eq!(refused(delete(), vec![raw(POST_READ, true, CN)]), 12);
    assert_eq!(refused(people(), vec![raw(PRE_READ, true, CN)]), 12);
    assert_eq!(refused(modify(), vec![raw(PRE_READ, false, b"cn")]), 2);
    assert_eq!(
        refused(modify(), vec![raw(PRE_READ, true, CN), raw(PRE_READ, true, CN)]),
        2
    );
}

#[test]
fn who_does_not_ask_about_a_pin_is_told_nothing_of_it() {
    let told = |op: LdapOp, controls, outcome| {
        let mut talk = Talk::over(Channel::Tls);
        let Next::Run(pending, _) = say(&mut talk, op, controls) else {
            panic!("the directory's to answer");
        };
        talk.session.on_outcome(pending, outcome, &mut talk.out);
        let oid = PASSWORD_POLICY.as_bytes();
        talk.out.windows(oid.len()).any(|part| part == oid)
    };
    let refusal = || Outcome::Changed(Err(Refusal::from(Answer::Constraint).for_pin(PinFault::TooShort)));
    assert!(told(modify(), vec![policy(false)], refusal()));
    assert!(!told(modify(), Vec::new(), refusal()));
    let pin = || bind(3, ADA, "a-pin");
    assert!(told(
        pin(),
        vec![policy(true)],
        Outcome::Authenticated(Verdict::Refused)
    ));
    assert!(!told(pin(), Vec::new(), Outcome::Authenticated(Verdict::Refused)));
    let set_pin = || extended(PASSWORD_MODIFY);
    assert!(told(
        set_pin(),
        vec![policy(true)],
        Outcome::Changed(Ok(Changed::default()))
    ));
    assert!(!told(
        set_pin(),
        Vec::new(),
        Outcome::Changed(Ok(Changed::default()))
    ));
}

#[test]
fn password_policy_is_served_where_there_is_a_pin() {
    assert_eq!(refused(people(), vec![policy(true)]), 12);
    assert_eq!(refused(delete(), vec![policy(true)]), 12);
    assert_eq!(refused(extended(WHO_AM_I), vec![policy(true)]), 12);
    assert_eq!(refused(modify(), vec![raw(PASSWORD_POLICY, false, b"")]), 2);
    let mut talk = Talk::over(Channel::Tls);
    let next = say(&mut talk, extended(WHO_AM_I), vec![policy(false)]);
    assert!(matches!(next, Next::Run(..)));
}
