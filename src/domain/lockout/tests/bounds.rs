//! What is remembered is bounded, and what fills it displaces nothing that counts.

use super::*;

#[test]
fn what_is_remembered_is_bounded() {
    let mut attempts = Attempts::default();
    for network in 0..=255 {
        let source = format!("198.51.{network}.1");
        attempts.right(group(&source), START);
        let _ = wrong(&mut attempts, 0..7, &source, START);
    }
    assert_eq!(attempts.wrong.len(), WRONG_PINS_MAX);
}

/// Tells `attempts` of the wrong PIN `number` from 256 sources that nobody knows.
fn wrong_from_everywhere(attempts: &mut Attempts, number: usize) {
    for network in 0..=255 {
        let source = format!("2001:db8:0:{network:02x}00::1");
        let _ = wrong(attempts, number..number + 1, &source, START);
    }
}

#[test]
fn one_wrong_pin_from_everywhere_displaces_no_other() {
    let mut attempts = Attempts::default();
    attempts.right(group(HOME), START);
    let _ = wrong(&mut attempts, 0..7, HOME, START);
    for network in 0..31 {
        let source = format!("198.51.{network}.1");
        let _ = wrong(&mut attempts, 7 + network..8 + network, &source, START);
    }
    wrong_from_everywhere(&mut attempts, 38);
    wrong_from_everywhere(&mut attempts, 0);
    assert_eq!(attempts.wrong.len(), WRONG_PINS_MAX);
    assert_eq!(
        wrong(&mut attempts, 38..39, HOME, START),
        WrongPinEffect::Repeated
    );
    assert!(is_open(&attempts, HOME, START) && is_open(&attempts, AWAY, START));
    assert!(matches!(
        wrong(&mut attempts, 39..40, AWAY, START),
        WrongPinEffect::Locked(_)
    ));
    assert!(is_open(&attempts, HOME, START));
    assert!(matches!(
        wrong(&mut attempts, 40..41, HOME, START),
        WrongPinEffect::Locked(_)
    ));
    assert!(
        !is_open(&attempts, HOME, START),
        "its own seven have not been displaced"
    );
}

#[test]
fn sources_that_fill_the_memory_by_turns_are_closed() {
    let policy = LockoutPolicy {
        failures_max: 100,
        failures_all_max: 100,
        ..LockoutPolicy::default()
    };
    let mut attempts = Attempts::default();
    let trusted = [HOME, AWAY].map(group);
    for source in trusted {
        attempts.right(source, START);
    }
    for number in 0..2 * WRONG_PINS_MAX {
        let source = trusted[number % 2];
        if attempts.state(source, START, &policy) == LockState::Open {
            let _ = attempts.wrong(mark(number), source, START, &policy);
        }
    }
    assert_eq!(attempts.wrong.len(), WRONG_PINS_MAX);
    assert!(!is_open(&attempts, HOME, START) && !is_open(&attempts, AWAY, START));
}

#[test]
fn a_lock_with_too_many_offenders_holds_for_everybody() {
    let offenders = vec![group(HOME); OFFENDERS_MAX];
    let holds = Holds::for_offenders(offenders.clone()).unwrap();
    assert_eq!(holds.and_for(group(AWAY)), Holds::ForAll);
    assert_eq!(
        Holds::for_offenders([offenders, vec![group(AWAY)]].concat()),
        None
    );
}
