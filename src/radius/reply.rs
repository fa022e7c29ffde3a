//! Answers: built with the codec, then sealed so that the client can tell they are ours.

use std::sync::Arc;

use radius::core::code::Code;
use radius::core::packet::Packet;
use radius::core::{rfc2865, rfc2869};
use thiserror::Error;

use super::authenticator::{ZERO, digest, message_authenticator};
use super::reason::RejectReason;
use super::wire::{Authenticator, HEADER_BYTES, MESSAGE_AUTHENTICATOR_BYTES, PACKET_BYTES_MAX};
use crate::types::SharedSecret;

/// The answer would exceed [`PACKET_BYTES_MAX`]: the request's Proxy-State leaves no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the answer would exceed {PACKET_BYTES_MAX} octets")]
pub struct TooLarge;

/// An Access-Accept.
pub fn accept(request: &Packet) -> Packet {
    answer(request, Code::AccessAccept, |_| {})
}

/// An Access-Reject. It says why only where the client's set-up is at fault, never where a member's
/// log-in is: every log-in refused by the directory gets the same octets.
pub fn reject(request: &Packet, reason: RejectReason) -> Packet {
    answer(request, Code::AccessReject, |reply| match reason {
        RejectReason::Chap => rfc2865::add_reply_message(reply, "CHAP is not supported here; use PAP"),
        RejectReason::MsChap => rfc2865::add_reply_message(reply, "MS-CHAP is not supported here; use PAP"),
        RejectReason::Eap => add_eap_failure(reply, request),
        _ => {}
    })
}

/// The answer to a Status-Server with the code its port calls for (RFC 5997 section 3).
pub fn status(request: &Packet, code: Code) -> Packet {
    answer(request, code, |_| {})
}

/// Every answer carries the request's Proxy-State unchanged and in order (RFC 2865 section 5.33).
fn answer(request: &Packet, code: Code, attributes: impl FnOnce(&mut Packet)) -> Packet {
    let mut reply = request.make_response_packet(code);
    attributes(&mut reply);
    for proxy_state in rfc2865::lookup_all_proxy_state(request) {
        rfc2865::add_proxy_state(&mut reply, &proxy_state);
    }
    reply
}

/// RFC 3579 section 2.6.3: an Access-Reject to EAP carries EAP-Failure (RFC 3748 section 4.2).
fn add_eap_failure(reply: &mut Packet, request: &Packet) {
    const EAP_FAILURE: u8 = 4;
    let message = rfc2869::lookup_eap_message(request).unwrap_or_default();
    if let Some(identifier) = message.get(1) {
        rfc2869::add_eap_message(reply, &[EAP_FAILURE, *identifier, 0, 4]);
    }
}

/// Turns an answer into octets: Message-Authenticator **first** (against CVE-2024-3596), then the answer's
/// attributes; the Response Authenticator over all. Errors: [`TooLarge`].
pub fn seal(reply: &Packet, request: &Authenticator, secret: &SharedSecret) -> Result<Arc<[u8]>, TooLarge> {
    const FIRST: [u8; 2] = [
        rfc2869::MESSAGE_AUTHENTICATOR_TYPE,
        MESSAGE_AUTHENTICATOR_BYTES as u8,
    ];
    // The codec's own Response Authenticator is overwritten: it knows no secret.
    let plain = reply.encode().map_err(|_| TooLarge)?;
    let length = plain.len() + MESSAGE_AUTHENTICATOR_BYTES;
    if length > PACKET_BYTES_MAX {
        return Err(TooLarge);
    }
    let (header, attributes) = plain.split_first_chunk::<HEADER_BYTES>().ok_or(TooLarge)?;
    let [high, low] = u16::try_from(length).map_err(|_| TooLarge)?.to_be_bytes();
    let head = [header[0], header[1], high, low];
    let proof = message_authenticator(&[&head, request, &FIRST, &ZERO, attributes], secret);
    let response = digest(&[&head, request, &FIRST, &proof, attributes], secret);
    Ok([&head[..], &response, &FIRST, &proof, attributes].concat().into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{packet, secret};
    use super::*;

    fn request(attributes: &[u8]) -> Packet {
        Packet::decode(&packet(1, attributes), b"").unwrap()
    }

    fn sealed(reply: &Packet) -> Arc<[u8]> {
        seal(reply, &[7; 16], &secret()).unwrap()
    }

    /// Checks an answer as a client does.
    fn is_ours(octets: &[u8]) -> bool {
        let response = digest(&[&octets[..4], &[7; 16], &octets[20..]], &secret());
        let proof = message_authenticator(
            &[&octets[..4], &[7; 16], &octets[20..22], &ZERO, &octets[38..]],
            &secret(),
        );
        response == octets[4..20] && proof == octets[22..38]
    }

    #[test]
    fn every_answer_starts_with_a_message_authenticator_and_verifies() {
        let request = request(&[1, 3, b'a']);
        for reply in [
            accept(&request),
            reject(&request, RejectReason::Refused),
            reject(&request, RejectReason::Chap),
            status(&request, Code::AccountingResponse),
            request.make_response_packet(Code::AccessChallenge),
        ] {
            let octets = sealed(&reply);
            assert_eq!(octets[20..22], [80, 18]);
            assert_eq!(
                usize::from(u16::from_be_bytes([octets[2], octets[3]])),
                octets.len()
            );
            assert!(is_ours(&octets));
        }
    }

    #[test]
    fn proxy_states_come_back_unchanged_and_in_order() {
        let states = [33, 4, b'z', 0, 33, 2, 33, 3, b'a'];
        let octets = sealed(&accept(&request(
            &[&[33, 3, b'q', 1, 3, b'a'][..], &states].concat(),
        )));
        assert_eq!(octets[38..], [&[33, 3, b'q'][..], &states].concat());
    }

    #[test]
    fn a_refused_log_in_says_nothing_and_a_refused_method_says_which() {
        let request = request(&[1, 3, b'a']);
        for reason in [
            RejectReason::Refused,
            RejectReason::UserNameSyntax,
            RejectReason::SecretSuspected,
        ] {
            assert_eq!(sealed(&reject(&request, reason)).len(), 38);
        }
        let octets = sealed(&reject(&request, RejectReason::MsChap));
        assert!(octets[40..].starts_with(b"MS-CHAP is not supported"));
    }

    #[test]
    fn a_refused_eap_conversation_ends_with_eap_failure() {
        let octets = sealed(&reject(&request(&[79, 7, 2, 9, 0, 5, 1]), RejectReason::Eap));
        assert_eq!(octets[38..], [79, 6, 4, 9, 0, 4]);
        let none = sealed(&reject(&request(&[79, 2]), RejectReason::Eap));
        assert_eq!(none.len(), 38);
    }

    #[test]
    fn an_answer_that_does_not_fit_is_not_sent() {
        let states = |count: usize| request(&[&[33, 255][..], &[0; 253]].concat().repeat(count));
        assert!(seal(&accept(&states(15)), &ZERO, &secret()).is_ok());
        let full = [
            [&[33, 255][..], &[0; 253]].concat().repeat(15),
            vec![33, 240],
            vec![0; 238],
        ]
        .concat();
        assert_eq!(seal(&accept(&request(&full)), &ZERO, &secret()), Err(TooLarge));
    }
}
