//! PINs and their hashes: checking one against a stored hash of any scheme a directory may have been
//! filled with, and making new ones with argon2id (RFC 9106).

mod crypt;
mod derived;
mod digest;
pub mod imported_hash;
mod mark;
mod phc;
mod scheme;

use std::hint::black_box;

use argon2::Block;
use thiserror::Error;

pub use mark::{PinKey, PinMark, PinProof};
pub use scheme::{HashRefused, HashScheme};

use crate::types::{Pin, PinHash};
use scheme::Parsed;

/// The longest PIN that is checked; a longer one is wrong whatever the hash says. Some schemes take
/// time in proportion to the PIN's length, squared for one of them.
pub const PIN_BYTES_MAX: usize = 512;
/// The longest stored hash; a longer one is malformed.
pub const HASH_BYTES_MAX: usize = 1024;
/// The most memory one argon2 hash may ask for; a stored hash that asks for more is refused.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 262_144;
/// The most work one argon2 hash may ask for, in KiB times iterations: about a second.
pub const ARGON2_WORK_KIB_MAX: u64 = 1_048_576;
/// The most lanes one argon2 hash may ask for.
pub const ARGON2_PARALLELISM_MAX: u32 = 16;
/// The most rounds of sha-crypt a stored hash may ask for: about a second.
pub const SHA_CRYPT_ROUNDS_MAX: u32 = 1_000_000;
/// The highest bcrypt cost a stored hash may ask for: about a second.
pub const BCRYPT_COST_MAX: u32 = 14;
/// The most rounds of PBKDF2 a stored hash may ask for: about a second.
pub const PBKDF2_ROUNDS_MAX: u32 = 2_000_000;

/// The octets of salt in a hash that is made here (RFC 9106 section 3.1 recommends 16).
pub const SALT_BYTES: usize = 16;
/// The octets of a hash that is made here.
const TAG_BYTES: usize = 32;
/// What absent accounts are hashed with: its value does not matter, its length does.
const DUMMY_SALT: [u8; SALT_BYTES] = *b"beadle: nobody's";

/// Whether a PIN is the one a hash was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PinCheck {
    /// It is.
    Right,
    /// It is not, or the hash is none that can be checked.
    Wrong,
}

/// How expensive it is to check a PIN against a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashCost {
    /// About a microsecond: the schemes that are one digest.
    Negligible,
    /// Milliseconds and, for argon2, memory: work for the hash pool.
    Deliberate,
}

/// The parameters new hashes are made with: `[hashing]` in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// Why parameters for new hashes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashingError {
    /// `memory_kib` is below eight for each lane (RFC 9106 section 3.1) or above [`ARGON2_MEMORY_KIB_MAX`].
    #[error("memory_kib must be at least 8 times parallelism and at most {ARGON2_MEMORY_KIB_MAX}")]
    Memory,
    /// `iterations` is 0, or with this memory above [`ARGON2_WORK_KIB_MAX`].
    #[error("iterations must be at least 1, and memory_kib times iterations at most {ARGON2_WORK_KIB_MAX}")]
    Iterations,
    /// `parallelism` is 0 or above [`ARGON2_PARALLELISM_MAX`].
    #[error("parallelism must be from 1 to {ARGON2_PARALLELISM_MAX}")]
    Parallelism,
}

impl Hashing {
    /// What OWASP recommends first that costs least memory: 19 MiB, two passes, one lane; about 13 ms.
    pub const DEFAULT: Hashing = Hashing {
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
    };

    /// Parameters of argon2id. Errors: [`HashingError`] names the one that is out of its bounds.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Hashing, HashingError> {
        if !(1..=ARGON2_PARALLELISM_MAX).contains(&parallelism) {
            return Err(HashingError::Parallelism);
        }
        if !(8 * parallelism..=ARGON2_MEMORY_KIB_MAX).contains(&memory_kib) {
            return Err(HashingError::Memory);
        }
        if iterations == 0 || u64::from(memory_kib) * u64::from(iterations) > ARGON2_WORK_KIB_MAX {
            return Err(HashingError::Iterations);
        }
        Ok(Hashing {
            memory_kib,
            iterations,
            parallelism,
        })
    }

    /// Memory in KiB.
    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Lanes.
    pub fn parallelism(&self) -> u32 {
        self.parallelism
    }

    /// KiB times passes: what one hash costs.
    fn work_kib(&self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }
}

impl Default for Hashing {
    fn default() -> Hashing {
        Hashing::DEFAULT
    }
}

/// The working memory of argon2, kept between hashes: taking fresh pages each time nearly doubles the
/// time of a hash. One for each thread that hashes.
#[derive(Default)]
pub struct HashMemory {
    blocks: Vec<Block>,
    keep: usize,
}

impl HashMemory {
    /// No memory yet. What `hashing` needs will be kept between hashes; what a stored hash needs beyond
    /// that is given back after it.
    pub fn for_hashing(hashing: Hashing) -> HashMemory {
        HashMemory {
            blocks: Vec::new(),
            keep: hashing.memory_kib as usize,
        }
    }

    /// At least `count` blocks of 1 KiB.
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() < count {
            self.blocks.resize(count, Block::new());
        }
        &mut self.blocks
    }

    /// Gives back what is beyond the usual.
    fn trim(&mut self) {
        if self.blocks.len() > self.keep {
            self.blocks.truncate(self.keep);
            self.blocks.shrink_to_fit();
        }
    }
}

/// Checks `pin` against `hash`. A hash that [`HashScheme::recognise`] refuses is never right: clear text
/// is not a hash. Constant time in what the hash holds.
pub fn verify(hash: &PinHash, pin: &Pin, memory: &mut HashMemory) -> PinCheck {
    let Some(parsed) = checkable(hash.expose(), pin) else {
        return PinCheck::Wrong;
    };
    let check = match parsed {
        Parsed::Argon2(phc) => phc.verify(pin.expose(), memory),
        Parsed::Digest(digest) => digest.verify(pin.expose()),
        Parsed::Crypt(crypt) => crypt.verify(pin.expose()),
        Parsed::Derived(derived) => derived.verify(pin.expose()),
    };
    memory.trim();
    check
}

/// Checks `pin` against `hash` if that is [`HashCost::Negligible`]; `None` if it is not, or if the hash
/// is none that can be checked.
pub fn verify_negligible(hash: &[u8], pin: &Pin) -> Option<PinCheck> {
    match checkable(hash, pin)? {
        Parsed::Digest(digest) => Some(digest.verify(pin.expose())),
        _ => None,
    }
}

/// The parts of `hash`, if it is one and `pin` is short enough to be checked at all.
fn checkable<'a>(hash: &'a [u8], pin: &Pin) -> Option<Parsed<'a>> {
    if pin.expose().len() > PIN_BYTES_MAX {
        return None;
    }
    scheme::parse(hash).ok()
}

/// Makes the argon2id hash of `pin`, as `{ARGON2}$argon2id$v=19$m=…,t=…,p=…$salt$tag`, the form OpenLDAP
/// and the PHC string format know. `salt` comes fresh from the system's random source.
pub fn hash(pin: &Pin, hashing: Hashing, salt: [u8; SALT_BYTES], memory: &mut HashMemory) -> PinHash {
    let tag = phc::tag(pin.expose(), hashing, salt, memory);
    PinHash::new(phc::text(hashing, salt, &tag).into_bytes())
}

/// Does the work of one [`hash`] and forgets it: for accounts that are not there, so that they take as
/// long as those that are.
pub fn spend(pin: &Pin, hashing: Hashing, memory: &mut HashMemory) {
    let bytes = &pin.expose()[..pin.expose().len().min(PIN_BYTES_MAX)];
    black_box(phc::tag(bytes, hashing, DUMMY_SALT, memory));
}

/// Whether `value` is a hash that PINs can be checked against, scheme in front.
pub fn is_hash(value: &[u8]) -> bool {
    scheme::parse(value).is_ok()
}

/// Whether a stored hash should be replaced by one made with `hashing`: it is not argon2id of the present
/// version, or it is weaker. A hash that is stronger than asked for stays.
pub fn is_outdated(hash: &[u8], hashing: Hashing) -> bool {
    match scheme::parse(hash) {
        Ok(Parsed::Argon2(phc)) => phc.is_weaker_than(hashing),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Pin {
        Pin::new(text.as_bytes())
    }

    fn small() -> Hashing {
        Hashing::new(64, 1, 1).unwrap()
    }

    #[test]
    fn a_new_hash_is_the_one_the_reference_implementation_makes() {
        let salt: [u8; 16] = std::array::from_fn(|at| at as u8);
        let made = hash(&pin("Orchid-42 tree"), small(), salt, &mut HashMemory::default());
        let reference = b"{ARGON2}$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8";
        assert!(made.same_as(reference));
    }

    #[test]
    fn a_new_hash_is_right_for_its_pin_only() {
        let mut memory = HashMemory::for_hashing(small());
        let made = hash(&pin("library7"), small(), [9; 16], &mut memory);
        assert_eq!(verify(&made, &pin("library7"), &mut memory), PinCheck::Right);
        for wrong in ["library8", "Library7", "library", "library77", ""] {
            assert_eq!(verify(&made, &pin(wrong), &mut memory), PinCheck::Wrong);
        }
    }

    #[test]
    fn memory_used_once_does_not_change_the_next_hash() {
        let mut used = HashMemory::for_hashing(small());
        spend(
            &pin("something else"),
            Hashing::new(128, 3, 1).unwrap(),
            &mut used,
        );
        let first = hash(&pin("library7"), small(), [1; 16], &mut used);
        let second = hash(&pin("library7"), small(), [1; 16], &mut HashMemory::default());
        assert!(first.same_as(second.expose()));
    }

    #[test]
    fn memory_beyond_the_usual_is_given_back() {
        let mut memory = HashMemory::for_hashing(small());
        let big = Hashing::new(1024, 1, 1).unwrap();
        let made = hash(&pin("library7"), big, [1; 16], &mut memory);
        assert_eq!(verify(&made, &pin("library7"), &mut memory), PinCheck::Right);
        assert_eq!(memory.blocks.len(), 64);
    }

    #[test]
    fn a_pin_past_the_maximum_is_wrong_even_if_the_hash_says_right() {
        let check = |length: usize| {
            let long = Pin::new(vec![b'x'; length]);
            let made = hash(&long, small(), [1; 16], &mut HashMemory::default());
            verify(&made, &long, &mut HashMemory::default())
        };
        assert_eq!(check(PIN_BYTES_MAX), PinCheck::Right);
        assert_eq!(check(PIN_BYTES_MAX + 1), PinCheck::Wrong);
    }

    #[test]
    fn parameters_out_of_bounds_are_refused_by_name() {
        assert!(Hashing::new(19_456, 2, 1).is_ok() && Hashing::new(8, 1, 1).is_ok());
        assert_eq!(Hashing::new(7, 1, 1), Err(HashingError::Memory));
        assert_eq!(
            Hashing::new(ARGON2_MEMORY_KIB_MAX + 1, 1, 1),
            Err(HashingError::Memory)
        );
        assert_eq!(Hashing::new(64, 0, 1), Err(HashingError::Iterations));
        assert_eq!(
            Hashing::new(ARGON2_MEMORY_KIB_MAX, 5, 1),
            Err(HashingError::Iterations)
        );
        assert_eq!(Hashing::new(64, 1, 0), Err(HashingError::Parallelism));
        assert_eq!(Hashing::new(4096, 1, 17), Err(HashingError::Parallelism));
    }

    #[test]
    fn only_argon2id_as_strong_as_configured_is_up_to_date() {
        let hashing = Hashing::new(128, 2, 1).unwrap();
        let made = |memory_kib, iterations| {
            let strength = Hashing::new(memory_kib, iterations, 1).unwrap();
            let made = hash(&pin("x"), strength, [1; 16], &mut HashMemory::default());
            is_outdated(made.expose(), hashing)
        };
        assert!(!made(128, 2) && !made(256, 1) && !made(128, 3) && !made(256, 2));
        assert!(made(64, 4), "less memory");
        assert!(made(128, 1), "less work");
        for old in [
            &b"{SHA}qYjKht1wkdZMXkeuAeMnc6ntTt0="[..],
            b"{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$NUja0BtVbnV4N+O8h3RS/Q$YT3613jBrQqoVhSKj5PwqyUh88fdhNnHE+v0dMqJkjY",
            b"{ARGON2}$argon2id$v=16$m=4096,t=3,p=1$AAECAwQFBgcICQoLDA0ODw$69ROy9QXz3yYUnxMvd/TzV5zCxRaKyiuJxQu2GCBVGo",
        ] {
            assert!(is_outdated(old, hashing));
        }
    }
}
