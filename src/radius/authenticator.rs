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

/// A shared secret, with what is computed of it once instead of for every packet. As secret as itself.
pub struct Keys {
    secret: SharedSecret,
    mac: Hmac<Md5>,
}

impl Keys {
    /// The keys of `secret`.
    pub fn new(secret: SharedSecret) -> Keys {
        let mac = Hmac::new_from_slice(secret.expose()).expect("HMAC takes a key of any length");
        Keys { secret, mac }
    }

    /// The secret.
    pub fn secret(&self) -> &SharedSecret {
        &self.secret
    }

    /// The Message-Authenticator over `parts` in a row.
    pub fn message_authenticator(&self, parts: &[&[u8]]) -> Authenticator {
        self.mac_of(parts).finalize().into_bytes().into()
    }

    /// The MD5 of `parts` in a row and then the secret: Response Authenticator, and Request Authenticator of accounting.
    pub fn digest(&self, parts: &[&[u8]]) -> Authenticator {
        let mut md5 = Md5::new();
        parts.iter().for_each(|part| md5.update(part));
        md5.update(self.secret.expose());
        md5.finalize().into()
    }

    fn mac_of(&self, parts: &[&[u8]]) -> Hmac<Md5> {
        let mut mac = self.mac.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac
    }
}

/// Verifies the Message-Authenticator of a request, in time that does not depend on where it differs.
pub fn verify_message_authenticator(datagram: &Datagram<'_>, keys: &Keys) -> MessageAuthenticator {
    let Some((before, value, after)) = datagram.at_message_authenticator() else {
        return MessageAuthenticator::Absent;
    };
    let Some((header, attributes)) = before.split_first_chunk::<HEADER_BYTES>() else {
        return MessageAuthenticator::Wrong;
    };
    let parts = [
        &header[..4],
        authenticator_in_proofs(datagram),
        attributes,
        &ZERO,
        after,
    ];
    match keys.mac_of(&parts).verify_slice(value) {
        Ok(()) => MessageAuthenticator::Valid,
        Err(_) => MessageAuthenticator::Wrong,
    }
}

/// Whether the Request Authenticator of an Accounting-Request was made with the secret (RFC 2866 section 3).
pub fn request_authenticator_is_valid(datagram: &Datagram<'_>, keys: &Keys) -> bool {
    let Some((header, attributes)) = datagram.octets().split_first_chunk::<HEADER_BYTES>() else {
        return false;
    };
    let expected = keys.digest(&[&header[..4], &ZERO, attributes]);
    CtOutput::<Md5>::new(Output::<Md5>::from(*datagram.authenticator()))
        == CtOutput::<Md5>::new(Output::<Md5>::from(expected))
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
    use super::super::tests::{accounting_request, keys, signed, vector};
    use super::super::wire::check;
    use super::*;

    fn rfc_keys() -> Keys {
        Keys::new(SharedSecret::new(*b"xyzzy5461"))
    }

    #[test]
    fn the_status_server_requests_of_rfc_5997_verify() {
        for name in ["rfc5997-6.1-request", "rfc5997-6.2-request"] {
            let bytes = vector(name);
            let datagram = check(&bytes).unwrap();
            assert_eq!(
                verify_message_authenticator(&datagram, &rfc_keys()),
                MessageAuthenticator::Valid
            );
            assert_eq!(
                verify_message_authenticator(&datagram, &keys()),
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
            let made = rfc_keys().digest(&[&response[..4], &request[4..20], &response[20..]]);
            assert_eq!(made, response[4..20]);
        }
    }

    #[test]
    fn any_changed_octet_breaks_the_message_authenticator() {
        let good = signed(1, &[&[1, 5][..], b"ada", &[6, 6, 0, 0, 0, 8]].concat(), &keys());
        let verify =
            |bytes: &[u8]| check(bytes).map(|datagram| verify_message_authenticator(&datagram, &keys()));
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
        let bytes = accounting_request(&keys());
        let datagram = check(&bytes).unwrap();
        assert!(request_authenticator_is_valid(&datagram, &keys()));
        assert!(!request_authenticator_is_valid(&datagram, &rfc_keys()));
        assert_eq!(
            verify_message_authenticator(&datagram, &keys()),
            MessageAuthenticator::Valid
        );
        let padded = [&bytes[..], b"padding"].concat();
        assert!(request_authenticator_is_valid(&check(&padded).unwrap(), &keys()));
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
