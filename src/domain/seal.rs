//! What a client keeps for the server between two requests and can neither read, forge nor use elsewhere: sealed
//! with a key that is made at start and never leaves the memory.
//!
//! The tag is a MAC of the purpose and the content (HMAC-SHA-256, cut to 128 bits), and the content is masked by
//! blocks of another MAC of the tag, as SIV does (RFC 5297 section 2.6): no random number is needed, and the same
//! content for the same purpose gives the same bytes, which tells nothing that its holder does not know.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::types::Entropy;

/// The octets that sealing adds.
const TAG_BYTES: usize = 16;

/// The key of everything sealed by one process. Has no `Debug`.
pub struct SealKey {
    tags: Hmac<Sha256>,
    masks: Hmac<Sha256>,
}

/// What something is sealed for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Purpose([u8; TAG_BYTES]);

impl SealKey {
    /// A new key.
    pub fn new(entropy: &mut dyn Entropy) -> SealKey {
        let mut key = || {
            let mut key = zeroize::Zeroizing::new([0; 32]);
            entropy.fill(key.as_mut());
            Hmac::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length")
        };
        SealKey {
            tags: key(),
            masks: key(),
        }
    }

    /// The purpose that these parts describe, in their order.
    pub fn purpose(&self, parts: &[&[u8]]) -> Purpose {
        Purpose(self.tag(parts))
    }

    /// Seals `content`; only who names the same `purpose` opens it again.
    pub fn seal(&self, purpose: &Purpose, content: &[u8]) -> Vec<u8> {
        let tag = self.tag(&[&purpose.0, content]);
        let mut sealed = tag.to_vec();
        sealed.extend_from_slice(content);
        self.mask(&tag, &mut sealed[TAG_BYTES..]);
        sealed
    }

    /// The content of what was sealed for this purpose; `None` of anything else.
    pub fn open(&self, purpose: &Purpose, sealed: &[u8]) -> Option<Vec<u8>> {
        let (tag, masked) = sealed.split_first_chunk::<TAG_BYTES>()?;
        let mut content = masked.to_vec();
        self.mask(tag, &mut content);
        let genuine: bool = self.tag(&[&purpose.0, &content]).ct_eq(tag).into();
        genuine.then_some(content)
    }

    /// Every part has its length in front: no two inputs give the same bytes.
    fn tag(&self, parts: &[&[u8]]) -> [u8; TAG_BYTES] {
        let mut mac = self.tags.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        std::array::from_fn(|at| whole[at])
    }

    fn mask(&self, tag: &[u8; TAG_BYTES], content: &mut [u8]) {
        for (at, block) in content.chunks_mut(32).enumerate() {
            let mac = self.masks.clone().chain_update(tag);
            let mask = mac
                .chain_update((at as u64).to_be_bytes())
                .finalize()
                .into_bytes();
            block
                .iter_mut()
                .zip(mask)
                .for_each(|(octet, mask)| *octet ^= mask);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeededEntropy;

    fn key(seed: u64) -> SealKey {
        SealKey::new(&mut SeededEntropy::new(seed))
    }

    fn sealed(seed: u64, purpose: &[&[u8]], content: &[u8]) -> Vec<u8> {
        key(seed).seal(&key(seed).purpose(purpose), content)
    }

    fn opened(seed: u64, purpose: &[&[u8]], sealed: &[u8]) -> Option<Vec<u8>> {
        key(seed).open(&key(seed).purpose(purpose), sealed)
    }

    #[test]
    fn only_its_own_key_and_purpose_open_what_is_sealed() {
        for length in [0, 1, 31, 32, 33, 1000] {
            let content = vec![7; length];
            let sealed = sealed(1, &[b"ada", b"query"], &content);
            assert_eq!(opened(1, &[b"ada", b"query"], &sealed), Some(content));
            assert_eq!(opened(2, &[b"ada", b"query"], &sealed), None);
            assert_eq!(opened(1, &[b"adaq", b"uery"], &sealed), None);
            assert_eq!(opened(1, &[b"bob", b"query"], &sealed), None);
        }
    }

    #[test]
    fn no_changed_octet_passes_and_none_is_readable() {
        let sealed = sealed(1, &[], b"a position in an order");
        assert!(!sealed.windows(8).any(|part| part == b"position"));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(opened(1, &[], &changed), None);
            assert_eq!(opened(1, &[], &sealed[..at]), None);
        }
    }
}
