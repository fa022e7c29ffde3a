//! What an entry remembers of the PIN hash it was imported with, to know the same file again.

use sha2::{Digest, Sha256};

/// The octets of a digest: enough to tell one hash of an account from another.
pub const DIGEST_BYTES: usize = 16;

/// The first octets of the SHA-256 of a stored hash, scheme included. It gives away less than the hash
/// itself, and is treated as secret like it.
pub fn digest(hash: &[u8]) -> Box<[u8]> {
    Sha256::digest(hash).iter().copied().take(DIGEST_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_hash_is_the_same_for_ever() {
        let expected = [
            0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
        ];
        assert_eq!(*digest(b""), expected);
        assert_ne!(digest(b"{SSHA}a"), digest(b"{SSHA}b"));
    }
}
