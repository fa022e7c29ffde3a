//! Access-Request (RFC 2865 section 4.1): whose PIN is offered, if it is one that can be verified.

use std::net::IpAddr;

use radius::core::rfc2865;

use super::authenticator::MessageAuthenticator;
use super::client::Client;
use super::reason::RejectReason;
use super::wire::Datagram;
use super::{caller, password};
use crate::directory::request::{Authenticate, LoginName};
use crate::types::{Caller, Pin, Uid};

/// Microsoft's vendor number (RFC 2548).
const VENDOR_MICROSOFT: [u8; 4] = 311_u32.to_be_bytes();
/// MS-CHAP-Response and MS-CHAP2-Response (RFC 2548 sections 2.1.3 and 2.3.2).
const MS_CHAP_RESPONSES: [u8; 2] = [1, 25];

/// An Access-Request that has proved where it comes from.
pub struct AccessRequest<'a> {
    /// The packet.
    pub datagram: Datagram<'a>,
    /// What its Message-Authenticator said.
    pub proof: MessageAuthenticator,
    /// Who sent it.
    pub client: &'a Client,
    /// Where it came from.
    pub source: IpAddr,
}

/// What of its attributes matters here: of each type the first.
#[derive(Default)]
struct Fields<'a> {
    user_name: Option<&'a [u8]>,
    user_password: Option<&'a [u8]>,
    calling_station_id: Option<&'a [u8]>,
    chap: bool,
    ms_chap: bool,
}

impl AccessRequest<'_> {
    /// The log-in to ask the directory for. Errors: why the answer is an Access-Reject without asking;
    /// none of these counts as a wrong PIN, for none of them is a guess.
    pub fn log_in(&self) -> Result<Authenticate, RejectReason> {
        let fields = Fields::of(&self.datagram);
        self.method(&fields)?;
        let name = fields.user_name.ok_or(RejectReason::UserNameMissing)?;
        // Whatever can be a UID is asked for, as over LDAP, white space and `@` included: the directory knows
        // which there are. A realm is part of the name, and none is stripped.
        let name = Uid::parse(name).ok_or(RejectReason::UserNameSyntax)?;
        Ok(Authenticate {
            name: LoginName::Uid(name),
            pin: self.pin(&fields)?,
            service: self.client.service().cloned(),
            source: self.source.to_canonical(),
            caller: self.caller(&fields),
        })
    }

    /// Refuses the methods that need the PIN in clear text: PINs are kept as slow hashes only. Clients that
    /// try PAP, MS-CHAP and CHAP in turn would lock a member out if these counted.
    fn method(&self, fields: &Fields<'_>) -> Result<(), RejectReason> {
        if self.datagram.has_eap_message() {
            return Err(RejectReason::Eap);
        }
        if fields.chap {
            return Err(RejectReason::Chap);
        }
        if fields.ms_chap {
            return Err(RejectReason::MsChap);
        }
        Ok(())
    }

    fn pin(&self, fields: &Fields<'_>) -> Result<Pin, RejectReason> {
        let hidden = fields.user_password.ok_or(RejectReason::UserPasswordMissing)?;
        let secret = self.client.keys().secret();
        let password::Uncovered { pin, is_text } =
            password::uncover(hidden, self.datagram.authenticator(), secret)
                .ok_or(RejectReason::UserPasswordLength)?;
        if pin.expose().is_empty() {
            return Err(RejectReason::UserPasswordMissing);
        }
        // Without a Message-Authenticator nothing has shown yet that the client has our secret, and
        // noise offered as a PIN by a misconfigured one must not lock its members out.
        if self.proof == MessageAuthenticator::Absent && !is_text {
            return Err(RejectReason::SecretSuspected);
        }
        Ok(pin)
    }

    /// Believed of a client that has proved itself only: whoever can forge its packets would choose whose guess each is.
    fn caller(&self, fields: &Fields<'_>) -> Option<Caller> {
        match self.proof {
            MessageAuthenticator::Valid => caller::parse(fields.calling_station_id?),
            MessageAuthenticator::Absent | MessageAuthenticator::Wrong => None,
        }
    }
}

impl<'a> Fields<'a> {
    fn of(datagram: &Datagram<'a>) -> Fields<'a> {
        let mut fields = Fields::default();
        for (kind, value) in datagram.attributes() {
            match kind {
                rfc2865::USER_NAME_TYPE => fields.user_name = fields.user_name.or(Some(value)),
                rfc2865::USER_PASSWORD_TYPE => fields.user_password = fields.user_password.or(Some(value)),
                rfc2865::CALLING_STATION_ID_TYPE => {
                    fields.calling_station_id = fields.calling_station_id.or(Some(value));
                }
                rfc2865::CHAP_PASSWORD_TYPE => fields.chap = true,
                rfc2865::VENDOR_SPECIFIC_TYPE => fields.ms_chap |= is_ms_chap(value),
                _ => {}
            }
        }
        fields
    }
}

/// Whether a Vendor-Specific value (RFC 2865 section 5.26) holds an MS-CHAP response, walking its
/// vendor attributes as far as they add up.
fn is_ms_chap(value: &[u8]) -> bool {
    let Some((vendor, mut rest)) = value.split_first_chunk::<4>() else {
        return false;
    };
    if *vendor != VENDOR_MICROSOFT {
        return false;
    }
    while let [kind, length, ..] = rest {
        if MS_CHAP_RESPONSES.contains(kind) {
            return true;
        }
        rest = rest.get(usize::from(*length).max(2)..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::client::RequireMessageAuthenticator;
    use super::super::tests::{client, hidden_pin, packet, vector};
    use super::super::wire::check;
    use super::*;

    fn log_in(attributes: &[u8], proof: MessageAuthenticator) -> Result<Authenticate, RejectReason> {
        let client = client(RequireMessageAuthenticator::No);
        AccessRequest {
            datagram: check(&packet(1, attributes)).unwrap(),
            proof,
            client: &client,
            source: "::ffff:192.0.2.1".parse().unwrap(),
        }
        .log_in()
    }

    fn refuse(attributes: &[&[u8]], why: RejectReason) {
        let result = log_in(&attributes.concat(), MessageAuthenticator::Valid);
        assert_eq!(result.err(), Some(why), "{attributes:02x?}");
    }

    const ADA: &[u8] = &[1, 5, b'a', b'd', b'a'];

    #[test]
    fn a_pap_request_becomes_a_log_in() {
        let asked = log_in(
            &[ADA, &hidden_pin(b"abcdef-7")].concat(),
            MessageAuthenticator::Valid,
        );
        let asked = asked.expect("a log-in");
        assert!(matches!(&asked.name, LoginName::Uid(uid) if uid.as_str() == "ada"));
        assert!(asked.pin.same_as(b"abcdef-7"));
        assert_eq!(asked.service.as_deref(), Some("vpn"));
        assert_eq!(asked.source, "192.0.2.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn whatever_can_be_a_uid_is_asked_for_as_it_was_typed() {
        for name in [
            "two words",
            "a@b",
            "ada@uni.example",
            "@",
            "a@b@c.d",
            " ada ",
            "李小龙",
        ] {
            let user_name = [
                &[1, 2 + name.len() as u8],
                name.as_bytes(),
                &hidden_pin(b"abcdef-7"),
            ];
            let asked = log_in(&user_name.concat(), MessageAuthenticator::Valid).expect("a log-in");
            assert!(matches!(&asked.name, LoginName::Uid(uid) if uid.as_str() == name));
        }
    }

    #[test]
    fn what_is_missing_or_malformed_is_refused_unasked() {
        let pin = hidden_pin(b"abcdef-7");
        refuse(&[&pin], RejectReason::UserNameMissing);
        refuse(&[&[1, 2], &pin], RejectReason::UserNameSyntax);
        refuse(&[&[1, 4, 0xff, 0xfe], &pin], RejectReason::UserNameSyntax);
        refuse(&[&[1, 5, b'a', 0, b'b'], &pin], RejectReason::UserNameSyntax);
        refuse(&[ADA], RejectReason::UserPasswordMissing);
        refuse(&[ADA, &hidden_pin(b"")], RejectReason::UserPasswordMissing);
        refuse(&[ADA, &[2, 3, 0]], RejectReason::UserPasswordLength);
    }

    #[test]
    fn methods_that_need_clear_text_are_refused_by_name() {
        let challenge = [26, 12, 0, 0, 1, 55, 11, 6, 1, 2, 3, 4];
        let response = [26, 12, 0, 0, 1, 55, 25, 6, 1, 2, 3, 4];
        let both = [26, 12, 0, 0, 1, 55, 11, 3, 9, 1, 3, 9];
        let other_vendor = [26, 12, 0, 0, 0, 9, 25, 6, 1, 2, 3, 4];
        refuse(&[ADA, &[3, 3, 0]], RejectReason::Chap);
        refuse(&[ADA, &[79, 3, 0]], RejectReason::Eap);
        refuse(&[ADA, &challenge, &response], RejectReason::MsChap);
        refuse(&[ADA, &both], RejectReason::MsChap);
        refuse(&[ADA, &challenge], RejectReason::UserPasswordMissing);
        refuse(&[ADA, &other_vendor], RejectReason::UserPasswordMissing);
        refuse(&[ADA, &[26, 2]], RejectReason::UserPasswordMissing);
        refuse(&[ADA, &[26, 8, 0, 0, 1, 55, 1, 0]], RejectReason::MsChap);
        refuse(
            &[ADA, &[26, 8, 0, 0, 1, 55, 9, 0]],
            RejectReason::UserPasswordMissing,
        );
        let chap = vector("rfc2865-7.2-request");
        refuse(&[&chap[20..]], RejectReason::Chap);
    }

    #[test]
    fn noise_for_a_pin_points_at_the_secret_unless_the_secret_is_proved() {
        let noise = [ADA, &hidden_pin(b"\xff\xfe\x80")].concat();
        assert_eq!(
            log_in(&noise, MessageAuthenticator::Absent).err(),
            Some(RejectReason::SecretSuspected)
        );
        assert!(log_in(&noise, MessageAuthenticator::Valid).is_ok());
        let cut = [ADA, &hidden_pin(b"a\0\xff\xfe\x80")].concat();
        let suspected = log_in(&cut, MessageAuthenticator::Absent).err();
        assert_eq!(
            suspected,
            Some(RejectReason::SecretSuspected),
            "what is behind a NUL is noise too"
        );
    }
}
