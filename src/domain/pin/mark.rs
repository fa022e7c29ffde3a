//! What is remembered of a PIN while the process runs: keyed MACs (RFC 2104) that mean nothing without
//! the key, which is made at start and never leaves the memory.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::types::{Entropy, EntryId, Pin};

/// The key of every mark and proof of one process. Has no `Debug`.
pub struct PinKey(Hmac<Sha256>);

/// Tells one wrong PIN of an account from another. 64 bits: it only has to be told from a few dozen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PinMark(u64);

/// Stands for "this PIN was right for this account while it had this hash".
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PinProof([u8; 16]);

impl PinProof {
    /// Which of `count` equal parts of a table it belongs to; 0 if there are none.
    pub fn shard(&self, count: usize) -> usize {
        usize::from(self.0[0]).checked_rem(count).unwrap_or(0)
    }
}

impl PinKey {
    /// A new key.
    pub fn new(entropy: &mut dyn Entropy) -> PinKey {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        entropy.fill(key.as_mut());
        PinKey(Hmac::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length"))
    }

    /// The mark of `pin` as a wrong PIN of the account `entry`.
    pub fn mark(&self, entry: EntryId, pin: &Pin) -> PinMark {
        let [a, b, c, d, e, f, g, h, ..] = self.mac(b"wrong", entry, &[], pin);
        PinMark(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The proof that `pin` is right for the account `entry` as long as its hash is `hash`: with another
    /// hash it is another proof, so a changed PIN is never known from before.
    pub fn proof(&self, entry: EntryId, hash: &[u8], pin: &Pin) -> PinProof {
        let mac = self.mac(b"right", entry, hash, pin);
        PinProof(std::array::from_fn(|at| mac[at]))
    }

    /// Every part has a fixed length or its length in front: no two inputs give the same bytes.
    fn mac(&self, purpose: &[u8; 5], entry: EntryId, hash: &[u8], pin: &Pin) -> [u8; 32] {
        let mac = self
            .0
            .clone()
            .chain_update(purpose)
            .chain_update(entry.to_bytes());
        let mac = mac
            .chain_update((hash.len() as u64).to_be_bytes())
            .chain_update(hash);
        mac.chain_update(pin.expose()).finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeededEntropy;

    fn key(seed: u64) -> PinKey {
        PinKey::new(&mut SeededEntropy::new(seed))
    }

    fn pin(text: &str) -> Pin {
        Pin::new(text.as_bytes())
    }

    #[test]
    fn a_mark_tells_pins_accounts_and_keys_apart() {
        let same = key(1).mark(EntryId(7), &pin("a"));
        assert!(same == key(1).mark(EntryId(7), &pin("a")));
        assert!(same != key(1).mark(EntryId(7), &pin("b")));
        assert!(same != key(1).mark(EntryId(8), &pin("a")));
        assert!(same != key(2).mark(EntryId(7), &pin("a")));
    }

    #[test]
    fn a_proof_ends_with_the_hash_it_was_made_for() {
        let same = key(1).proof(EntryId(7), b"{SHA}x", &pin("a"));
        assert!(same == key(1).proof(EntryId(7), b"{SHA}x", &pin("a")));
        assert!(same != key(1).proof(EntryId(7), b"{SHA}y", &pin("a")));
        assert!(
            same != key(1).proof(EntryId(7), b"{SHA}", &pin("xa")),
            "lengths are part of it"
        );
        assert!(same != key(1).proof(EntryId(8), b"{SHA}x", &pin("a")));
        assert!(same != key(1).proof(EntryId(7), b"{SHA}x", &pin("b")));
    }
}
