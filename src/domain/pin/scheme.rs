//! Which scheme a stored hash is of (RFC 2307 section 5.3, with the names OpenLDAP, Dovecot and others
//! added), and its parts.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

use super::crypt::Crypt;
use super::derived::Derived;
use super::digest::Digest;
use super::phc::Phc;
use super::{HASH_BYTES_MAX, HashCost};

/// Base64 as hashes are found in the wild: padded or not, with or without stray low bits at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A scheme that PINs can be checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashScheme {
    /// `{ARGON2}`: argon2id, argon2i or argon2d in the PHC string format.
    Argon2,
    /// `{SHA}`: SHA-1 without salt.
    Sha,
    /// `{SSHA}`: SHA-1 with salt.
    Ssha,
    /// `{SHA256}`: SHA-256 without salt.
    Sha256,
    /// `{SSHA256}`: SHA-256 with salt.
    Ssha256,
    /// `{SHA512}`: SHA-512 without salt.
    Sha512,
    /// `{SSHA512}`: SHA-512 with salt.
    Ssha512,
    /// `{CRYPT}$5$`: SHA-256-crypt.
    Sha256Crypt,
    /// `{CRYPT}$6$`: SHA-512-crypt.
    Sha512Crypt,
    /// `{CRYPT}$2a$`, `$2b$`, `$2y$`: bcrypt.
    Bcrypt,
    /// `{PBKDF2}`: PBKDF2 with HMAC-SHA-1.
    Pbkdf2Sha1,
    /// `{PBKDF2-SHA256}`: PBKDF2 with HMAC-SHA-256.
    Pbkdf2Sha256,
    /// `{PBKDF2-SHA512}`: PBKDF2 with HMAC-SHA-512.
    Pbkdf2Sha512,
}

/// Why a value is not a hash that PINs can be checked against. Never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashRefused {
    /// There is no scheme in front, or it says that what follows is the PIN itself.
    #[error("a PIN in clear text is never accepted; give its hash: {SCHEMES}")]
    ClearText,
    /// The scheme is none that is known, or one too weak to be worth knowing.
    #[error("the hash is of an unknown scheme; known are {SCHEMES}")]
    UnknownScheme,
    /// The scheme is known, but what follows is not of its form.
    #[error("the hash is not of the form its scheme asks for; known are {SCHEMES}")]
    Malformed,
    /// The hash asks for more memory or rounds than the daemon gives to one log-in.
    #[error("the hash asks for more memory or rounds than a log-in is given")]
    TooCostly,
}

/// The schemes as error messages name them.
const SCHEMES: &str = "{ARGON2}, {SSHA}, {SHA}, {SSHA256}, {SHA256}, {SSHA512}, {SHA512}, \
    {CRYPT} with $5$, $6$, $2a$, $2b$ or $2y$, {PBKDF2}, {PBKDF2-SHA256}, {PBKDF2-SHA512}";

impl HashScheme {
    /// The scheme of a stored hash. Errors: [`HashRefused`], for import to say why it does not take a value.
    pub fn recognise(hash: &[u8]) -> Result<HashScheme, HashRefused> {
        parse(hash).map(|parsed| match parsed {
            Parsed::Argon2(_) => HashScheme::Argon2,
            Parsed::Digest(digest) => digest.scheme(),
            Parsed::Crypt(crypt) => crypt.scheme(),
            Parsed::Derived(derived) => derived.scheme(),
        })
    }

    /// How expensive a check is.
    pub fn cost(self) -> HashCost {
        match self {
            HashScheme::Sha
            | HashScheme::Ssha
            | HashScheme::Sha256
            | HashScheme::Ssha256
            | HashScheme::Sha512
            | HashScheme::Ssha512 => HashCost::Negligible,
            _ => HashCost::Deliberate,
        }
    }

    /// What checking a PIN against `hash` costs, from its scheme's name alone: of every log-in it is asked whether
    /// it is worth remembering.
    pub fn cost_of(hash: &[u8]) -> HashCost {
        match split(hash).and_then(|(name, _)| digest_scheme(name)) {
            Some(_) => HashCost::Negligible,
            None => HashCost::Deliberate,
        }
    }

    /// The scheme's usual name, for logs and reports.
    pub fn name(self) -> &'static str {
        match self {
            HashScheme::Argon2 => "ARGON2",
            HashScheme::Sha => "SHA",
            HashScheme::Ssha => "SSHA",
            HashScheme::Sha256 => "SHA256",
            HashScheme::Ssha256 => "SSHA256",
            HashScheme::Sha512 => "SHA512",
            HashScheme::Ssha512 => "SSHA512",
            HashScheme::Sha256Crypt => "SHA256-CRYPT",
            HashScheme::Sha512Crypt => "SHA512-CRYPT",
            HashScheme::Bcrypt => "BCRYPT",
            HashScheme::Pbkdf2Sha1 => "PBKDF2",
            HashScheme::Pbkdf2Sha256 => "PBKDF2-SHA256",
            HashScheme::Pbkdf2Sha512 => "PBKDF2-SHA512",
        }
    }
}

/// A stored hash taken apart; every limit holds.
pub(super) enum Parsed<'a> {
    Argon2(Phc),
    Digest(Digest),
    Crypt(Crypt<'a>),
    Derived(Derived),
}

/// Takes a stored hash apart.
pub(super) fn parse(hash: &[u8]) -> Result<Parsed<'_>, HashRefused> {
    // What is not text in braces is taken for clear text, whatever its length: it is not to be kept.
    let (name, rest) = split(hash).ok_or(HashRefused::ClearText)?;
    if hash.len() > HASH_BYTES_MAX {
        return Err(HashRefused::Malformed);
    }
    if let Some(scheme) = digest_scheme(name) {
        return Digest::parse(scheme, rest).map(Parsed::Digest);
    }
    match name.to_ascii_uppercase().as_str() {
        "ARGON2" | "ARGON2ID" | "ARGON2I" => Phc::parse(rest).map(Parsed::Argon2),
        "CRYPT" | "SHA256-CRYPT" | "SHA512-CRYPT" | "BLF-CRYPT" => Crypt::parse(rest).map(Parsed::Crypt),
        "PBKDF2" | "PBKDF2-SHA1" => Derived::parse(HashScheme::Pbkdf2Sha1, rest).map(Parsed::Derived),
        "PBKDF2-SHA256" => Derived::parse(HashScheme::Pbkdf2Sha256, rest).map(Parsed::Derived),
        "PBKDF2-SHA512" => Derived::parse(HashScheme::Pbkdf2Sha512, rest).map(Parsed::Derived),
        "CLEARTEXT" | "CLEAR" | "PLAIN" => Err(HashRefused::ClearText),
        _ => Err(HashRefused::UnknownScheme),
    }
}

/// Those schemes that are one digest over PIN and salt.
fn digest_scheme(name: &str) -> Option<HashScheme> {
    use HashScheme::{Sha, Sha256, Sha512, Ssha, Ssha256, Ssha512};
    let all = [Sha, Ssha, Sha256, Ssha256, Sha512, Ssha512];
    all.into_iter()
        .find(|scheme| scheme.name().eq_ignore_ascii_case(name))
}

/// `{NAME}rest`.
fn split(hash: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(hash).ok()?;
    text.strip_prefix('{')?.split_once('}')
}

/// Decodes base64 whose octets are as many as `lengths` allows.
pub(super) fn decode(text: &str, lengths: RangeInclusive<usize>) -> Result<Vec<u8>, HashRefused> {
    let bytes = BASE64.decode(text).map_err(|_| HashRefused::Malformed)?;
    lengths
        .contains(&bytes.len())
        .then_some(bytes)
        .ok_or(HashRefused::Malformed)
}

/// The same into `octets`, which must have room for three octets more than are allowed; how many there are.
pub(super) fn decode_into(
    text: &str,
    lengths: RangeInclusive<usize>,
    octets: &mut [u8],
) -> Result<usize, HashRefused> {
    let length = BASE64.decode_slice(text, octets);
    length
        .ok()
        .filter(|length| lengths.contains(length))
        .ok_or(HashRefused::Malformed)
}

#[cfg(test)]
pub(super) mod test {
    use super::super::{HashMemory, PinCheck, verify};
    use super::*;
    use crate::types::{Pin, PinHash};

    fn verdict(hash: &str, pin: &str) -> PinCheck {
        let hash = PinHash::new(hash.as_bytes());
        verify(&hash, &Pin::new(pin.as_bytes()), &mut HashMemory::default())
    }

    /// `hash` is of `pin` and of nothing near it.
    pub fn check(hash: &str, pin: &str) {
        assert_eq!(verdict(hash, pin), PinCheck::Right, "{hash}");
        for wrong in [
            format!("{pin}!"),
            pin.to_uppercase(),
            pin[..pin.len() - 1].to_string(),
        ] {
            assert_eq!(verdict(hash, &wrong), PinCheck::Wrong, "{hash}");
        }
    }

    /// `hash` is refused for `reason`, and no PIN is right for it.
    pub fn refused(hash: &str, reason: HashRefused) {
        assert_eq!(HashScheme::recognise(hash.as_bytes()), Err(reason), "{hash}");
        for pin in ["", hash, hash.rsplit('}').next().unwrap()] {
            assert_eq!(verdict(hash, pin), PinCheck::Wrong, "{hash}");
        }
    }

    #[test]
    fn clear_text_is_refused_and_never_right() {
        for clear in [
            "",
            "library7",
            "{CLEARTEXT}library7",
            "{cleartext}library7",
            "{PLAIN}library7",
            "{",
            "{SSHA",
            "SSHA}x",
            "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$GuZULu+JgpvOUCLOaSKrU2XaJPD92a4yVmK3eswRRu8",
        ] {
            refused(clear, HashRefused::ClearText);
        }
        assert_eq!(HashScheme::recognise(b"\xff{SSHA}"), Err(HashRefused::ClearText));
    }

    #[test]
    fn unknown_schemes_are_refused_and_never_right() {
        for unknown in [
            "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
            "{NTLM}5835048CE94AD0564E29A924A03510EF",
            "{SASL}library7",
            "{CRYPT}$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
            "{CRYPT}rl0uE0wSEDA8A",
            "{ARGON2}$scrypt$ln=1$x$y",
            "{}library7",
        ] {
            refused(unknown, HashRefused::UnknownScheme);
        }
    }

    #[test]
    fn a_refusal_names_the_right_schemes_and_never_the_value() {
        for hash in ["Orchid-42", "{SASL}Orchid-42", "{SSHA}Orchid-42"] {
            let message = HashScheme::recognise(hash.as_bytes()).unwrap_err().to_string();
            assert!(message.contains("{ARGON2}") && message.contains("{PBKDF2-SHA512}"));
            assert!(!message.contains("Orchid"));
        }
    }

    const NAMES: [&str; 8] = [
        "",
        "{SSHA}",
        "{SHA512}",
        "{CRYPT}$6$",
        "{CRYPT}$2b$04$",
        "{ARGON2}$argon2id$",
        "{PBKDF2-SHA256}",
        "{",
    ];

    proptest::proptest! {
        #[test]
        fn no_value_ends_the_process(name in 0..NAMES.len(), rest in ".{0,80}", bytes: Vec<u8>) {
            let _ = HashScheme::recognise(format!("{}{rest}", NAMES[name]).as_bytes());
            let _ = HashScheme::recognise(&[NAMES[name].as_bytes(), &bytes].concat());
        }
    }

    #[test]
    fn a_hash_past_the_maximum_is_malformed() {
        refused(
            &format!("{{SSHA}}{}", "A".repeat(HASH_BYTES_MAX)),
            HashRefused::Malformed,
        );
    }
}
