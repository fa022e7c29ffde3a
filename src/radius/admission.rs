//! What a packet must prove before anything is done for it.

use radius::core::code::Code;

use super::authenticator::{
    MessageAuthenticator, request_authenticator_is_valid, verify_message_authenticator,
};
use super::client::Client;
use super::reason::Unanswered;
use super::wire::Datagram;

/// Which of the two ports a session serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Access-Request and Status-Server (RFC 2865; 1812).
    Authentication,
    /// Accounting-Request and Status-Server (RFC 2866; 1813).
    Accounting,
}

/// Lets a packet in that its port answers and that proves what its client must prove. Gives what its
/// Message-Authenticator said, never [`MessageAuthenticator::Wrong`]. What is missing is noticed before
/// anything is hashed. Errors: why it is dropped.
pub fn admit(
    port: Port,
    datagram: &Datagram<'_>,
    client: &Client,
) -> Result<MessageAuthenticator, Unanswered> {
    match (port, datagram.code()) {
        (Port::Authentication, Code::AccessRequest) => must_carry_proof(datagram, client)?,
        (_, Code::StatusServer) if datagram.has_message_authenticator() => {}
        (_, Code::StatusServer) => return Err(Unanswered::StatusWithoutMessageAuthenticator),
        (Port::Accounting, Code::AccountingRequest) => must_be_authentic(datagram, client)?,
        _ => return Err(Unanswered::UnexpectedCode),
    }
    match verify_message_authenticator(datagram, client.keys()) {
        MessageAuthenticator::Wrong => Err(Unanswered::MessageAuthenticatorWrong),
        proof => Ok(proof),
    }
}

fn must_carry_proof(datagram: &Datagram<'_>, client: &Client) -> Result<(), Unanswered> {
    if datagram.has_message_authenticator() {
        Ok(())
    } else if datagram.has_eap_message() {
        Err(Unanswered::EapWithoutMessageAuthenticator)
    } else if client.requires_message_authenticator() {
        Err(Unanswered::MessageAuthenticatorMissing)
    } else if datagram.has_proxy_state() {
        Err(Unanswered::ProxyStateWithoutMessageAuthenticator)
    } else {
        Ok(())
    }
}

fn must_be_authentic(datagram: &Datagram<'_>, client: &Client) -> Result<(), Unanswered> {
    match request_authenticator_is_valid(datagram, client.keys()) {
        true => Ok(()),
        false => Err(Unanswered::RequestAuthenticatorWrong),
    }
}

#[cfg(test)]
mod tests {
    use super::super::authenticator::Keys;
    use super::super::client::RequireMessageAuthenticator::{self, Latch, No, Yes};
    use super::super::tests::{accounting_request, client, keys, packet, signed};
    use super::super::wire::check;
    use super::*;
    use crate::types::SharedSecret;

    fn judge(
        port: Port,
        bytes: &[u8],
        required: RequireMessageAuthenticator,
    ) -> Result<MessageAuthenticator, Unanswered> {
        admit(port, &check(bytes).unwrap(), &client(required))
    }

    fn access(
        bytes: &[u8],
        required: RequireMessageAuthenticator,
    ) -> Result<MessageAuthenticator, Unanswered> {
        judge(Port::Authentication, bytes, required)
    }

    const PROXY_STATE: [u8; 3] = [33, 3, 1];
    const EAP: [u8; 3] = [79, 3, 1];

    #[test]
    fn a_message_authenticator_is_needed_where_the_client_or_the_packet_calls_for_it() {
        let plain = packet(1, &[]);
        assert_eq!(access(&plain, Yes), Err(Unanswered::MessageAuthenticatorMissing));
        assert_eq!(access(&plain, No), Ok(MessageAuthenticator::Absent));
        assert_eq!(access(&plain, Latch), Ok(MessageAuthenticator::Absent));
        for required in [Yes, No, Latch] {
            let eap = Err(Unanswered::EapWithoutMessageAuthenticator);
            assert_eq!(access(&packet(1, &EAP), required), eap);
        }
        let proxied = Err(Unanswered::ProxyStateWithoutMessageAuthenticator);
        assert_eq!(access(&packet(1, &PROXY_STATE), No), proxied);
        assert_eq!(access(&packet(1, &PROXY_STATE), Latch), proxied);
    }

    #[test]
    fn a_message_authenticator_that_is_there_must_be_right() {
        let other = Keys::new(SharedSecret::new(*b"another secret, as long"));
        for required in [Yes, No, Latch] {
            for attributes in [&PROXY_STATE[..], &EAP, &[]] {
                let right = signed(1, attributes, &keys());
                let wrong = signed(1, attributes, &other);
                assert_eq!(access(&right, required), Ok(MessageAuthenticator::Valid));
                assert_eq!(
                    access(&wrong, required),
                    Err(Unanswered::MessageAuthenticatorWrong)
                );
            }
        }
    }

    #[test]
    fn each_port_answers_its_own_codes() {
        let (status, accounting) = (signed(12, &[], &keys()), accounting_request(&keys()));
        let access = signed(1, &[], &keys());
        for (port, bytes, answered) in [
            (Port::Authentication, &access, true),
            (Port::Authentication, &status, true),
            (Port::Authentication, &accounting, false),
            (Port::Accounting, &access, false),
            (Port::Accounting, &status, true),
            (Port::Accounting, &accounting, true),
        ] {
            let expected = if answered {
                Ok(MessageAuthenticator::Valid)
            } else {
                Err(Unanswered::UnexpectedCode)
            };
            assert_eq!(judge(port, bytes, Yes), expected);
        }
        for code in [2, 3, 5, 11, 13, 40, 41, 42, 43, 44, 45] {
            let bytes = signed(code, &[], &keys());
            assert_eq!(
                judge(Port::Authentication, &bytes, Yes),
                Err(Unanswered::UnexpectedCode)
            );
            assert_eq!(
                judge(Port::Accounting, &bytes, Yes),
                Err(Unanswered::UnexpectedCode)
            );
        }
    }

    #[test]
    fn status_and_accounting_prove_themselves_whatever_the_client_may_leave_out() {
        let status = packet(12, &[]);
        assert_eq!(
            access(&status, No),
            Err(Unanswered::StatusWithoutMessageAuthenticator)
        );
        let forged = packet(4, &[40, 6, 0, 0, 0, 1]);
        assert_eq!(
            judge(Port::Accounting, &forged, No),
            Err(Unanswered::RequestAuthenticatorWrong)
        );
    }
}
