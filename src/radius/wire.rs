//! The first look at a datagram: is it a RADIUS packet (RFC 2865 section 3)? Nothing is copied or hashed.

use radius::core::code::Code;
use radius::core::{rfc2865, rfc2869};

use super::reason::reasons;

/// Octets before the attributes: Code, Identifier, Length, Authenticator.
pub const HEADER_BYTES: usize = 20;
/// The largest packet (RFC 2865 section 3); a larger Length is [`Malformed::LengthTooLarge`].
pub const PACKET_BYTES_MAX: usize = 4096;
/// The most attributes; more are [`Malformed::TooManyAttributes`].
pub const ATTRIBUTES_MAX: usize = 200;
/// Octets of a Message-Authenticator, its type and length included (RFC 3579 section 3.2).
pub const MESSAGE_AUTHENTICATOR_BYTES: usize = 18;

/// An Authenticator field, or the value of a Message-Authenticator.
pub type Authenticator = [u8; 16];

reasons! {
    /// Why a datagram is not a packet. A packet that its attributes do not fill exactly is one of
    /// [`Malformed::AttributeHeaderCut`] and [`Malformed::AttributeOverruns`].
    Malformed {
        /// Fewer octets than a header has.
        TooShort = "too_short",
        /// Length is less than a header has.
        LengthTooSmall = "length_too_small",
        /// Length is more than [`PACKET_BYTES_MAX`].
        LengthTooLarge = "length_too_large",
        /// Length is more than was received.
        Truncated = "truncated",
        /// The code is 0 or in no RFC.
        UnknownCode = "unknown_code",
        /// One octet is left where an attribute's type and length should be.
        AttributeHeaderCut = "attribute_header_cut",
        /// An attribute of type 0.
        AttributeTypeZero = "attribute_type_zero",
        /// An attribute's length is 0 or 1, which would make a walk go round for ever.
        AttributeTooShort = "attribute_too_short",
        /// An attribute's length goes past the end of the packet.
        AttributeOverruns = "attribute_overruns",
        /// More than [`ATTRIBUTES_MAX`] attributes.
        TooManyAttributes = "too_many_attributes",
        /// A Message-Authenticator that is not 18 octets.
        MessageAuthenticatorLength = "message_authenticator_length",
        /// More than one Message-Authenticator (RFC 3579 section 3.3: 0 or 1).
        MessageAuthenticatorRepeated = "message_authenticator_repeated",
        /// EAP-Message beside User-Password, CHAP-Password or ARAP-Password (RFC 3579 section 3.3).
        EapWithPassword = "eap_with_password",
    }
}

/// A datagram that is a packet. Octets past Length are not in it: they are padding (RFC 2865 section 3).
#[derive(Clone, Copy)]
pub struct Datagram<'a> {
    octets: &'a [u8],
    authenticator: &'a Authenticator,
    code: Code,
    seen: Seen,
}

/// What the walk over the attributes met.
#[derive(Clone, Copy, Default)]
struct Seen {
    attributes: usize,
    message_authenticator_at: Option<usize>,
    eap: bool,
    password: bool,
    proxy_state: bool,
}

/// Checks a datagram. Errors: [`Malformed`], the first that applies.
pub fn check(bytes: &[u8]) -> Result<Datagram<'_>, Malformed> {
    let (header, _) = bytes
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(Malformed::TooShort)?;
    let [code, _, high, low, authenticator @ ..] = header;
    let octets = match usize::from(u16::from_be_bytes([*high, *low])) {
        0..HEADER_BYTES => return Err(Malformed::LengthTooSmall),
        length if length > PACKET_BYTES_MAX => return Err(Malformed::LengthTooLarge),
        length => bytes.get(..length).ok_or(Malformed::Truncated)?,
    };
    let code = match Code::from(*code) {
        Code::Invalid | Code::Reserved => return Err(Malformed::UnknownCode),
        code => code,
    };
    let seen = walk(octets)?;
    Ok(Datagram {
        octets,
        authenticator,
        code,
        seen,
    })
}

/// The name of a Code, for logs.
pub fn code_name(code: u8) -> &'static str {
    Code::from(code).string()
}

impl<'a> Datagram<'a> {
    /// The packet, Length octets.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The Code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The Identifier.
    pub fn identifier(&self) -> u8 {
        // `check` saw a whole header.
        self.octets.get(1).copied().unwrap_or_default()
    }

    /// The Request Authenticator.
    pub fn authenticator(&self) -> &'a Authenticator {
        self.authenticator
    }

    /// The packet cut at its Message-Authenticator: what is before the value, the value, what is after.
    pub fn at_message_authenticator(&self) -> Option<(&'a [u8], &'a Authenticator, &'a [u8])> {
        let (before, rest) = self
            .octets
            .split_at_checked(self.seen.message_authenticator_at?)?;
        let (value, after) = rest.split_first_chunk()?;
        Some((before, value, after))
    }

    /// Its attributes, each with its type and value, in their order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes(self.octets.get(HEADER_BYTES..).unwrap_or_default())
    }

    /// Whether it carries an EAP-Message.
    pub fn has_eap_message(&self) -> bool {
        self.seen.eap
    }

    /// Whether it carries a Proxy-State.
    pub fn has_proxy_state(&self) -> bool {
        self.seen.proxy_state
    }

    /// Whether it carries a Message-Authenticator.
    pub fn has_message_authenticator(&self) -> bool {
        self.seen.message_authenticator_at.is_some()
    }
}

/// The attributes of a packet.
#[derive(Clone)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        // `check` saw them add up.
        let (kind, length) = attribute_at(self.0).ok()?;
        let (attribute, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        attribute.get(2..).map(|value| (kind, value))
    }
}

fn walk(octets: &[u8]) -> Result<Seen, Malformed> {
    let mut seen = Seen::default();
    let mut at = HEADER_BYTES;
    while at < octets.len() {
        let (kind, length) = attribute_at(octets.get(at..).unwrap_or_default())?;
        seen.note(kind, at, length)?;
        at += length;
    }
    if seen.eap && seen.password {
        return Err(Malformed::EapWithPassword);
    }
    Ok(seen)
}

/// The type and length of the attribute that `rest` starts with.
fn attribute_at(rest: &[u8]) -> Result<(u8, usize), Malformed> {
    let [kind, length, ..] = rest else {
        return Err(Malformed::AttributeHeaderCut);
    };
    match usize::from(*length) {
        _ if *kind == 0 => Err(Malformed::AttributeTypeZero),
        0 | 1 => Err(Malformed::AttributeTooShort),
        length if length > rest.len() => Err(Malformed::AttributeOverruns),
        length => Ok((*kind, length)),
    }
}

impl Seen {
    fn note(&mut self, kind: u8, at: usize, length: usize) -> Result<(), Malformed> {
        self.attributes += 1;
        if self.attributes > ATTRIBUTES_MAX {
            return Err(Malformed::TooManyAttributes);
        }
        match kind {
            rfc2869::MESSAGE_AUTHENTICATOR_TYPE => return self.note_message_authenticator(at, length),
            rfc2869::EAP_MESSAGE_TYPE => self.eap = true,
            rfc2865::PROXY_STATE_TYPE => self.proxy_state = true,
            rfc2865::USER_PASSWORD_TYPE | rfc2865::CHAP_PASSWORD_TYPE | rfc2869::ARAP_PASSWORD_TYPE => {
                self.password = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn note_message_authenticator(&mut self, at: usize, length: usize) -> Result<(), Malformed> {
        if length != MESSAGE_AUTHENTICATOR_BYTES {
            return Err(Malformed::MessageAuthenticatorLength);
        }
        match self.message_authenticator_at.replace(at + 2) {
            Some(_) => Err(Malformed::MessageAuthenticatorRepeated),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{packet, vector};
    use super::*;
    use proptest::prelude::*;
    use radius::core::packet::Packet;

    fn refuse(bytes: &[u8], why: Malformed) {
        assert_eq!(check(bytes).err(), Some(why), "{bytes:02x?}");
    }

    #[test]
    fn packets_of_the_rfcs_pass() {
        for name in [
            "rfc2865-7.1-request",
            "rfc2865-7.2-request",
            "rfc5997-6.1-request",
        ] {
            assert!(check(&vector(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_packet_is_named() {
        refuse(&[], Malformed::TooShort);
        refuse(&packet(1, &[])[..19], Malformed::TooShort);
        let with_length = |length: u16| {
            let mut bytes = packet(1, &[1, 3, b'a']);
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes
        };
        refuse(&with_length(19), Malformed::LengthTooSmall);
        refuse(&with_length(0), Malformed::LengthTooSmall);
        refuse(&with_length(24), Malformed::Truncated);
        refuse(&with_length(4097), Malformed::LengthTooLarge);
        refuse(&packet(0, &[]), Malformed::UnknownCode);
        refuse(&packet(99, &[]), Malformed::UnknownCode);
        refuse(&packet(255, &[]), Malformed::UnknownCode);
    }

    #[test]
    fn attributes_that_do_not_add_up_are_named() {
        refuse(&packet(1, &[1, 3, b'a', 1]), Malformed::AttributeHeaderCut);
        refuse(&packet(1, &[0, 3, b'a']), Malformed::AttributeTypeZero);
        refuse(&packet(1, &[1, 0]), Malformed::AttributeTooShort);
        refuse(&packet(1, &[1, 1, 1, 1]), Malformed::AttributeTooShort);
        refuse(&packet(1, &[1, 4, b'a']), Malformed::AttributeOverruns);
        assert!(check(&packet(1, &[6, 2].repeat(ATTRIBUTES_MAX))).is_ok());
        refuse(
            &packet(1, &[6, 2].repeat(ATTRIBUTES_MAX + 1)),
            Malformed::TooManyAttributes,
        );
    }

    #[test]
    fn a_message_authenticator_is_18_octets_and_alone() {
        let one = [&[80, 18][..], &[0; 16]].concat();
        assert!(check(&packet(1, &one)).unwrap().has_message_authenticator());
        refuse(
            &packet(1, &[80, 17].iter().copied().chain([0; 15]).collect::<Vec<_>>()),
            Malformed::MessageAuthenticatorLength,
        );
        refuse(&packet(1, &[80, 2]), Malformed::MessageAuthenticatorLength);
        refuse(
            &packet(1, &one.repeat(2)),
            Malformed::MessageAuthenticatorRepeated,
        );
    }

    #[test]
    fn eap_and_a_password_exclude_each_other() {
        let eap = [79, 6, 2, 7, 0, 4];
        assert!(check(&packet(1, &eap)).unwrap().has_eap_message());
        for password in [2, 3, 70] {
            refuse(
                &packet(1, &[&eap[..], &[password, 3, 0]].concat()),
                Malformed::EapWithPassword,
            );
        }
    }

    #[test]
    fn octets_past_the_length_are_not_part_of_the_packet() {
        let mut padded = packet(1, &[1, 3, b'a']);
        padded.extend([0, 0, 0]);
        let datagram = check(&padded).unwrap();
        assert_eq!(datagram.octets().len(), 23);
        assert_eq!(datagram.identifier(), 7);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = check(&bytes);
        }

        #[test]
        fn what_passes_is_what_the_codec_takes(attributes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let bytes = packet(1, &attributes);
            if let Ok(datagram) = check(&bytes) {
                let codec = Packet::decode(&bytes, b"");
                prop_assert!(codec.is_ok());
                let codec = codec.unwrap();
                for kind in 1..=255 {
                    let ours = datagram.attributes().filter(|(it, _)| *it == kind).map(|(_, value)| value.to_vec());
                    let theirs = codec.lookup_all(kind);
                    prop_assert_eq!(
                        ours.collect::<Vec<_>>(),
                        theirs.iter().map(|avp| avp.encode_bytes()).collect::<Vec<_>>()
                    );
                }
            }
        }
    }
}
