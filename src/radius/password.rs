//! User-Password (RFC 2865 section 5.2): a PIN hidden with the shared secret.

use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::wire::Authenticator;
use crate::types::{Pin, SharedSecret};

/// The longest hidden value; a longer one is refused.
pub const USER_PASSWORD_BYTES_MAX: usize = 128;
const BLOCK_BYTES: usize = 16;

/// What a User-Password hides.
pub struct Uncovered {
    /// The PIN. It ends at the first NUL and may be empty: some clients leave what was in their memory behind it, and
    /// counted as part of the PIN that would lock its owner out.
    pub pin: Pin,
    /// Whether all of it, what is behind the PIN included, is text: noise hardly ever is.
    pub is_text: bool,
}

/// Uncovers a User-Password. `None` if `hidden` is not 16 to 128 octets in whole blocks.
///
/// With another secret than the client's this yields noise, not an error: the attribute proves nothing.
pub fn uncover(hidden: &[u8], authenticator: &Authenticator, secret: &SharedSecret) -> Option<Uncovered> {
    let (blocks, rest) = hidden.as_chunks::<BLOCK_BYTES>();
    if blocks.is_empty() || !rest.is_empty() || hidden.len() > USER_PASSWORD_BYTES_MAX {
        return None;
    }
    let mut padded = Zeroizing::new([0; USER_PASSWORD_BYTES_MAX]);
    let mut previous = authenticator;
    for (block, clear) in blocks.iter().zip(padded.chunks_exact_mut(BLOCK_BYTES)) {
        // b(i) = MD5(secret + c(i-1)), the secret first: the other way round than in an authenticator.
        let stream = key_stream(previous, secret);
        for (clear, (hidden, key)) in clear.iter_mut().zip(block.iter().zip(stream)) {
            *clear = hidden ^ key;
        }
        previous = block;
    }
    let clear = padded.get(..hidden.len())?;
    Some(Uncovered {
        pin: clear.split(|octet| *octet == 0).next().map(Pin::new)?,
        is_text: std::str::from_utf8(clear).is_ok(),
    })
}

fn key_stream(previous: &Authenticator, secret: &SharedSecret) -> Authenticator {
    let mut md5 = Md5::new();
    md5.update(secret.expose());
    md5.update(previous);
    md5.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::vector;
    use super::*;
    use radius::core::code::Code;
    use radius::core::packet::Packet;
    use radius::core::rfc2865;

    const SECRET: &[u8] = b"xyzzy5461";

    fn secret() -> SharedSecret {
        SharedSecret::new(SECRET)
    }

    /// Hides `pin` as a client does, with the crate's own encoder.
    fn hidden(pin: &[u8]) -> (Vec<u8>, Authenticator) {
        let mut packet = Packet::new(Code::AccessRequest, SECRET);
        rfc2865::add_user_password(&mut packet, pin).unwrap();
        let value = packet.lookup(rfc2865::USER_PASSWORD_TYPE).unwrap().encode_bytes();
        (value, packet.get_authenticator().as_slice().try_into().unwrap())
    }

    fn round_trip(pin: &[u8]) {
        let (hidden, authenticator) = hidden(pin);
        assert!(
            uncover(&hidden, &authenticator, &secret())
                .unwrap()
                .pin
                .same_as(pin),
            "{pin:?}"
        );
    }

    #[test]
    fn the_user_password_of_rfc_2865_is_arctangent() {
        let request = vector("rfc2865-7.1-request");
        let pin = uncover(&request[28..44], request[4..20].try_into().unwrap(), &secret()).unwrap();
        assert!(pin.pin.same_as(b"arctangent"));
    }

    #[test]
    fn pins_of_any_length_come_back() {
        round_trip(b"");
        round_trip(b"1");
        round_trip(&[b'x'; 15]);
        round_trip(&[b'x'; 16]);
        round_trip(&[b'x'; 17]);
        round_trip(&[b'x'; 127]);
        round_trip(&[b'x'; 128]);
        round_trip("PIN-ä-密".as_bytes());
    }

    #[test]
    fn what_stands_behind_the_first_nul_counts_for_nothing() {
        for padding in [&b"\0"[..], b"\0rubbish", b"\0\xff\xfe", b"\0\0x\0", &[0; 32]] {
            let (hidden, authenticator) = hidden(&[b"abcdef-7", padding].concat());
            let pin = uncover(&hidden, &authenticator, &secret()).unwrap();
            assert!(pin.pin.same_as(b"abcdef-7"), "{padding:?}");
        }
        let (hidden, authenticator) = hidden(b"\0rubbish");
        assert!(
            uncover(&hidden, &authenticator, &secret())
                .unwrap()
                .pin
                .same_as(b"")
        );
    }

    #[test]
    fn only_whole_blocks_are_uncovered_though_the_crate_takes_any_length() {
        for length in [0, 1, 15, 17, 31, 129, 144] {
            assert!(
                uncover(&vec![7; length], &[0; 16], &secret()).is_none(),
                "{length}"
            );
        }
        let avp = radius::core::avp::AVP::from_bytes(rfc2865::USER_PASSWORD_TYPE, &[7; 17]);
        assert!(avp.encode_user_password(SECRET, &[0; 16]).is_ok());
    }

    #[test]
    fn another_secret_yields_another_pin() {
        let (hidden, authenticator) = hidden(b"arctangent");
        let pin = uncover(&hidden, &authenticator, &SharedSecret::new(*b"another")).unwrap();
        assert!(!pin.pin.same_as(b"arctangent"));
    }
}
