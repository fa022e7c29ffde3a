//! Log-ins through the pool.

use std::task::Poll;

use super::testing::*;
use super::*;
use crate::directory::login::authenticate::UpgradeOnLogIn;
use crate::directory::request::{Authenticate, LoginName, Verdict};
use crate::domain::audit::{AuditEvent, Evidence, RefusalReason, Subject};
use crate::domain::lockout::{Attempts, Holds};
use crate::record::{Key, LockoutRecord, LockoutRecordError, Operation};
use crate::server::clock::Clock;
use crate::types::{Caller, MailAddress, Uid};

#[test]
fn a_right_pin_is_hashed_once_and_then_known_for_a_minute() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    assert!(campus.at_once("ada", RIGHT).is_none());
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(
        campus
            .at_once("ada", RIGHT)
            .is_some_and(|verdict| is_accepted(&verdict))
    );
    let AuditEvent::LoginAccepted { evidence, .. } = campus.last_event() else {
        panic!("it was accepted");
    };
    assert_eq!(evidence, Evidence::RecentLogin);
    assert!(campus.at_once("ada", "another").is_none());
    campus.clock.advance_ms(59_999);
    assert!(campus.at_once("ada", RIGHT).is_some());
    campus.clock.advance_ms(1);
    assert!(campus.at_once("ada", RIGHT).is_none());
}

#[test]
fn what_is_known_ends_with_the_pin_the_account_and_the_lock() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let is_known = || campus.at_once("ada", RIGHT).is_some();
    assert!(is_accepted(&campus.log_in("ada", RIGHT)) && is_known());
    campus.disable(&argon2id());
    assert!(!is_known());
    campus.set_hash(&argon2id());
    let lock = LockoutRecord(lock(START.plus_s(60), Holds::ForAll));
    campus.logins.ledger().heed(&lock.put(ENTRY), START).unwrap();
    assert!(!is_known());
    let unlock = Operation::Delete {
        key: LockoutRecord::key(ENTRY),
    };
    campus.logins.ledger().heed(&unlock, START).unwrap();
    assert!(is_known());
    campus.set_hash(SSHA);
    assert!(!is_known());
}

#[test]
fn with_no_time_to_live_every_log_in_is_hashed() {
    let settings = LoginSettings {
        verified_s: 0,
        ..settings(UpgradeOnLogIn::Yes)
    };
    let campus = campus(&argon2id(), settings);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(campus.at_once("ada", RIGHT).is_none());
}

#[test]
fn eight_different_wrong_pins_lock_for_half_an_hour_and_are_stored_before_the_answer() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    for number in 0..7 {
        assert!(matches!(
            campus.log_in("ada", &format!("wrong {number}")),
            Verdict::Refused
        ));
    }
    assert!(!campus.is_lock_stored());
    assert!(matches!(campus.log_in("ada", "wrong 7"), Verdict::Refused));
    let until = START.plus_s(1800);
    let holds = Holds::ForOffenders(vec![group(HOME)]);
    let stored = campus.record(&LockoutRecord::key(ENTRY)).unwrap();
    assert_eq!(
        LockoutRecord::decode(&stored.value).unwrap().0,
        lock(until, holds)
    );
    assert!(matches!(campus.last_event(), AuditEvent::AccountLocked { .. }));
    campus.clock.advance_ms(30 * 60_000 - 1);
    assert!(matches!(campus.log_in("ada", RIGHT), Verdict::Refused));
    campus.clock.advance_ms(1);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
}

#[test]
fn a_lock_found_at_start_holds() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let until = START.plus_s(60);
    let record = LockoutRecord(lock(until, Holds::ForAll));
    campus.logins.ledger().heed(&record.put(ENTRY), START).unwrap();
    assert!(matches!(campus.log_in("ada", RIGHT), Verdict::Refused));
    let AuditEvent::LoginRefused { reason, .. } = campus.last_event() else {
        panic!("it was refused");
    };
    assert_eq!(reason, RefusalReason::Locked(until));
}

#[test]
fn records_that_are_no_locks_are_not_heeded() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let put = |key, value: &[u8]| Operation::Put {
        key,
        value: value.into(),
        expires: None,
    };
    let entry = put(Key::entry(ENTRY), b"\x01");
    assert_eq!(campus.logins.ledger().heed(&entry, START), Ok(()));
    let newer = put(LockoutRecord::key(ENTRY), b"\x03");
    assert_eq!(
        campus.logins.ledger().heed(&newer, START),
        Err(LockoutRecordError::Newer(3).into())
    );
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
}

#[test]
fn an_imported_hash_is_replaced_after_the_answer() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::Yes));
    assert!(
        campus.at_once("ada", RIGHT).is_none(),
        "the first log-in replaces it"
    );
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    let written = campus.next_commit();
    let [Operation::Put { key, value, .. }] = &written[..] else {
        panic!("one record is written");
    };
    assert_eq!(*key, Key::entry(ENTRY));
    let text = String::from_utf8_lossy(value);
    let start = text
        .find("{ARGON2}$argon2id$v=19$m=64,t=1,p=1$")
        .expect("the new hash");
    assert!(matches!(campus.last_event(), AuditEvent::HashUpgraded { .. }));
    campus.set_hash(&value[start..start + argon2id().len()]);
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    assert!(
        matches!(campus.last_event(), AuditEvent::LoginAccepted { .. }),
        "once is enough"
    );
}

#[test]
fn a_pin_set_while_the_hash_is_replaced_wins() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::Yes));
    // The directory was read at revision 1.
    for value in [b"a record", b"another!"] {
        campus.commit(Operation::put(Key::entry(ENTRY), *value));
    }
    assert!(is_accepted(&campus.log_in("ada", RIGHT)));
    campus.settle();
    let stored = campus.record(&Key::entry(ENTRY)).unwrap();
    assert_eq!(*stored.value, *b"another!");
    assert!(matches!(campus.last_event(), AuditEvent::LoginAccepted { .. }));
}

#[test]
fn log_ins_in_flight_while_the_hash_is_replaced_are_judged_by_the_new_one() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::Yes));
    let release = campus.hold_the_pool();
    let log_in = |source, pin| {
        campus
            .logins
            .authenticate(request_from(source, "ada", pin), START)
    };
    let replace = async {
        campus.set_hash(&argon2id());
        drop(release);
    };
    let (right, wrong, ()) = campus
        .runtime
        .block_on(async { tokio::join!(log_in(HOME, RIGHT), log_in(AWAY, "wrong 0"), replace) });
    assert!(is_accepted(&right) && matches!(wrong, Verdict::Refused));
    assert!(
        campus.at_once("ada", RIGHT).is_some(),
        "it is known with the hash it was right for"
    );
    for number in 1..8 {
        let _ = campus.log_in_from(AWAY, "ada", &format!("wrong {number}"));
    }
    assert!(
        matches!(campus.last_event(), AuditEvent::AccountLocked { .. }),
        "the one in flight counts"
    );
}

#[test]
fn a_cheap_hash_that_may_stay_is_checked_at_once_if_the_pin_is_right() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::No));
    assert!(
        campus
            .at_once("ada", RIGHT)
            .is_some_and(|verdict| is_accepted(&verdict))
    );
    for (uid, pin) in [("ada", "wrong"), ("bob", RIGHT), ("ada", "")] {
        assert!(campus.at_once(uid, pin).is_none(), "a refusal takes its time");
        assert!(matches!(campus.log_in(uid, pin), Verdict::Refused));
    }
}

#[test]
fn a_full_pool_is_busy() {
    let settings = LoginSettings {
        queue_max: 0,
        ..settings(UpgradeOnLogIn::Yes)
    };
    let campus = campus(&argon2id(), settings);
    for uid in ["ada", "bob"] {
        assert!(matches!(campus.log_in(uid, RIGHT), Verdict::Busy));
    }
}

#[test]
fn whatever_an_account_is_called_by_no_wrong_pin_and_no_unknown_name_is_refused_without_a_hash() {
    let settings = LoginSettings {
        queue_max: 0,
        ..settings(UpgradeOnLogIn::Yes)
    };
    let campus = campus(&argon2id(), settings);
    let uid = |text: &str| LoginName::Uid(Uid::parse(text.as_bytes()).unwrap());
    let mail = |text: &str| LoginName::Mail(MailAddress::parse(text).unwrap());
    let first_of = |name: &str, address: &str| LoginName::FirstOf(vec![uid(name), mail(address)]);
    for name in ["ada", "bob"] {
        let address = format!("{name}@uni.example");
        let ways = [
            uid(name),
            mail(&address),
            first_of(name, &address),
            LoginName::Nobody,
        ];
        for way in ways {
            let asked = Authenticate {
                name: way,
                ..request("ada", "wrong")
            };
            let now = campus.clock.now();
            assert!(campus.logins.authenticate_now(&asked, now).is_none());
            let verdict = campus.runtime.block_on(campus.logins.authenticate(asked, now));
            assert!(matches!(verdict, Verdict::Busy), "{name}");
        }
    }
}

#[test]
fn a_flood_from_one_source_keeps_nobody_else_out() {
    let settings = LoginSettings {
        queue_max: 2,
        ..settings(UpgradeOnLogIn::Yes)
    };
    let campus = campus(&argon2id(), settings);
    let release = campus.hold_the_pool();
    let log_in = |source, uid| {
        campus
            .logins
            .authenticate(request_from(source, uid, RIGHT), START)
    };
    let flood = |uid| log_in(AWAY, uid);
    let (first, second, third, honest, ()) = campus.runtime.block_on(async {
        tokio::join!(
            flood("x1"),
            flood("x2"),
            flood("x3"),
            log_in(HOME, "ada"),
            async { drop(release) }
        )
    });
    assert!(is_accepted(&honest));
    assert!(matches!(first, Verdict::Refused));
    assert!(matches!((second, third), (Verdict::Busy, Verdict::Busy)));
}

#[test]
fn a_lock_is_stored_and_told_though_whoever_guessed_is_gone() {
    let campus = campus(SSHA, settings(UpgradeOnLogIn::No));
    (0..7).for_each(|number| {
        campus.log_in("ada", &format!("wrong {number}"));
    });
    campus.runtime.block_on(async {
        let mut guess = std::pin::pin!(campus.logins.authenticate(request("ada", "wrong 7"), START));
        // Until it is decided; what follows from that has not begun.
        std::future::poll_fn(|context| {
            let _ = guess.as_mut().poll(context);
            let is_locked = |attempts: &mut Attempts| attempts.is_locked(START);
            match campus
                .logins
                .ledger()
                .with_attempts(Some(ENTRY), START, is_locked)
            {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    });
    campus.runtime.block_on(async {
        while !matches!(campus.newest_event(), Some(AuditEvent::AccountLocked { .. })) {
            tokio::task::yield_now().await;
        }
    });
    assert!(campus.is_lock_stored());
}

#[test]
fn a_wrong_pin_that_counts_is_told_once_there_is_room_though_whoever_asked_has_gone() {
    let campus = campus(&argon2id(), settings(UpgradeOnLogIn::Yes));
    let filler = || AuditEvent::EntriesImported {
        subject: Subject::Root,
        file: "x".into(),
        entries: 0,
    };
    while campus.log.try_audit(filler(), START).is_ok() {}
    campus.runtime.block_on(async {
        let mut guess = std::pin::pin!(campus.logins.authenticate(request("ada", "wrong"), START));
        std::future::poll_fn(|context| {
            assert!(
                guess.as_mut().poll(context).is_pending(),
                "nobody hears of what is not told"
            );
            let ledger = campus.logins.ledger();
            match ledger.with_attempts(Some(ENTRY), START, |attempts| attempts.is_empty()) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
    });
    campus.runtime.block_on(async {
        while !matches!(campus.newest_event(), Some(AuditEvent::LoginRefused { .. })) {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn behind_one_client_a_strangers_guesses_do_not_lock_the_owner_out() {
    let owner = Caller::Mac([2, 0, 0, 0, 0, 1]);
    for stranger in [
        Caller::Mac([2, 0, 0, 0, 0, 2]),
        Caller::Address(AWAY.parse().unwrap()),
    ] {
        let campus = campus(SSHA, settings(UpgradeOnLogIn::No));
        let log_in = |caller, pin: &str| {
            let caller = Some(caller);
            let request = Authenticate {
                caller,
                ..request("ada", pin)
            };
            let verdict = campus.logins.authenticate(request, START);
            matches!(campus.runtime.block_on(verdict), Verdict::Accepted(_))
        };
        assert!(log_in(owner, RIGHT));
        for number in 0..8 {
            assert!(!log_in(stranger, &format!("wrong {number}")));
        }
        assert!(!log_in(stranger, RIGHT), "it is locked for the stranger");
        assert!(log_in(owner, RIGHT));
        let AuditEvent::LoginAccepted { origin, .. } = campus.last_event() else {
            panic!("not accepted");
        };
        assert_eq!(
            (origin.source.to_string().as_str(), origin.caller),
            (HOME, Some(owner))
        );
    }
}
