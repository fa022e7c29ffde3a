//! Proofs that a packet comes from who shares the secret: Message-Authenticator (RFC 3579 section 3.2),
//! Request Authenticator of accounting (RFC 2866 section 3), Response Authenticator (RFC 2865 section 3).

use hmac::digest::{CtOutput, Output};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use radius::core::code::Code;

use super::wire::{Authenticator, Datagram, HEADER_BYTES};
use crate::types::SharedSecret;

/// What stands in the place of an authenticator while it is computed.
pub const ZERO: Authenticator = [0; 16];

/// What a packet's Message-Authenticator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageAuthenticator {
    /// There is none.
    Absent,
    /// It was made with the secret.
    Valid,
    /// It was not.
    Wrong,
}

/// Verifies the Message-Authenticator of a request, in time that does not depend on where it differs.
pub fn verify_message_authenticator(datagram: &Datagram<'_>, secret: &SharedSecret) -> MessageAuthenticator {
    let Some((before, value, after)) = datagram.at_message_authenticator() else {
        return MessageAuthenticator::Absent;
    };
    let Some((head, attributes)) = before.split_at_checked(HEADER_BYTES) else {
        return MessageAuthenticator::Wrong;
    };
    let head = head.get(..4).unwrap_or_default();
    let parts = [head, authenticator_in_proofs(datagram), attributes, &ZERO, after];
    match keyed(&parts, secret).verify_slice(value) {
        Ok(()) => MessageAuthenticator::Valid,
        Err(_) => MessageAuthenticator::Wrong,
    }
}

/// Whether the Request Authenticator of an Accounting-Request was made with the secret (RFC 2866 section 3).
pub fn request_authenticator_is_valid(datagram: &Datagram<'_>, secret: &SharedSecret) -> bool {
    let Some((head, attributes)) = datagram.octets().split_at_checked(HEADER_BYTES) else {
        return false;
    };
    let expected = digest(&[head.get(..4).unwrap_or_default(), &ZERO, attributes], secret);
    CtOutput::<Md5>::new(Output::<Md5>::from(*datagram.authenticator()))
        == CtOutput::<Md5>::new(Output::<Md5>::from(expected))
}

/// The Message-Authenticator over `parts` in a row.
pub fn message_authenticator(parts: &[&[u8]], secret: &SharedSecret) -> Authenticator {
    keyed(parts, secret).finalize().into_bytes().into()
}

/// The MD5 of `parts` in a row and then the secret: Response Authenticator, Request Authenticator of
/// accounting, and the key stream of a User-Password.
pub fn digest(parts: &[&[u8]], secret: &SharedSecret) -> Authenticator {
    let mut md5 = Md5::new();
    parts.iter().for_each(|part| md5.update(part));
    md5.update(secret.expose());
    md5.finalize().into()
}

fn keyed(parts: &[&[u8]], secret: &SharedSecret) -> Hmac<Md5> {
    let mut mac = Hmac::<Md5>::new_from_slice(secret.expose()).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// A request whose Request Authenticator is itself a digest of the packet counts it as zero.
fn authenticator_in_proofs<'a>(datagram: &Datagram<'a>) -> &'a [u8] {
    match datagram.code() {
        Code::AccountingRequest | Code::DisconnectRequest | Code::CoARequest => &ZERO,
        _ => datagram.authenticator(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accounting_request, secret, signed, vector};
    use super::super::wire::check;
    use super::*;

    fn rfc_secret() -> SharedSecret {
        SharedSecret::new(*b"xyzzy5461")
    }

    #[test]
    fn the_status_server_requests_of_rfc_5997_verify() {
        for name in ["rfc5997-6.1-request", "rfc5997-6.2-request"] {
            let bytes = vector(name);
            let datagram = check(&bytes).unwrap();
            assert_eq!(
                verify_message_authenticator(&datagram, &rfc_secret()),
                MessageAuthenticator::Valid
            );
            assert_eq!(
                verify_message_authenticator(&datagram, &secret()),
                MessageAuthenticator::Wrong
            );
        }
    }

    #[test]
    fn the_response_authenticators_of_the_rfcs_come_out() {
        for (request, response) in [
            ("rfc2865-7.1-request", "rfc2865-7.1-response"),
            ("rfc5997-6.1-request", "rfc5997-6.1-response"),
        ] {
            let (request, response) = (vector(request), vector(response));
            let made = digest(&[&response[..4], &request[4..20], &response[20..]], &rfc_secret());
            assert_eq!(made, response[4..20]);
        }
    }

    #[test]
    fn any_changed_octet_breaks_the_message_authenticator() {
        let good = signed(1, &[&[1, 5][..], b"ada", &[6, 6, 0, 0, 0, 8]].concat(), &secret());
        let verify =
            |bytes: &[u8]| check(bytes).map(|datagram| verify_message_authenticator(&datagram, &secret()));
        assert_eq!(verify(&good), Ok(MessageAuthenticator::Valid));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_ne!(verify(&bad), Ok(MessageAuthenticator::Valid), "octet {at}");
        }
        let padded = [&good[..], b"padding"].concat();
        assert_eq!(verify(&padded), Ok(MessageAuthenticator::Valid));
    }

    #[test]
    fn accounting_is_proved_over_a_zero_authenticator() {
        let bytes = accounting_request(&secret());
        let datagram = check(&bytes).unwrap();
        assert!(request_authenticator_is_valid(&datagram, &secret()));
        assert!(!request_authenticator_is_valid(&datagram, &rfc_secret()));
        assert_eq!(
            verify_message_authenticator(&datagram, &secret()),
            MessageAuthenticator::Valid
        );
        let padded = [&bytes[..], b"padding"].concat();
        assert!(request_authenticator_is_valid(
            &check(&padded).unwrap(),
            &secret()
        ));
    }

    #[test]
    fn the_crate_calls_every_access_request_authentic_which_is_why_it_is_not_asked() {
        let request = vector("rfc5997-6.1-request");
        assert!(radius::core::packet::Packet::is_authentic_request(
            &request,
            b"a wrong secret"
        ));
    }
}
