//! Chance is an argument: whoever needs random bytes is handed an [`Entropy`].

/// A source of random bytes. Only `server/` reads the machine's.
pub trait Entropy {
    /// Fills `bytes` whole. A source that cannot must end the process rather than return less.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// A repeatable source for tests and for the made-up people of `beadle demo`: splitmix64.
///
/// Never used for a secret.
#[derive(Debug)]
pub struct SeededEntropy(u64);

impl SeededEntropy {
    /// A source whose whole sequence follows from `seed`.
    pub fn new(seed: u64) -> SeededEntropy {
        SeededEntropy(seed)
    }

    /// The next eight bytes as a number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
