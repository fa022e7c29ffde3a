//! Log-ins, decided with the clock in the test's hand.

use super::*;
use crate::directory::login::principals::Principals;
use crate::directory::request::LoginName;
use crate::domain::lockout::Holds;
use crate::index::Snapshot;
use crate::index::testing::{Row, schema, snapshot};
use crate::record::Revision;
use crate::types::{SeededEntropy, SourceGroup, Uid};

const START: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
const SSHA: &str = "{SSHA}pbjH5hElZD+uSbyUnbqiq7oLn80MzpEM";
/// Of another PIN.
const OTHER: &str = "{SHA}UyL91XsZVF0hFHtJpm27ckgIN3g=";
const RIGHT: &str = "Orchid-42 tree";

/// An account as a directory may have it.
struct One {
    asker: Asker,
    hash: Option<Vec<u8>>,
    standing: Standing,
    revision: Revision,
}

impl One {
    fn view(&self) -> AccountView<'_> {
        AccountView {
            asker: self.asker.clone(),
            hash: self.hash.as_deref(),
            standing: self.standing,
            revision: self.revision,
        }
    }
}

fn one(hash: &str) -> One {
    One {
        asker: Asker::Member(EntryId(7)),
        hash: Some(hash.into()),
        standing: Standing::Enabled,
        revision: Revision(5),
    }
}

/// A directory in which the account has an entry.
fn directory_of(hash: &str) -> Snapshot {
    let password = format!("userPassword: {hash}");
    let person = [
        "objectClass: inetOrgPerson",
        "uid: ada",
        "cn: Ada",
        "sn: Lovelace",
        &password,
    ];
    let base = Row(1, 0, "dc=uni", &["objectClass: organization", "o: University"]);
    snapshot(schema(), &[base, Row(7, 1, "uid=ada", &person)])
}

fn policy() -> LoginPolicy {
    LoginPolicy {
        hashing: Hashing::new(64, 1, 1).unwrap(),
        ..LoginPolicy::default()
    }
}

fn request(pin: &str) -> Authenticate {
    Authenticate {
        name: LoginName::Uid(Uid::parse(b"ada").unwrap()),
        pin: Pin::new(pin.as_bytes()),
        service: None,
        source: "192.0.2.7".parse().unwrap(),
        caller: None,
    }
}

fn login<'a>(
    request: &'a Authenticate,
    account: Option<&'a AccountView<'a>>,
    attempts: &'a mut Attempts,
    policy: &'a LoginPolicy,
    now: Timestamp,
) -> Login<'a> {
    Login {
        request,
        account,
        attempts,
        policy,
        now,
    }
}

fn job(accounts: Option<&One>, pin: &str, attempts: &mut Attempts, now: Timestamp) -> HashJob {
    let request = request(pin);
    let account = accounts.map(One::view);
    match login(&request, account.as_ref(), attempts, &policy(), now).begin() {
        Step::Hash(job) => job,
        Step::Done(_) => panic!("nothing was remembered"),
    }
}

/// The second phase, with the account as it is then.
fn step(job: &HashJob, then: Option<&One>, pin: &str, attempts: &mut Attempts, now: Timestamp) -> Step {
    let (request, policy) = (request(pin), policy());
    let check = job.run(&request.pin, policy.hashing, &mut HashMemory::default());
    let account = then.map(One::view);
    let key = PinKey::new(&mut SeededEntropy::new(1));
    login(&request, account.as_ref(), attempts, &policy, now).finish(job, check, &key)
}

/// The same where the hash has not been replaced since.
fn finish(job: &HashJob, then: Option<&One>, pin: &str, attempts: &mut Attempts, now: Timestamp) -> Decision {
    match step(job, then, pin, attempts, now) {
        Step::Done(decision) => decision,
        Step::Hash(_) => panic!("the hash is the same"),
    }
}

fn log_in(accounts: Option<&One>, pin: &str, attempts: &mut Attempts, now: Timestamp) -> Decision {
    let job = job(accounts, pin, attempts, now);
    finish(&job, accounts, pin, attempts, now)
}

fn is_accepted(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Accepted(_))
}

/// The decision is a refusal like every other, and the audit log knows the reason.
fn assert_refused(decision: &Decision, expected: RefusalReason) {
    assert!(matches!(decision.verdict, Verdict::Refused));
    assert!(decision.upgrade.is_none() && decision.unstored.is_none());
    let Some(AuditEvent::LoginRefused { reason, .. }) = decision.events.first() else {
        panic!("a refusal is audited");
    };
    assert_eq!(*reason, expected);
}

fn locked(attempts: &mut Attempts, now: Timestamp) -> Decision {
    (0..8)
        .fold(None, |_, number| {
            Some(log_in(
                Some(&one(SSHA)),
                &format!("wrong {number}"),
                attempts,
                now,
            ))
        })
        .unwrap()
}

#[test]
fn the_right_pin_logs_in_and_a_wrong_one_does_not() {
    let decision = log_in(Some(&one(SSHA)), RIGHT, &mut Attempts::default(), START);
    assert!(is_accepted(&decision) && decision.batch.is_empty());
    assert_eq!(decision.unstored, Some(EntryId(7)), "the source is new");
    let decision = log_in(
        Some(&one(SSHA)),
        "orchid-42 tree",
        &mut Attempts::default(),
        START,
    );
    assert_refused(&decision, RefusalReason::WrongPin);
}

#[test]
fn every_refusal_is_the_same_and_costs_a_hash() {
    let disabled = One {
        standing: Standing::Disabled,
        ..one(SSHA)
    };
    let without_pin = One {
        hash: None,
        ..one(SSHA)
    };
    let public = One {
        asker: Asker::Public,
        ..one(SSHA)
    };
    let mut attempts = Attempts::default();
    let _ = locked(&mut attempts, START);
    let until = START.plus_s(1800);
    let cases = [
        (None, RIGHT, RefusalReason::UnknownName),
        (Some(&public), RIGHT, RefusalReason::UnknownName),
        (Some(&without_pin), RIGHT, RefusalReason::NoPin),
        (Some(&disabled), RIGHT, RefusalReason::Disabled),
        (
            Some(&one("{CLEARTEXT}Orchid-42 tree")),
            RIGHT,
            RefusalReason::UnusableHash,
        ),
        (Some(&one("Orchid-42 tree")), RIGHT, RefusalReason::UnusableHash),
        (Some(&one(SSHA)), "", RefusalReason::UnusablePin),
        (
            Some(&one(SSHA)),
            &"x".repeat(PIN_BYTES_MAX + 1),
            RefusalReason::UnusablePin,
        ),
    ];
    for (accounts, pin, reason) in cases {
        let mut attempts = Attempts::default();
        assert!(matches!(job(accounts, pin, &mut attempts, START), HashJob::Nothing(it) if it == reason));
        assert_refused(&log_in(accounts, pin, &mut attempts, START), reason);
        assert!(attempts.is_empty(), "{reason:?} is not a wrong PIN");
    }
    let decision = log_in(Some(&one(SSHA)), RIGHT, &mut attempts, START);
    assert_refused(&decision, RefusalReason::Locked(until));
}

#[test]
fn the_eighth_different_wrong_pin_locks_until_time_passes() {
    let mut attempts = Attempts::default();
    let decision = locked(&mut attempts, START);
    assert_refused(&decision, RefusalReason::WrongPin);
    let until = START.plus_s(1800);
    let Some(AuditEvent::AccountLocked { until: told, .. }) = decision.events.get(1) else {
        panic!("a lock is audited");
    };
    assert_eq!(*told, until);
    let lock = attempts.lock().cloned().unwrap();
    let offender = SourceGroup::from(request("").source);
    assert_eq!(lock.holds, Holds::ForOffenders(vec![offender]));
    assert!(decision.batch.operations == [LockoutRecord(lock).put(EntryId(7))]);
    let second_before = log_in(Some(&one(SSHA)), RIGHT, &mut attempts, START.plus_s(1799));
    assert_refused(&second_before, RefusalReason::Locked(until));
    assert!(is_accepted(&log_in(
        Some(&one(SSHA)),
        RIGHT,
        &mut attempts,
        until
    )));
}

#[test]
fn guesses_made_all_at_once_are_no_more_than_guesses_made_in_turn() {
    let mut attempts = Attempts::default();
    let jobs: Vec<HashJob> = (0..9)
        .map(|_| job(Some(&one(SSHA)), "any", &mut attempts, START))
        .collect();
    for (number, job) in jobs.iter().take(8).enumerate() {
        let _ = finish(
            job,
            Some(&one(SSHA)),
            &format!("wrong {number}"),
            &mut attempts,
            START,
        );
    }
    let decision = finish(&jobs[8], Some(&one(SSHA)), RIGHT, &mut attempts, START);
    assert_refused(&decision, RefusalReason::Locked(START.plus_s(1800)));
}

#[test]
fn what_changes_while_a_pin_is_checked_counts() {
    let mut attempts = Attempts::default();
    let job = job(Some(&one(SSHA)), RIGHT, &mut attempts, START);
    let disabled = One {
        standing: Standing::Disabled,
        ..one(SSHA)
    };
    for (then, reason) in [
        (Some(&disabled), RefusalReason::Disabled),
        (None, RefusalReason::UnknownName),
    ] {
        assert_refused(&finish(&job, then, RIGHT, &mut attempts, START), reason);
    }
}

/// The verdict on `pin` of an account whose hash is the next of `hashes` whenever one has been checked.
fn log_in_while_replaced(pin: &str, hashes: &[&str], attempts: &mut Attempts) -> Decision {
    let mut hashes = hashes.iter().map(|hash| one(hash));
    let mut then = hashes.next().expect("a first hash");
    let mut job = job(Some(&then), pin, attempts, START);
    loop {
        then = hashes.next().unwrap_or(then);
        match step(&job, Some(&then), pin, attempts, START) {
            Step::Hash(next) => job = next,
            Step::Done(decision) => return decision,
        }
    }
}

#[test]
fn a_pin_is_judged_by_the_hash_that_has_replaced_the_one_that_was_checked() {
    let stronger = pin::hash(
        &Pin::new(RIGHT.as_bytes()),
        policy().hashing,
        [3; 16],
        &mut HashMemory::default(),
    );
    let upgrade = [SSHA, std::str::from_utf8(stronger.expose()).unwrap()];
    let mut attempts = Attempts::default();
    assert!(is_accepted(&log_in_while_replaced(
        RIGHT,
        &upgrade,
        &mut attempts
    )));
    for number in 0..8 {
        let decision = log_in_while_replaced(&format!("wrong {number}"), &upgrade, &mut attempts);
        assert_refused(&decision, RefusalReason::WrongPin);
    }
    assert!(attempts.is_locked(START), "each of them counts");
    let changed = [SSHA, OTHER];
    let decision = log_in_while_replaced(RIGHT, &changed, &mut Attempts::default());
    assert_refused(&decision, RefusalReason::WrongPin);
}

#[test]
fn a_hash_that_is_replaced_without_end_is_busy_and_no_wrong_pin() {
    let mut attempts = Attempts::default();
    let decision = log_in_while_replaced(RIGHT, &[OTHER, SSHA, OTHER, SSHA, SSHA], &mut attempts);
    assert!(matches!(decision.verdict, Verdict::Busy));
    assert!(decision.batch.is_empty() && decision.events.is_empty() && attempts.is_empty());
    let decision = log_in_while_replaced(RIGHT, &[SSHA, OTHER, SSHA, SSHA], &mut attempts);
    assert!(is_accepted(&decision), "the third hash still counts");
}

#[test]
fn a_remembered_pin_needs_no_hash_but_everything_else() {
    let (request, policy) = (request(RIGHT), policy());
    let at_once = |one: &One, attempts: &mut Attempts| {
        let account = one.view();
        let login = login(&request, Some(&account), attempts, &policy, START);
        login.at_once(|hash| (hash == SSHA.as_bytes()).then_some(Evidence::RecentLogin))
    };
    let mut attempts = Attempts::default();
    let decision = at_once(&one(SSHA), &mut attempts).expect("it was remembered");
    assert!(is_accepted(&decision) && decision.upgrade.is_none());
    assert!(
        at_once(&one(OTHER), &mut attempts).is_none(),
        "of another hash nothing is"
    );
    let disabled = One {
        standing: Standing::Disabled,
        ..one(SSHA)
    };
    assert!(at_once(&disabled, &mut attempts).is_none());
    let _ = locked(&mut attempts, START);
    assert!(at_once(&one(SSHA), &mut attempts).is_none());
}

#[test]
fn accounts_of_the_configuration_are_neither_locked_nor_upgraded() {
    let root = One {
        asker: Asker::Root,
        ..one(SSHA)
    };
    let mut attempts = Attempts::default();
    for number in 0..50 {
        let decision = log_in(Some(&root), &format!("wrong {number}"), &mut attempts, START);
        assert_refused(&decision, RefusalReason::WrongPin);
    }
    let decision = log_in(Some(&root), RIGHT, &mut attempts, START);
    assert!(is_accepted(&decision) && decision.upgrade.is_none() && decision.unstored.is_none());
}

#[test]
fn an_imported_hash_is_replaced_unless_the_pin_changes_in_between() {
    let accounts = one(SSHA);
    let decision = log_in(Some(&accounts), RIGHT, &mut Attempts::default(), START);
    let upgrade = decision.upgrade.expect("{SSHA} is outdated");
    let new = pin::hash(
        &Pin::new(RIGHT.as_bytes()),
        policy().hashing,
        [3; 16],
        &mut HashMemory::default(),
    );
    let principals = Principals::default();
    let batch = |hash: &str| {
        let snapshot = directory_of(hash);
        let accounts = Accounts {
            snapshot: &snapshot,
            schema: schema(),
            principals: &principals,
        };
        let replaced = accounts.with_hash(EntryId(7), &new);
        let (batch, event) = upgrade.batch(&request(RIGHT), accounts, &new)?;
        assert!(batch.operations == [replaced.unwrap()]);
        Some((batch.guards, event))
    };
    let (guards, event) = batch(SSHA).unwrap();
    assert_eq!(
        guards,
        [Guard::UnchangedSince(Key::entry(EntryId(7)), Revision(1))]
    );
    assert!(matches!(
        event,
        AuditEvent::HashUpgraded {
            from: HashScheme::Ssha,
            ..
        }
    ));
    assert!(batch(OTHER).is_none());
    let upgraded = one(std::str::from_utf8(new.expose()).unwrap());
    let decision = log_in(Some(&upgraded), RIGHT, &mut Attempts::default(), START);
    assert!(is_accepted(&decision) && decision.upgrade.is_none());
}

#[test]
fn no_event_holds_what_was_typed() {
    let mut attempts = Attempts::default();
    let mut all: Vec<AuditEvent> = (0..8)
        .flat_map(|number| log_in(Some(&one(SSHA)), &format!("tulip{number}"), &mut attempts, START).events)
        .collect();
    all.extend(log_in(None, "tulip", &mut attempts, START).events);
    all.extend(log_in(Some(&one(SSHA)), RIGHT, &mut Attempts::default(), START).events);
    let text = format!("{all:?}");
    for secret in ["tulip", "Orchid", "SSHA}", "ada"] {
        assert!(!text.contains(secret));
    }
}
