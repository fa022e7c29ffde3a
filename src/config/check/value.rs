//! Single values: numbers, words, addresses, networks, names, hashes.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::Spanned;

use super::Checker;
use crate::config::raw::{Field, List, RawSecret};
use crate::domain::pin::{HashRefused, HashScheme};
use crate::types::{Dn, IpNet, PinHash};

impl Checker<'_> {
    /// A number in `range`, or `default`.
    pub(super) fn number(&self, written: &Field<u64>, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(written) = written else { return default };
        let number = *written.get_ref();
        if range.contains(&number) {
            return number;
        }
        let (least, most) = (range.start(), range.end());
        self.error(
            &written.span(),
            format!("{number} is out of range"),
            format!("write {least} to {most}"),
        );
        default
    }

    /// A number in `range` that fits 32 bits, or `default`.
    pub(super) fn small_number(&self, written: &Field<u64>, default: u32, range: RangeInclusive<u32>) -> u32 {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        u32::try_from(self.number(written, default.into(), range)).unwrap_or(default)
    }

    /// A number of things in `range`, or `default`.
    pub(super) fn count(&self, written: &Field<u64>, default: usize, range: RangeInclusive<u32>) -> usize {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        let number = self.number(written, u64::try_from(default).unwrap_or(u64::MAX), range);
        usize::try_from(number).unwrap_or(default)
    }

    /// One of `words`, or `default`.
    pub(super) fn word<T: Copy>(&self, written: &Field<String>, default: T, words: &[(&str, T)]) -> T {
        let Some(written) = written else { return default };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| word == written.get_ref()) {
            return *meaning;
        }
        let allowed: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let what = format!("{:?} is not known", written.get_ref());
        self.error(&written.span(), what, format!("write {}", allowed.join(" or ")));
        default
    }

    /// A path, or nothing.
    pub(super) fn path(&self, written: &Field<String>) -> Option<PathBuf> {
        let written = written.as_ref()?;
        if written.get_ref().is_empty() {
            self.error(&written.span(), "the empty path", "write an absolute path");
            return None;
        }
        Some(written.get_ref().into())
    }

    /// Addresses with ports, or `default`.
    pub(super) fn addresses(&self, written: &List<String>, default: Vec<SocketAddr>) -> Vec<SocketAddr> {
        self.list(written, default, |written| self.address(written))
    }

    /// Networks, or `default`.
    pub(super) fn networks(&self, written: &List<String>, default: Vec<IpNet>) -> Vec<IpNet> {
        self.list(written, default, |written| self.network(written))
    }

    /// Names of attributes, or `default`. `also` are words that are allowed beside names.
    pub(super) fn names(&self, written: &List<String>, default: Vec<String>, also: &[&str]) -> Vec<String> {
        self.list(written, default, |written| {
            let allowed = also.contains(&written.get_ref().as_str());
            if allowed {
                Some(written.get_ref().clone())
            } else {
                self.attribute(written)
            }
        })
    }

    /// What `each` makes of every element, or `default`.
    pub(super) fn list<T>(
        &self,
        written: &List<String>,
        default: Vec<T>,
        each: impl FnMut(&Spanned<String>) -> Option<T>,
    ) -> Vec<T> {
        match written {
            Some(written) => written.iter().filter_map(each).collect(),
            None => default,
        }
    }

    fn address(&self, written: &Spanned<String>) -> Option<SocketAddr> {
        let text = written.get_ref();
        let address = text.parse().ok();
        if address.is_none() {
            let what = format!("{text:?} is not an address with a port");
            self.error(
                &written.span(),
                what,
                "write one such as \"[::]:389\" or \"127.0.0.1:389\"",
            );
        }
        address
    }

    /// A network without host bits; one of IPv4 is written so.
    pub(super) fn network(&self, written: &Spanned<String>) -> Option<IpNet> {
        let text = written.get_ref();
        let right = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(network), _) if network.trunc() == network => match unmapped(network) {
                // Whoever asks over IPv4 is known by that address, so the other would match nobody.
                Some(right) => format!("write \"{right}\""),
                None => return Some(network),
            },
            (Ok(network), _) => format!("write \"{}\" or a whole address", network.trunc()),
            (_, Ok(address)) => format!("write \"{}\"", IpNet::from(address.to_canonical())),
            _ => "write one such as \"192.0.2.0/24\" or \"2001:db8::/32\"".into(),
        };
        self.error(&written.span(), format!("{text:?} is not a network"), right);
        None
    }

    /// A distinguished name (RFC 4514) of attributes that the schema has.
    pub(super) fn dn(&self, written: &Spanned<String>) -> Option<Dn> {
        let wrong = |why: &str| {
            let what = format!("{:?} is {why}", written.get_ref());
            self.error(
                &written.span(),
                what,
                "write one such as \"dc=uni,dc=example\" (RFC 4514)",
            );
        };
        let dn = Dn::parse(written.get_ref())
            .map_err(|error| wrong(&error.to_string()))
            .ok()?;
        if self.schema.normal_dn(&dn).is_none() {
            wrong("of an attribute or a value that the schema does not know");
            return None;
        }
        Some(dn)
    }

    /// The hash of a password with its scheme; clear text is refused.
    pub(super) fn hash(&self, written: &Spanned<RawSecret>) -> Option<PinHash> {
        let bytes = written.get_ref().expose().as_bytes();
        let refused = |why: HashRefused| {
            self.error(
                &written.span(),
                why.to_string(),
                "write what `beadle hash` prints",
            )
        };
        HashScheme::recognise(bytes).map_err(refused).ok()?;
        Some(PinHash::new(bytes))
    }

    /// A short name for messages and DNs: letters, digits, `-`, `_` and `.`.
    pub(super) fn name(&self, written: &Spanned<String>) -> Option<String> {
        /// The longest name that still fits a log line.
        const NAME_BYTES_MAX: usize = 64;
        let name = written.get_ref();
        let spelt = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if spelt && (1..=NAME_BYTES_MAX).contains(&name.len()) {
            return Some(name.clone());
        }
        let what = format!("{name:?} is not a name");
        self.error(
            &written.span(),
            what,
            "write 1 to 64 letters, digits, `-`, `_` or `.`",
        );
        None
    }
}

/// The network of IPv4 that is written as one of IPv6 (RFC 4291 section 2.5.5.2).
fn unmapped(network: IpNet) -> Option<IpNet> {
    const MAPPED_BITS: u8 = 96;
    let IpAddr::V6(address) = network.addr() else {
        return None;
    };
    let length = network.prefix_len().checked_sub(MAPPED_BITS)?;
    IpNet::new(address.to_ipv4_mapped()?.into(), length).ok()
}
