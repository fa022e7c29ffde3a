//! Answers, sealed so that the client can tell they are ours.

use std::sync::Arc;

use radius::core::code::Code;
use radius::core::{rfc2865, rfc2869};
use thiserror::Error;

use super::authenticator::{Keys, ZERO};
use super::reason::RejectReason;
use super::wire::{Authenticator, Datagram, HEADER_BYTES, MESSAGE_AUTHENTICATOR_BYTES, PACKET_BYTES_MAX};

/// Where the value of the Message-Authenticator is, in every answer.
const PROOF_AT: usize = HEADER_BYTES + 2;

/// The answer would exceed [`PACKET_BYTES_MAX`]: the request's Proxy-State leaves no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the answer would exceed {PACKET_BYTES_MAX} octets")]
pub struct TooLarge;

/// What every answer takes over from its request.
#[derive(Clone, Debug)]
pub struct Echo {
    identifier: u8,
    authenticator: Authenticator,
    /// The Proxy-State attributes, unchanged and in order (RFC 2865 section 5.33).
    proxy_states: Box<[u8]>,
}

/// An answer that is not sealed yet.
pub struct Answer {
    code: Code,
    attributes: Vec<u8>,
}

impl Echo {
    /// Of the request `datagram`. Errors: [`TooLarge`], for not even an answer without attributes would fit.
    pub fn of(datagram: &Datagram<'_>) -> Result<Echo, TooLarge> {
        let mut proxy_states = Vec::new();
        if datagram.has_proxy_state() {
            let attributes = datagram.attributes();
            let states = attributes.filter(|(kind, _)| *kind == rfc2865::PROXY_STATE_TYPE);
            states.for_each(|(kind, value)| push(&mut proxy_states, kind, value));
        }
        let fits = HEADER_BYTES + MESSAGE_AUTHENTICATOR_BYTES + proxy_states.len() <= PACKET_BYTES_MAX;
        fits.then(|| Echo {
            identifier: datagram.identifier(),
            authenticator: *datagram.authenticator(),
            proxy_states: proxy_states.into(),
        })
        .ok_or(TooLarge)
    }
}

impl Answer {
    /// An answer that says nothing but its code.
    pub fn bare(code: Code) -> Answer {
        Answer {
            code,
            attributes: Vec::new(),
        }
    }

    /// An Access-Reject. It says why only where the client's set-up is at fault, never where a member's
    /// log-in is: every log-in refused by the directory gets the same octets.
    pub fn reject(reason: RejectReason) -> Answer {
        let mut answer = Answer::bare(Code::AccessReject);
        let message: &[u8] = match reason {
            RejectReason::Chap => b"CHAP is not supported here; use PAP",
            RejectReason::MsChap => b"MS-CHAP is not supported here; use PAP",
            _ => return answer,
        };
        push(&mut answer.attributes, rfc2865::REPLY_MESSAGE_TYPE, message);
        answer
    }

    /// The Access-Reject of a `request` that speaks EAP: it carries EAP-Failure (RFC 3579 section 2.6.3, RFC 3748
    /// section 4.2).
    pub fn reject_eap(request: &Datagram<'_>) -> Answer {
        const EAP_FAILURE: u8 = 4;
        let mut answer = Answer::bare(Code::AccessReject);
        let messages = request
            .attributes()
            .filter(|(kind, _)| *kind == rfc2869::EAP_MESSAGE_TYPE);
        // One message may be in several attributes; its second octet is its Identifier.
        if let Some(identifier) = messages.flat_map(|(_, value)| value).nth(1) {
            let failure = [EAP_FAILURE, *identifier, 0, 4];
            push(&mut answer.attributes, rfc2869::EAP_MESSAGE_TYPE, &failure);
        }
        answer
    }

    /// Its octets: Message-Authenticator **first** (against CVE-2024-3596), then its own attributes, then Proxy-State;
    /// the Response Authenticator over all. Errors: [`TooLarge`].
    pub fn seal(&self, echo: &Echo, keys: &Keys) -> Result<Arc<[u8]>, TooLarge> {
        let rest = [&*self.attributes, &*echo.proxy_states];
        let length = HEADER_BYTES + MESSAGE_AUTHENTICATOR_BYTES + rest.map(<[u8]>::len).iter().sum::<usize>();
        if length > PACKET_BYTES_MAX {
            return Err(TooLarge);
        }
        let [high, low] = u16::try_from(length).map_err(|_| TooLarge)?.to_be_bytes();
        let head = [self.code as u8, echo.identifier, high, low];
        let proof_header = [
            rfc2869::MESSAGE_AUTHENTICATOR_TYPE,
            MESSAGE_AUTHENTICATOR_BYTES as u8,
        ];
        // Of known length in every part, so that it is allocated once.
        let mut sealed: Arc<[u8]> = head
            .into_iter()
            .chain(echo.authenticator)
            .chain(proof_header)
            .chain(ZERO)
            .chain(rest[0].iter().copied())
            .chain(rest[1].iter().copied())
            .collect();
        let octets = Arc::get_mut(&mut sealed).ok_or(TooLarge)?;
        let proof = keys.message_authenticator(&[octets]);
        octets[PROOF_AT..][..proof.len()].copy_from_slice(&proof);
        let response = keys.digest(&[octets]);
        octets[head.len()..HEADER_BYTES].copy_from_slice(&response);
        Ok(sealed)
    }
}

fn push(attributes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    // A value came out of an attribute or is written above: it fits into one.
    let length = u8::try_from(2 + value.len()).unwrap_or(u8::MAX);
    attributes.extend_from_slice(&[kind, length]);
    attributes.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{keys, packet};
    use super::super::wire::check;
    use super::*;

    fn sealed(request: &[u8], answer: &Answer) -> Arc<[u8]> {
        let echo = Echo::of(&check(request).unwrap()).unwrap();
        answer.seal(&echo, &keys()).unwrap()
    }

    fn accept() -> Answer {
        Answer::bare(Code::AccessAccept)
    }

    /// Checks an answer as a client does.
    fn is_ours(octets: &[u8]) -> bool {
        let response = keys().digest(&[&octets[..4], &[7; 16], &octets[20..]]);
        let proof =
            keys().message_authenticator(&[&octets[..4], &[7; 16], &octets[20..22], &ZERO, &octets[38..]]);
        response == octets[4..20] && proof == octets[22..38]
    }

    #[test]
    fn every_answer_starts_with_a_message_authenticator_and_verifies() {
        let request = packet(1, &[1, 3, b'a']);
        for answer in [
            accept(),
            Answer::reject(RejectReason::Refused),
            Answer::reject(RejectReason::Chap),
            Answer::bare(Code::AccountingResponse),
            Answer::bare(Code::AccessChallenge),
        ] {
            let octets = sealed(&request, &answer);
            assert_eq!(octets[..2], [answer.code as u8, 7]);
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
        let request = packet(1, &[&[33, 3, b'q', 1, 3, b'a'][..], &states].concat());
        let octets = sealed(&request, &accept());
        assert_eq!(octets[38..], [&[33, 3, b'q'][..], &states].concat());
        assert!(is_ours(&octets));
    }

    #[test]
    fn a_refused_log_in_says_nothing_and_a_refused_method_says_which() {
        let request = packet(1, &[1, 3, b'a']);
        for reason in [
            RejectReason::Refused,
            RejectReason::UserNameSyntax,
            RejectReason::SecretSuspected,
        ] {
            assert_eq!(sealed(&request, &Answer::reject(reason)).len(), 38);
        }
        let octets = sealed(&request, &Answer::reject(RejectReason::MsChap));
        assert_eq!(octets[38..40], [18, 40]);
        assert!(octets[40..].starts_with(b"MS-CHAP is not supported"));
    }

    #[test]
    fn a_refused_eap_conversation_ends_with_eap_failure() {
        for (eap, end) in [
            (&[79, 7, 2, 9, 0, 5, 1][..], &[79, 6, 4, 9, 0, 4][..]),
            (&[79, 3, 2, 79, 6, 9, 0, 5, 1], &[79, 6, 4, 9, 0, 4]),
            (&[79, 2], &[]),
        ] {
            let request = packet(1, eap);
            let octets = sealed(&request, &Answer::reject_eap(&check(&request).unwrap()));
            assert_eq!(octets[38..], *end);
        }
    }

    #[test]
    fn an_answer_that_does_not_fit_is_not_sent() {
        let state = [&[33, 255][..], &[0; 253]].concat();
        let filled = |more: u8| {
            let last = [&[33, more][..], &vec![0; usize::from(more) - 2]].concat();
            packet(1, &[state.repeat(15), last].concat())
        };
        let full = filled(233);
        assert_eq!(sealed(&full, &accept()).len(), PACKET_BYTES_MAX);
        let echo = Echo::of(&check(&full).unwrap()).unwrap();
        assert_eq!(
            Answer::reject(RejectReason::Chap).seal(&echo, &keys()),
            Err(TooLarge)
        );
        assert_eq!(Echo::of(&check(&filled(234)).unwrap()).err(), Some(TooLarge));
    }
}
