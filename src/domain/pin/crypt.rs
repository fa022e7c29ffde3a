//! `{CRYPT}` (RFC 2307): what crypt(5) calls sha256crypt, sha512crypt and bcrypt. The older forms, DES
//! and MD5, are not known: a machine guesses them faster than a person types.

use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha_crypt::{BLOCK_SIZE_SHA256, BLOCK_SIZE_SHA512, Params, sha256_crypt, sha512_crypt};
use subtle::ConstantTimeEq;

use super::scheme::{HashRefused, HashScheme};
use super::{BCRYPT_COST_MAX, PinCheck, SHA_CRYPT_ROUNDS_MAX};

/// The salt of sha-crypt is cut after this many octets.
const SHA_CRYPT_SALT_BYTES_MAX: usize = 16;
/// The digits of crypt's base 64, 0 first.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BCRYPT_SALT_CHARS: usize = 22;
const BCRYPT_COST_MIN: u32 = 4;
/// bcrypt looks at 72 octets, a closing NUL included.
const BCRYPT_KEY_BYTES_MAX: usize = 72;
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A stored hash of crypt(3).
pub(super) enum Crypt<'a> {
    Sha256(ShaCrypt<'a>),
    Sha512(ShaCrypt<'a>),
    Bcrypt(Bcrypt),
}

/// `$5$` and `$6$`: `[rounds=N$]salt$hash`.
pub(super) struct ShaCrypt<'a> {
    params: Params,
    salt: &'a [u8],
    encoded: &'a [u8],
}

/// `$2b$cost$salthash`.
pub(super) struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

impl<'a> Crypt<'a> {
    /// Reads what stands behind `{CRYPT}`.
    pub(super) fn parse(text: &'a str) -> Result<Crypt<'a>, HashRefused> {
        let (id, rest) = text
            .strip_prefix('$')
            .and_then(|rest| rest.split_once('$'))
            .ok_or(HashRefused::UnknownScheme)?;
        match id {
            "5" => ShaCrypt::parse(rest, BLOCK_SIZE_SHA256).map(Crypt::Sha256),
            "6" => ShaCrypt::parse(rest, BLOCK_SIZE_SHA512).map(Crypt::Sha512),
            "2a" | "2b" | "2y" => Bcrypt::parse(rest).map(Crypt::Bcrypt),
            _ => Err(HashRefused::UnknownScheme),
        }
    }

    pub(super) fn scheme(&self) -> HashScheme {
        match self {
            Crypt::Sha256(_) => HashScheme::Sha256Crypt,
            Crypt::Sha512(_) => HashScheme::Sha512Crypt,
            Crypt::Bcrypt(_) => HashScheme::Bcrypt,
        }
    }

    /// Checks a PIN. One with a NUL is wrong: crypt(3) would have hashed only what stands before it.
    pub(super) fn verify(&self, pin: &[u8]) -> PinCheck {
        if pin.contains(&0) {
            return PinCheck::Wrong;
        }
        let same = match self {
            Crypt::Sha256(hash) => hash.same(&sha256_crypt(pin, hash.salt, hash.params)),
            Crypt::Sha512(hash) => hash.same(&sha512_crypt(pin, hash.salt, hash.params)),
            Crypt::Bcrypt(hash) => hash.same(pin),
        };
        if same { PinCheck::Right } else { PinCheck::Wrong }
    }
}

impl<'a> ShaCrypt<'a> {
    fn parse(text: &'a str, digest_bytes: usize) -> Result<ShaCrypt<'a>, HashRefused> {
        let (rounds, rest) = match text.strip_prefix("rounds=") {
            Some(rest) => rest.split_once('$').ok_or(HashRefused::Malformed)?,
            None => ("", text),
        };
        let (salt, encoded) = rest.split_once('$').ok_or(HashRefused::Malformed)?;
        let salt = salt.as_bytes();
        let digits = encoded.bytes().all(|digit| DIGITS.contains(&digit));
        if encoded.len() != (digest_bytes * 8).div_ceil(6) || !digits || salt.is_empty() {
            return Err(HashRefused::Malformed);
        }
        Ok(ShaCrypt {
            params: sha_crypt_params(rounds)?,
            salt: &salt[..salt.len().min(SHA_CRYPT_SALT_BYTES_MAX)],
            encoded: encoded.as_bytes(),
        })
    }

    fn same(&self, digest: &[u8]) -> bool {
        encode(digest).ct_eq(self.encoded).into()
    }
}

/// No rounds are 5,000. Fewer than 1,000 no crypt(3) writes: it raises them and says so in the hash.
fn sha_crypt_params(rounds: &str) -> Result<Params, HashRefused> {
    if rounds.is_empty() {
        return Ok(Params::RECOMMENDED);
    }
    let rounds = rounds.parse().map_err(|_| HashRefused::Malformed)?;
    if rounds > SHA_CRYPT_ROUNDS_MAX {
        return Err(HashRefused::TooCostly);
    }
    Params::new(rounds).map_err(|_| HashRefused::Malformed)
}

/// A digest in sha-crypt's own order and base 64: the octets are dealt to three columns, each row starts
/// one column further, and every row's 24 bits are written lowest digit first.
fn encode(digest: &[u8]) -> Vec<u8> {
    let third = digest.len() / 3;
    // SHA-256 deals its rows forwards (0 10 20, 21 1 11, …), SHA-512 the other way (0 21 42, 22 43 1, …).
    let step = if digest.len() == BLOCK_SIZE_SHA256 { 2 } else { 1 };
    let mut text = Vec::with_capacity(86);
    for row in 0..third {
        let octet = |column: usize| u32::from(digest[row + third * ((column + row * step) % 3)]);
        push_digits(&mut text, octet(0) << 16 | octet(1) << 8 | octet(2), 4);
    }
    match digest[3 * third..] {
        [last] => push_digits(&mut text, u32::from(last), 2),
        [before, last] => push_digits(&mut text, u32::from(last) << 8 | u32::from(before), 3),
        _ => {}
    }
    text
}

fn push_digits(text: &mut Vec<u8>, bits: u32, count: u32) {
    text.extend((0..count).map(|digit| DIGITS[(bits >> (6 * digit) & 63) as usize]));
}

impl Bcrypt {
    fn parse(text: &str) -> Result<Bcrypt, HashRefused> {
        let (cost, rest) = text.split_once('$').ok_or(HashRefused::Malformed)?;
        let cost: u32 = cost.parse().map_err(|_| HashRefused::Malformed)?;
        if cost > BCRYPT_COST_MAX {
            return Err(HashRefused::TooCostly);
        }
        let (salt, hash) = rest
            .split_at_checked(BCRYPT_SALT_CHARS)
            .ok_or(HashRefused::Malformed)?;
        if cost < BCRYPT_COST_MIN {
            return Err(HashRefused::Malformed);
        }
        Ok(Bcrypt {
            cost,
            salt: bcrypt_octets(salt)?,
            hash: bcrypt_octets(hash)?,
        })
    }

    fn same(&self, pin: &[u8]) -> bool {
        let mut key = [0; BCRYPT_KEY_BYTES_MAX];
        let taken = pin.len().min(BCRYPT_KEY_BYTES_MAX);
        key[..taken].copy_from_slice(&pin[..taken]);
        let closed = (taken + 1).min(BCRYPT_KEY_BYTES_MAX);
        let hash = bcrypt::bcrypt(self.cost, self.salt, &key[..closed]);
        zeroize::Zeroize::zeroize(&mut key);
        hash[..self.hash.len()].ct_eq(&self.hash).into()
    }
}

fn bcrypt_octets<const N: usize>(text: &str) -> Result<[u8; N], HashRefused> {
    let octets = BCRYPT_BASE64.decode(text).map_err(|_| HashRefused::Malformed)?;
    octets.try_into().map_err(|_| HashRefused::Malformed)
}

#[cfg(test)]
mod tests {
    use super::super::scheme::test::{check, refused};
    use super::*;

    const PIN: &str = "Orchid-42 tree";
    const CHINESE: &str = "蘭花-42-tree";

    fn check_all(pin: &str, hashes: &[&str]) {
        hashes
            .iter()
            .for_each(|hash| check(&format!("{{CRYPT}}{hash}"), pin));
    }

    #[test]
    fn sha_crypt_of_libxcrypt_verifies() {
        check_all(
            PIN,
            &[
                "$5$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR3",
                "$6$saltstring$3AffBex7h.JAq86ph/dX6Y6wQtYHwIPvHA1j8PnAwdbozO0cRUyRxtWMCfYD.314Ek5VcKQj/U2MMYr/xi7Al.",
                "$5$rounds=1400$anotherlongsalt$Fj57fkgd6ID4hykWc0z1axnucL1orM5OGBODQLWnTy6",
                "$6$rounds=1400$anotherlongsalts$ejcs99I3kA4asf6LSTldIcpRx82sN0F.taBRE6a2C8HIpcJp9OmoF5LShbD7S3KCZwJ2O6daorzByOLXlCdHi0",
            ],
        );
        check_all(
            CHINESE,
            &[
                "$5$saltstring$UM4aNJMJ2f8dw7gzLHIoRNz/LoYHb/YRWXqhO6SrG6C",
                "$6$saltstring$qVDuML9InQjjz6KgE/qW3awuyFXqlV/d3mRLfY6QjUfXs8tusYFYEV7fdbsFHGHX.b2BpyEhfdaX7cq62m9kB1",
            ],
        );
        check_all(
            &"x".repeat(100),
            &[
                "$5$saltstring$Oa4FAe3j12NEBjTMwR61FXUth0v2z1HlRVgHK3bteq/",
                "$6$saltstring$MTEOJx1zhJ5109YzqYzCaFk55JWZM1QJeKTBu63saMo0UwwWLpCB56lyhLVgvClgMHXn3tBaHXoSTCac4QqUv0",
            ],
        );
    }

    #[test]
    fn sha_crypt_of_openssl_and_passlib_verifies() {
        check_all(
            PIN,
            &[
                "$6$opensslsalt$mOxuvBjSzFvO9Uf3IibA5S81zKvYegL3VgHAjSBWg1jE7YkG9hTZepJOHOF5atuAtE8k7k/5K18387elLDs.A1",
                "$5$opensslsalt$Q65daNoQwCePw2giXbfgeFHls78J5369UhYz0OQEXF.",
                "$6$rounds=1000$ZtYebkcMDTXyYecT$pLz/M9xX42MFE0cuR/dh27XjQVR/F8ivwUx1bvBTryNYPqXTWKMH6ANIwo9ah.Edkfk2Js9DkTZbwt/rHlIj2/",
            ],
        );
    }

    #[test]
    fn bcrypt_of_libxcrypt_verifies() {
        for version in ["2a", "2b", "2y"] {
            let prefix = format!("${version}$04$abcdefghijklmnopqrstuu");
            check_all(PIN, &[&format!("{prefix}bFMz7pMufHoX5M4BtSk6xYTlfe7y9ya")]);
            check_all(CHINESE, &[&format!("{prefix}8dM9yjgxZvIVeZLjSsN4RzNudQippAS")]);
        }
        check(
            "{BLF-CRYPT}$2y$04$abcdefghijklmnopqrstuubFMz7pMufHoX5M4BtSk6xYTlfe7y9ya",
            PIN,
        );
    }

    #[test]
    fn bcrypt_looks_at_72_octets_as_everywhere() {
        let hash = Crypt::parse("$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i");
        let hash = hash.ok().unwrap();
        for (length, expected) in [
            (100, PinCheck::Right),
            (72, PinCheck::Right),
            (71, PinCheck::Wrong),
        ] {
            assert_eq!(hash.verify(&vec![b'x'; length]), expected);
        }
    }

    #[test]
    fn what_stands_behind_a_nul_counts() {
        let bcrypt = Crypt::parse("$2b$04$abcdefghijklmnopqrstuubFMz7pMufHoX5M4BtSk6xYTlfe7y9ya");
        let bcrypt = bcrypt.ok().unwrap();
        assert_eq!(bcrypt.verify(b"Orchid-42 tree\0more"), PinCheck::Wrong);
        assert_eq!(bcrypt.verify(b"Orchid-42 tree\0Orchid-42 tree"), PinCheck::Wrong);
    }

    #[test]
    fn a_hash_that_would_stall_the_daemon_is_refused() {
        for costly in [
            "$5$rounds=1000001$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR3",
            "$5$rounds=999999999$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR3",
            "$2b$15$abcdefghijklmnopqrstuubFMz7pMufHoX5M4BtSk6xYTlfe7y9ya",
            "$2b$31$abcdefghijklmnopqrstuubFMz7pMufHoX5M4BtSk6xYTlfe7y9ya",
        ] {
            refused(&format!("{{CRYPT}}{costly}"), HashRefused::TooCostly);
        }
    }

    #[test]
    fn a_hash_that_is_not_whole_is_malformed() {
        for wrong in [
            "$5$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR",
            "$5$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5A!3",
            "$5$$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR3",
            "$5$rounds=999$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR3",
            "$5$rounds=x$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR3",
            "$6$saltstring$sA3.YpCyd3vAellkuwx9rgTCYBRsuQqbABaFg7i5AR3",
            "$6$saltstring",
            "$2b$03$abcdefghijklmnopqrstuubFMz7pMufHoX5M4BtSk6xYTlfe7y9ya",
            "$2b$04$abcdefghijklmnopqrstuubFMz7pMufHoX5M4BtSk6xYTlfe7y9y",
            "$2b$04$abcdefghijklmnopqrst",
            "$2b$04$abcdefghijklmnopqrstu蘭bFMz7pMufHoX5M4BtSk6xYTlfe7y9y",
            "$2b$04$",
        ] {
            refused(&format!("{{CRYPT}}{wrong}"), HashRefused::Malformed);
        }
    }
}
