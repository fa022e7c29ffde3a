//! PBKDF2 (RFC 8018 section 5.2) as OpenLDAP's pw-pbkdf2 and passlib write it:
//! `{PBKDF2-SHA256}rounds$salt$key`, base64 with `.` for `+` and without padding.

use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::scheme::{HashRefused, HashScheme, decode};
use super::{PBKDF2_ROUNDS_MAX, PinCheck};

/// The longest salt; OpenLDAP writes 16 octets.
const SALT_BYTES_MAX: usize = 64;

/// A stored key derived from a PIN.
pub(super) struct Derived {
    scheme: HashScheme,
    rounds: u32,
    salt: Vec<u8>,
    key: Vec<u8>,
}

impl Derived {
    /// Reads what stands behind the scheme.
    pub(super) fn parse(scheme: HashScheme, text: &str) -> Result<Derived, HashRefused> {
        let fields: Vec<&str> = text.split('$').collect();
        let [rounds, salt, key] = fields[..] else {
            return Err(HashRefused::Malformed);
        };
        let rounds = rounds.parse().map_err(|_| HashRefused::Malformed)?;
        match rounds {
            0 => return Err(HashRefused::Malformed),
            1..=PBKDF2_ROUNDS_MAX => {}
            _ => return Err(HashRefused::TooCostly),
        }
        let key_bytes = key_bytes(scheme);
        Ok(Derived {
            scheme,
            rounds,
            salt: decode(&salt.replace('.', "+"), 1..=SALT_BYTES_MAX)?,
            key: decode(&key.replace('.', "+"), key_bytes..=key_bytes)?,
        })
    }

    pub(super) fn scheme(&self) -> HashScheme {
        self.scheme
    }

    /// Checks a PIN.
    pub(super) fn verify(&self, pin: &[u8]) -> PinCheck {
        let mut key = Zeroizing::new(vec![0; self.key.len()]);
        match self.scheme {
            HashScheme::Pbkdf2Sha1 => pbkdf2_hmac::<Sha1>(pin, &self.salt, self.rounds, &mut key),
            HashScheme::Pbkdf2Sha256 => pbkdf2_hmac::<Sha256>(pin, &self.salt, self.rounds, &mut key),
            _ => pbkdf2_hmac::<Sha512>(pin, &self.salt, self.rounds, &mut key),
        }
        if key.ct_eq(&self.key).into() {
            PinCheck::Right
        } else {
            PinCheck::Wrong
        }
    }
}

/// The key is as long as the digest it is made with.
fn key_bytes(scheme: HashScheme) -> usize {
    match scheme {
        HashScheme::Pbkdf2Sha1 => 20,
        HashScheme::Pbkdf2Sha256 => 32,
        _ => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scheme::test::{check, refused};
    use super::*;

    const PIN: &str = "Orchid-42 tree";
    const SALT: &str = "AAECAwQFBgcICQoLDA0ODw";

    #[test]
    fn keys_of_another_implementation_verify() {
        check(&format!("{{PBKDF2}}1200${SALT}$2ztaM64XFGByUlPZZwybDs4qRgo"), PIN);
        check(
            &format!("{{PBKDF2-SHA1}}1200${SALT}$2ztaM64XFGByUlPZZwybDs4qRgo"),
            PIN,
        );
        check(
            &format!("{{PBKDF2-SHA256}}1200${SALT}$KkCibahVGzw4yos7/yttRU07lz6sjqd/ET3Ch7kQ7gk"),
            PIN,
        );
        let key = "YfX/BHfEpyhuC9UVsD36DDDtvJO.8ydLAPrrrQm9k0H0fCDhVLxmQLdanxhtw3v/1Wcl/X.U9amgaxM9GA9GqA";
        check(&format!("{{PBKDF2-SHA512}}1200${SALT}${key}"), PIN);
        check(
            &format!("{{pbkdf2-sha512}}1200${SALT}${}", key.replace('.', "+")),
            PIN,
        );
    }

    #[test]
    fn hashes_of_passlib_verify() {
        check("{PBKDF2}1300$cGFzc2xpYiBzYWx0$0Ecbe2SyuAEo0gLMyA4Erupx90s", PIN);
        check(
            "{PBKDF2-SHA256}1300$cGFzc2xpYiBzYWx0$IDAilNHkohVHgxnJLYVIONs3BUZl4CI4flwR7eI2tqk",
            PIN,
        );
        check(
            "{PBKDF2-SHA512}1300$cGFzc2xpYiBzYWx0$cUYNTLczgHNCgfoeAREmVDts1gGNlayjircIKqATyXvNLPtYsoxySgJor0kHvpEWXuqiZp5A8O0QX976XySe9w",
            PIN,
        );
    }

    #[test]
    fn a_hash_that_would_stall_the_daemon_is_refused() {
        for rounds in ["2000001", "4294967295"] {
            refused(
                &format!("{{PBKDF2}}{rounds}${SALT}$2ztaM64XFGByUlPZZwybDs4qRgo"),
                HashRefused::TooCostly,
            );
        }
    }

    #[test]
    fn a_hash_that_is_not_whole_is_malformed() {
        for wrong in [
            format!("0${SALT}$2ztaM64XFGByUlPZZwybDs4qRgo"),
            format!("-1${SALT}$2ztaM64XFGByUlPZZwybDs4qRgo"),
            format!("4294967296${SALT}$2ztaM64XFGByUlPZZwybDs4qRgo"),
            format!("1200${SALT}$2ztaM64XFGByUlPZZwybDs4q"),
            format!("1200${SALT}$"),
            format!("1200${SALT}"),
            "1200$$2ztaM64XFGByUlPZZwybDs4qRgo".to_string(),
            format!("1200${SALT}$2ztaM64XFGByUlPZZwybDs4qRgo$"),
        ] {
            refused(&format!("{{PBKDF2}}{wrong}"), HashRefused::Malformed);
        }
    }
}
