//! RADIUS (RFC 2865, 2866, 3579, 5080, 5997), without a socket or a clock.
//!
//! A datagram goes through [`wire`] (is it a packet at all?), [`client`] (from whom, and what must it
//! prove?), [`authenticator`] and [`admission`] (does it?), [`duplicate`] (seen before?) and [`access`] (whose PIN?);
//! [`reply`] seals the answer. [`session`] puts them in that order. The `radius` crate is used as codec
//! and dictionary for packets that have passed, and for nothing that guards them.

pub mod access;
pub mod admission;
pub mod authenticator;
pub mod caller;
pub mod client;
pub mod duplicate;
pub mod next;
pub mod password;
pub mod reason;
pub mod reply;
pub mod session;
pub mod wire;

pub use admission::Port;
pub use client::{Client, ClientError, ClientSettings, ClientTable, RequireMessageAuthenticator};
pub use next::{Dropped, Event, Next, Pending, Reply, ReplyKind};
pub use reason::{DropReason, RejectReason};
pub use session::{Peer, Session, Settings};

#[cfg(test)]
mod tests {
    //! Packets for the tests of every module here.

    use super::authenticator::{Keys, ZERO};
    use super::client::{Client, ClientSettings, RequireMessageAuthenticator};
    use crate::types::SharedSecret;

    pub(super) fn secret() -> SharedSecret {
        SharedSecret::new(*b"a secret of some 24 octets")
    }

    pub(super) fn keys() -> Keys {
        Keys::new(secret())
    }

    pub(super) fn client(require_message_authenticator: RequireMessageAuthenticator) -> Client {
        let settings = ClientSettings {
            name: "vpn-1".into(),
            network: "192.0.2.0/24".parse().unwrap(),
            secret: secret(),
            service: Some("vpn".into()),
            require_message_authenticator,
        };
        Client::new(settings).expect("a client")
    }

    /// A packet with Identifier 7 and sevens for an authenticator.
    pub(super) fn packet(code: u8, attributes: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(20 + attributes.len()).unwrap().to_be_bytes();
        [&[code, 7, high, low][..], &[7; 16], attributes].concat()
    }

    /// The same with a Message-Authenticator in front.
    pub(super) fn signed(code: u8, attributes: &[u8], keys: &Keys) -> Vec<u8> {
        let mut bytes = packet(code, &[&[80, 18][..], &ZERO, attributes].concat());
        let zeroed = if matches!(code, 4 | 40 | 43) {
            [&bytes[..4], &ZERO, &bytes[20..]].concat()
        } else {
            bytes.clone()
        };
        bytes[22..38].copy_from_slice(&keys.message_authenticator(&[&zeroed]));
        bytes
    }

    /// An Accounting-Request (Start) with a Message-Authenticator.
    pub(super) fn accounting_request(keys: &Keys) -> Vec<u8> {
        let mut bytes = signed(4, &[40, 6, 0, 0, 0, 1], keys);
        let authenticator = keys.digest(&[&bytes[..4], &ZERO, &bytes[20..]]);
        bytes[4..20].copy_from_slice(&authenticator);
        bytes
    }

    /// A User-Password attribute for [`packet`] under [`secret`].
    pub(super) fn hidden_pin(pin: &[u8]) -> Vec<u8> {
        let avp = radius::core::avp::AVP::from_user_password(2, pin, secret().expose(), &[7; 16]).unwrap();
        let value = avp.encode_bytes();
        [&[2, 2 + value.len() as u8][..], &value].concat()
    }

    /// A packet of an RFC, by its name in `tests/vectors/radius.txt`.
    pub(super) fn vector(name: &str) -> Vec<u8> {
        let lines = include_str!("../../tests/vectors/radius.txt").lines();
        let mut words = lines
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' '));
        let (_, hex) = words
            .find(|(found, _)| *found == name)
            .expect("a vector of this name");
        let digits: Vec<u8> = hex
            .chars()
            .filter_map(|c| c.to_digit(16))
            .map(|d| d as u8)
            .collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }
}
