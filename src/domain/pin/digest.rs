//! One digest over the PIN and a salt: `{SHA}`, `{SSHA}` (RFC 2307 and its well-known extension) and the
//! same with SHA-256 and SHA-512 (OpenLDAP's pw-sha2). Known to be replaced at the first good log-in.

use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::PinCheck;
use super::scheme::{HashRefused, HashScheme, decode_into};

/// The longest salt; OpenLDAP writes 4 to 16 octets.
const SALT_BYTES_MAX: usize = 64;
/// Room for the longest digest and salt, and for what the decoder may write beyond.
const ROOM_BYTES: usize = 64 + SALT_BYTES_MAX + 4;

/// A stored digest and its salt, which is empty for the schemes without.
pub(super) struct Digest {
    scheme: HashScheme,
    digest_bytes: usize,
    /// The digest, then the salt, so many octets. In place: it is read at every log-in with an imported hash.
    length: usize,
    octets: [u8; ROOM_BYTES],
}

impl Digest {
    /// Reads what stands behind the scheme.
    pub(super) fn parse(scheme: HashScheme, text: &str) -> Result<Digest, HashRefused> {
        let (digest_bytes, salt) = match scheme {
            HashScheme::Sha => (20, 0..=0),
            HashScheme::Ssha => (20, 1..=SALT_BYTES_MAX),
            HashScheme::Sha256 => (32, 0..=0),
            HashScheme::Ssha256 => (32, 1..=SALT_BYTES_MAX),
            HashScheme::Sha512 => (64, 0..=0),
            HashScheme::Ssha512 => (64, 1..=SALT_BYTES_MAX),
            _ => return Err(HashRefused::UnknownScheme),
        };
        let mut octets = [0; ROOM_BYTES];
        let lengths = digest_bytes + salt.start()..=digest_bytes + salt.end();
        let length = decode_into(text, lengths, &mut octets)?;
        Ok(Digest {
            scheme,
            digest_bytes,
            length,
            octets,
        })
    }

    pub(super) fn scheme(&self) -> HashScheme {
        self.scheme
    }

    /// Checks a PIN.
    pub(super) fn verify(&self, pin: &[u8]) -> PinCheck {
        let (stored, salt) = self.octets[..self.length].split_at(self.digest_bytes);
        let same = match self.digest_bytes {
            20 => same::<Sha1>(stored, pin, salt),
            32 => same::<Sha256>(stored, pin, salt),
            _ => same::<Sha512>(stored, pin, salt),
        };
        if same { PinCheck::Right } else { PinCheck::Wrong }
    }
}

fn same<D: sha2::Digest>(stored: &[u8], pin: &[u8], salt: &[u8]) -> bool {
    let digest = D::new().chain_update(pin).chain_update(salt).finalize();
    digest.as_slice().ct_eq(stored).into()
}

#[cfg(test)]
mod tests {
    use super::super::scheme::test::{check, refused};
    use super::*;

    const PIN: &str = "Orchid-42 tree";

    #[test]
    fn digests_without_salt_verify() {
        check("{SHA}qYjKht1wkdZMXkeuAeMnc6ntTt0=", PIN);
        check("{SHA256}7w1Qe2iHii0YlhMyGacCAj+28kMeef0VAnb5XDlf7PE=", PIN);
        check(
            "{SHA512}0F9Msc8ArzE8QareMSOVjLlRi0XyTqQl7Aff0VMyV5LluexFTvI6cREY64FWDFNYrFYHUZ+ttDPXBLJvU8FhEg==",
            PIN,
        );
    }

    #[test]
    fn digests_with_salt_verify() {
        check("{SSHA}VwW18RhVwVRz9QKIPkllZDz6T21zYWx0OGJ5dA==", PIN);
        check(
            "{SSHA256}uMtburcX3+HseFNpgMpkCiOFcxT5WSFUcht0rvSBtKhzYWx0OGJ5dA==",
            PIN,
        );
        check(
            "{SSHA512}EJijatNFHw6OSFQFfaQpsJLqcpT/fXY86cmmY1S5RiPwnGztcsb4qi/35modpRxVzxVf8Oo0Gutft95aKPd2ynNhbHQ4Ynl0",
            PIN,
        );
    }

    #[test]
    fn a_pin_in_chinese_and_a_binary_salt_verify() {
        let pin = "蘭花-42-tree";
        check("{SSHA}G7ao8BIdsfHAz2ozCWnuCpD85IcAAQIDBAUGBwgJCgsMDQ4P", pin);
        check(
            "{SSHA256}uDidK6Aqg8Xx7Q310xwV64y0d7wRbc3zZaAMtTYkYtIAAQIDBAUGBwgJCgsMDQ4P",
            pin,
        );
    }

    #[test]
    fn hashes_of_slappasswd_and_passlib_verify() {
        check("{SSHA}pbjH5hElZD+uSbyUnbqiq7oLn80MzpEM", PIN);
        check(
            "{SSHA256}lD/fUrfyx5endj7qfqknpQdb/EIku9rwn9/n5txMcGPjdf5wQe95Ew==",
            PIN,
        );
        check(
            "{SSHA512}bXIFKjYxafXO6HRuwDnApTuecPtBncDpKtNAnw9EVKZhaA+RyP10mupGf67hJrMP6kVTbwxb5+FEtwQXdSPSR+7oOeXulMxi",
            PIN,
        );
        check(
            "{SSHA256}FxlSF57ONeoTuE96IlaPSJJcmDCGQAITAur2UYeVw1/hnDMGQMj5fw==",
            PIN,
        );
    }

    #[test]
    fn a_scheme_is_known_in_any_case_and_without_padding() {
        check("{ssha}VwW18RhVwVRz9QKIPkllZDz6T21zYWx0OGJ5dA", PIN);
        check("{Sha}qYjKht1wkdZMXkeuAeMnc6ntTt0", PIN);
    }

    #[test]
    fn a_digest_of_the_wrong_length_is_malformed() {
        for wrong in [
            "{SHA}",
            "{SHA}AAAA",
            "{SHA}VwW18RhVwVRz9QKIPkllZDz6T21zYWx0OGJ5dA==",
            "{SSHA}qYjKht1wkdZMXkeuAeMnc6ntTt0=",
            "{SSHA512}VwW18RhVwVRz9QKIPkllZDz6T21zYWx0OGJ5dA==",
            "{SSHA}pbjH5hElZD+uSbyU nbqiq7oLn80MzpEM",
        ] {
            refused(wrong, HashRefused::Malformed);
        }
    }
}
