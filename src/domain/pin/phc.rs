//! argon2 (RFC 9106) in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$salt$tag`.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::scheme::{HashRefused, decode};
use super::{HashMemory, Hashing, HashingError, PinCheck, SALT_BYTES, TAG_BYTES};

/// The shortest tag that is taken for one; RFC 9106 allows four octets, which anybody's PIN may hit.
const TAG_BYTES_MIN: usize = 16;
/// The longest tag; RFC 9106 allows four gigabytes.
const TAG_BYTES_MAX: usize = 64;

/// A stored argon2 hash, checked against every limit.
pub(super) struct Phc {
    algorithm: Algorithm,
    version: Version,
    hashing: Hashing,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Phc {
    /// Reads what stands behind `{ARGON2}`.
    pub(super) fn parse(text: &str) -> Result<Phc, HashRefused> {
        let mut fields = text.strip_prefix('$').ok_or(HashRefused::Malformed)?.split('$');
        let algorithm = match fields.next() {
            Some("argon2id") => Algorithm::Argon2id,
            Some("argon2i") => Algorithm::Argon2i,
            Some("argon2d") => Algorithm::Argon2d,
            _ => return Err(HashRefused::UnknownScheme),
        };
        let rest: Vec<&str> = fields.collect();
        // The first argon2 wrote no version; the reference implementation reads none as 0x10.
        let (version, parameters, salt, tag) = match rest[..] {
            ["v=19", parameters, salt, tag] => (Version::V0x13, parameters, salt, tag),
            ["v=16", parameters, salt, tag] => (Version::V0x10, parameters, salt, tag),
            [parameters, salt, tag] => (Version::V0x10, parameters, salt, tag),
            _ => return Err(HashRefused::Malformed),
        };
        Ok(Phc {
            algorithm,
            version,
            hashing: hashing_of(parameters)?,
            salt: decode(salt, argon2::MIN_SALT_LEN..=TAG_BYTES_MAX)?,
            tag: decode(tag, TAG_BYTES_MIN..=TAG_BYTES_MAX)?,
        })
    }

    /// Checks a PIN.
    pub(super) fn verify(&self, pin: &[u8], memory: &mut HashMemory) -> PinCheck {
        let mut tag = Zeroizing::new(vec![0; self.tag.len()]);
        let Some(params) = params(self.hashing, tag.len()) else {
            return PinCheck::Wrong;
        };
        let blocks = memory.blocks(params.block_count());
        let argon2 = Argon2::new(self.algorithm, self.version, params);
        match argon2.hash_password_into_with_memory(pin, &self.salt, &mut tag, blocks) {
            Ok(()) if tag.ct_eq(&self.tag).into() => PinCheck::Right,
            _ => PinCheck::Wrong,
        }
    }

    /// Whether a hash made with `hashing` would be harder to guess from.
    pub(super) fn is_weaker_than(&self, hashing: Hashing) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.hashing.memory_kib < hashing.memory_kib
            || self.hashing.work_kib() < hashing.work_kib()
    }
}

/// The tag of a new hash.
pub(super) fn tag(
    pin: &[u8],
    hashing: Hashing,
    salt: [u8; SALT_BYTES],
    memory: &mut HashMemory,
) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    let params = params(hashing, TAG_BYTES).expect("Hashing::new has checked the parameters");
    let blocks = memory.blocks(params.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(pin, &salt, &mut tag, blocks)
        .expect("salt, tag and memory have the lengths argon2 asks for");
    tag
}

/// The text of a new hash, scheme in front.
pub(super) fn text(hashing: Hashing, salt: [u8; SALT_BYTES], tag: &[u8; TAG_BYTES]) -> String {
    let Hashing {
        memory_kib,
        iterations,
        parallelism,
    } = hashing;
    let (salt, tag) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(tag));
    format!("{{ARGON2}}$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${tag}")
}

fn params(hashing: Hashing, tag_bytes: usize) -> Option<Params> {
    Params::new(
        hashing.memory_kib,
        hashing.iterations,
        hashing.parallelism,
        Some(tag_bytes),
    )
    .ok()
}

/// `m=…,t=…,p=…`, in this order and nothing else: a key id or associated data cannot be checked here.
fn hashing_of(text: &str) -> Result<Hashing, HashRefused> {
    let parts: Vec<&str> = text.split(',').collect();
    let [memory_kib, iterations, parallelism] = parts[..] else {
        return Err(HashRefused::Malformed);
    };
    let number = |part: &str, name: &str| -> Result<u32, HashRefused> {
        let digits = part.strip_prefix(name).ok_or(HashRefused::Malformed)?;
        digits.parse().map_err(|_| HashRefused::Malformed)
    };
    let (memory_kib, iterations) = (number(memory_kib, "m=")?, number(iterations, "t=")?);
    Hashing::new(memory_kib, iterations, number(parallelism, "p=")?).map_err(|error| match error {
        HashingError::Memory if memory_kib <= super::ARGON2_MEMORY_KIB_MAX => HashRefused::Malformed,
        HashingError::Iterations if iterations == 0 => HashRefused::Malformed,
        _ => HashRefused::TooCostly,
    })
}

#[cfg(test)]
mod tests {
    use super::super::scheme::test::{check, refused};
    use super::*;

    const PIN: &str = "Orchid-42 tree";

    #[test]
    fn hashes_of_the_reference_implementation_verify() {
        for (variant, tag) in [
            ("argon2id$v=19", "c1TwoYSXZGys7q5R0A1cz7HZzDaT9kJogcNuFg8ZsGE"),
            ("argon2id$v=16", "69ROy9QXz3yYUnxMvd/TzV5zCxRaKyiuJxQu2GCBVGo"),
            ("argon2id", "69ROy9QXz3yYUnxMvd/TzV5zCxRaKyiuJxQu2GCBVGo"),
            ("argon2i$v=19", "wl8ThG6bJZ8eaw79H6nxDmz0Ve3g5I/yO2gVlhyKM68"),
            ("argon2i$v=16", "htxhWo09+/wjl2IFwU+MPFAdzGz2ZZfzgtmJ043QKEY"),
            ("argon2d$v=19", "RWR0HQANHT1zAUzNUz+Etqz7ae0I+aDAR1Fmx3quZds"),
            ("argon2d$v=16", "WZwSNqb/U7mtt1aXRlD0QTb9SvwMo1nj0uwY6soG7Kk"),
        ] {
            check(
                &format!("{{ARGON2}}${variant}$m=64,t=3,p=2$AAECAwQFBgcICQoLDA0ODw${tag}"),
                PIN,
            );
        }
        check(
            "{ARGON2}$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$v/LfzP/JnhtJWaBd+vhP5JKVgL2VpoWIrWC24r29zm4",
            "蘭花-42-tree",
        );
    }

    #[test]
    fn hashes_of_slappasswd_verify() {
        check(
            "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$NUja0BtVbnV4N+O8h3RS/Q$YT3613jBrQqoVhSKj5PwqyUh88fdhNnHE+v0dMqJkjY",
            PIN,
        );
        check(
            "{argon2}$argon2i$v=19$m=64,t=3,p=2$rtBHHMSSSSLnef6BCLfk/g$XUqSHyo80clOR+4b7AeBxodaSwbrsRb4ES9VXGbUhTU",
            PIN,
        );
    }

    #[test]
    fn a_hash_that_would_stall_the_daemon_is_refused() {
        for parameters in [
            "m=262145,t=1,p=1",
            "m=4294967295,t=1,p=1",
            "m=262144,t=5,p=1",
            "m=64,t=4294967295,p=1",
            "m=4096,t=1,p=17",
        ] {
            let hash = format!(
                "{{ARGON2}}$argon2id$v=19${parameters}$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8"
            );
            refused(&hash, HashRefused::TooCostly);
        }
    }

    #[test]
    fn a_hash_that_is_not_whole_is_malformed() {
        for wrong in [
            "argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8",
            "$argon2id$v=18$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8",
            "$argon2id$v=19$m=7,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8",
            "$argon2id$v=19$m=64,t=0,p=1$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8",
            "$argon2id$v=19$m=64,t=1$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8",
            "$argon2id$v=19$m=64,t=1,p=1$AAECAwQ$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8",
            "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$GuZULu8",
            "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$",
            "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw",
            "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$not base 64!",
        ] {
            refused(&format!("{{ARGON2}}{wrong}"), HashRefused::Malformed);
        }
    }
}
