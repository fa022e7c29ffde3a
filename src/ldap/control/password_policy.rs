//! Password policy (draft-behera-ldap-password-policy-10 section 6): what programs are told of a PIN beside the result
//! code.
//!
//! Who has not logged in hears nothing by it. A bind that is refused is answered with an empty response, whether the
//! account is locked or is not there, as its result code is one and the same. `accountLocked` is for who had logged in and
//! wants another PIN: it is told whatever PIN was given as the present one.

use bytes::BytesMut;

use super::put_control;
use crate::directory::request::{Outcome, PinFault};
use crate::ldap::ber;

/// The OID, of the request and the response.
pub const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// `error` of a PasswordPolicyResponseValue.
const ERROR: u8 = 0x81;

/// The numbers of `error`, as far as they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PolicyError {
    AccountLocked = 1,
    PasswordModNotAllowed = 3,
    MustSupplyOldPassword = 4,
    InsufficientPasswordQuality = 5,
    PasswordTooShort = 6,
}

impl From<PinFault> for PolicyError {
    fn from(fault: PinFault) -> PolicyError {
        match fault {
            PinFault::Locked => PolicyError::AccountLocked,
            PinFault::NotAllowed => PolicyError::PasswordModNotAllowed,
            PinFault::OldMissing => PolicyError::MustSupplyOldPassword,
            PinFault::TooShort => PolicyError::PasswordTooShort,
            PinFault::Unusable => PolicyError::InsufficientPasswordQuality,
        }
    }
}

/// Appends the response control to what `outcome` is answered with.
pub fn put_response(out: &mut BytesMut, outcome: &Outcome) {
    let error = match outcome {
        Outcome::Changed(Err(refusal)) => refusal.pin.map(PolicyError::from),
        _ => None,
    };
    let mut content = BytesMut::new();
    if let Some(error) = error {
        ber::put_integer(&mut content, ERROR, error as u32);
    }
    let mut value = BytesMut::new();
    ber::put_element(&mut value, ber::SEQUENCE, &content);
    put_control(out, OID, &value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::request::{Answer, Asker, Changed, Refusal, Verdict};

    fn told(outcome: &Outcome) -> Vec<u8> {
        let mut out = BytesMut::new();
        put_response(&mut out, outcome);
        out.split_off(4 + OID.len()).to_vec()
    }

    #[test]
    fn a_bind_is_told_nothing_whatever_comes_of_it() {
        for verdict in [Verdict::Refused, Verdict::Busy, Verdict::Accepted(Asker::Root)] {
            assert_eq!(told(&Outcome::Authenticated(verdict)), b"\x04\x02\x30\x00");
        }
    }

    #[test]
    fn a_fault_of_a_pin_has_its_number_and_what_is_none_has_no() {
        let of = |refusal: Refusal| told(&Outcome::Changed(Err(refusal)));
        let faulty = |fault| of(Refusal::from(Answer::Constraint).for_pin(fault));
        for (fault, number) in [
            (PinFault::Locked, 1),
            (PinFault::NotAllowed, 3),
            (PinFault::OldMissing, 4),
            (PinFault::Unusable, 5),
            (PinFault::TooShort, 6),
        ] {
            assert_eq!(faulty(fault), [4, 5, 0x30, 3, 0x81, 1, number], "{fault:?}");
        }
        assert_eq!(of(Answer::Constraint.into()), b"\x04\x02\x30\x00");
        let done = Outcome::Changed(Ok(Changed::default()));
        assert_eq!(told(&done), b"\x04\x02\x30\x00");
    }
}
