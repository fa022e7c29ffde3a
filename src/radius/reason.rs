//! Why a packet gets no answer, and why a log-in gets an Access-Reject: for logs and counters, never for the wire.

use super::wire::Malformed;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every reason, in the order of its number (`reason as usize`).
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The reason as logs and metrics spell it.
            pub fn label(self) -> &'static str {
                match self {
                    $($name::$variant => $label,)*
                }
            }
        }
    };
}
pub(super) use reasons;

/// Why a packet is dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// It is not a RADIUS packet.
    Malformed(Malformed),
    /// It is one, but is not answered.
    Unanswered(Unanswered),
}

impl DropReason {
    /// The reason as logs and metrics spell it.
    pub fn label(self) -> &'static str {
        match self {
            DropReason::Malformed(malformed) => malformed.label(),
            DropReason::Unanswered(unanswered) => unanswered.label(),
        }
    }
}

impl From<Malformed> for DropReason {
    fn from(malformed: Malformed) -> DropReason {
        DropReason::Malformed(malformed)
    }
}

impl From<Unanswered> for DropReason {
    fn from(unanswered: Unanswered) -> DropReason {
        DropReason::Unanswered(unanswered)
    }
}

reasons! {
    /// Why a well-formed packet is not answered.
    Unanswered {
        /// No client is configured for its source address (RFC 2865 section 3: silently discard).
        UnknownClient = "unknown_client",
        /// Its code is not asked on this port.
        UnexpectedCode = "unexpected_code",
        /// The client must send a Message-Authenticator, and this packet has none.
        MessageAuthenticatorMissing = "message_authenticator_missing",
        /// EAP-Message without Message-Authenticator (RFC 3579 section 3.1).
        EapWithoutMessageAuthenticator = "eap_without_message_authenticator",
        /// Status-Server without Message-Authenticator (RFC 5997 section 2).
        StatusWithoutMessageAuthenticator = "status_without_message_authenticator",
        /// Proxy-State without Message-Authenticator: how a reply is forged by a chosen-prefix
        /// collision (CVE-2024-3596).
        ProxyStateWithoutMessageAuthenticator = "proxy_state_without_message_authenticator",
        /// The Message-Authenticator does not verify: a wrong secret or a forger.
        MessageAuthenticatorWrong = "message_authenticator_wrong",
        /// The Request Authenticator of an Accounting-Request does not verify (RFC 2866 section 3).
        RequestAuthenticatorWrong = "request_authenticator_wrong",
        /// A retransmission of a request that is still being worked on (RFC 5080 section 2.2.2).
        DuplicateInProgress = "duplicate_in_progress",
        /// A retransmission that comes longer after the answer than a client repeats itself: an old packet.
        DuplicateLate = "duplicate_late",
        /// Authentic, but not recorded; an Accounting-Response would claim it was (RFC 2866 section 4.1).
        AccountingNotRecorded = "accounting_not_recorded",
        /// Too many log-ins wait. The client's retransmission runs again.
        Busy = "busy",
        /// The client has sent another request under the same Identifier and no longer waits for this one.
        Abandoned = "abandoned",
        /// The answer, with the request's Proxy-State, would exceed 4096 octets.
        ReplyTooLarge = "reply_too_large",
    }
}

reasons! {
    /// Why a log-in gets an Access-Reject. Only [`RejectReason::Refused`] has been counted as a wrong PIN.
    RejectReason {
        /// The directory refused it. The reason is in the audit log.
        Refused = "refused",
        /// No User-Name.
        UserNameMissing = "user_name_missing",
        /// A User-Name that can be no UID.
        UserNameSyntax = "user_name_syntax",
        /// Neither a User-Password nor any method known here, or an empty one.
        UserPasswordMissing = "user_password_missing",
        /// A User-Password that is not 16 to 128 octets in whole blocks (RFC 2865 section 5.2).
        UserPasswordLength = "user_password_length",
        /// The User-Password decrypts to something that is not text and nothing else proves that the
        /// client knows the secret: it probably has another one.
        SecretSuspected = "secret?",
        /// CHAP needs the PIN in clear text, which is not kept.
        Chap = "chap_needs_clear_text",
        /// MS-CHAP needs the PIN or its NT hash, which are not kept.
        MsChap = "ms_chap_needs_clear_text",
        /// EAP is not offered.
        Eap = "eap_not_offered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_label_of_its_own() {
        let mut labels: Vec<&str> = Vec::new();
        labels.extend(Unanswered::ALL.iter().map(|reason| reason.label()));
        labels.extend(Malformed::ALL.iter().map(|reason| reason.label()));
        labels.extend(RejectReason::ALL.iter().map(|reason| reason.label()));
        let count = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), count);
    }

    #[test]
    fn a_reason_stands_at_its_own_number() {
        assert!(
            Unanswered::ALL
                .iter()
                .enumerate()
                .all(|(at, reason)| *reason as usize == at)
        );
        assert!(
            RejectReason::ALL
                .iter()
                .enumerate()
                .all(|(at, reason)| *reason as usize == at)
        );
        assert!(
            Malformed::ALL
                .iter()
                .enumerate()
                .all(|(at, reason)| *reason as usize == at)
        );
    }
}
