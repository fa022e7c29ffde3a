//! PIN hashes as they come from other directories, and what is remembered of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::types::{Pin, PinHash};

/// The octets of a digest: enough to tell one hash of an account from another.
pub const DIGEST_BYTES: usize = 16;

/// The first octets of the SHA-256 of a stored hash, scheme included, by which the same file is known again.
/// It gives away less than the hash itself, and is treated as secret like it.
pub fn digest(hash: &[u8]) -> Box<[u8]> {
    Sha256::digest(hash).iter().copied().take(DIGEST_BYTES).collect()
}

/// The `{SSHA}` hash of a PIN, which takes a microsecond and not the milliseconds of argon2id: for people who
/// are made up by the thousand. The first good log-in replaces it, as it does every imported hash.
pub fn salted_sha1(pin: &Pin, salt: [u8; 8]) -> PinHash {
    let mut octets = Sha1::new()
        .chain_update(pin.expose())
        .chain_update(salt)
        .finalize()
        .to_vec();
    octets.extend_from_slice(&salt);
    PinHash::new(format!("{{SSHA}}{}", STANDARD.encode(&octets)).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pin::{PinCheck, verify_negligible};

    #[test]
    fn the_digest_of_a_hash_is_the_same_for_ever() {
        let expected = [
            0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
        ];
        assert_eq!(*digest(b""), expected);
        assert_ne!(digest(b"{SSHA}a"), digest(b"{SSHA}b"));
    }

    #[test]
    fn a_made_up_hash_verifies_its_own_pin_only() {
        let pin = |text: &str| Pin::new(text.as_bytes());
        let hash = salted_sha1(&pin("starferry88"), [7; 8]);
        assert!(verify_negligible(hash.expose(), &pin("starferry88")) == Some(PinCheck::Right));
        assert!(verify_negligible(hash.expose(), &pin("starferry89")) == Some(PinCheck::Wrong));
    }
}
