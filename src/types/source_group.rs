//! Where log-ins come from, as far as counters tell sources apart.

use std::fmt;
use std::net::IpAddr;

/// The machine or person behind a client that asks for many, such as a VPN concentrator: by what the client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An address of IPv4 or IPv6.
    Address(IpAddr),
    /// A MAC address (EUI-48).
    Mac([u8; 6]),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Address(address) => address.fmt(f),
            Caller::Mac([a, b, c, d, e, g]) => {
                // As RFC 3580 section 3.21 spells it.
                write!(f, "{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{g:02X}")
            }
        }
    }
}

/// Sources that are counted as one: an IPv4 /24, an IPv6 /56, one MAC address, or the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceGroup {
    /// Loopback, of either family.
    Local,
    /// The first 24 bits of an IPv4 address (also of one mapped into IPv6).
    V4([u8; 3]),
    /// The first 56 bits of an IPv6 address.
    V6([u8; 7]),
    /// A MAC address.
    Mac([u8; 6]),
}

impl From<IpAddr> for SourceGroup {
    fn from(source: IpAddr) -> SourceGroup {
        match source.to_canonical() {
            source if source.is_loopback() => SourceGroup::Local,
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                SourceGroup::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let octets = v6.octets();
                SourceGroup::V6(std::array::from_fn(|at| octets[at]))
            }
        }
    }
}

impl From<Caller> for SourceGroup {
    fn from(caller: Caller) -> SourceGroup {
        match caller {
            Caller::Address(address) => address.into(),
            Caller::Mac(octets) => SourceGroup::Mac(octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(source: &str) -> SourceGroup {
        SourceGroup::from(source.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn sources_group_by_network() {
        for (one, other) in [
            ("192.0.2.1", "192.0.2.254"),
            ("192.0.2.1", "::ffff:192.0.2.9"),
            ("2001:db8:0:100::1", "2001:db8:0:1ff::2"),
            ("127.0.0.1", "::1"),
            ("127.0.0.1", "127.9.9.9"),
        ] {
            assert_eq!(group(one), group(other));
        }
        assert_ne!(group("192.0.2.1"), group("192.0.3.1"));
        assert_ne!(group("2001:db8:0:100::1"), group("2001:db8:0:200::1"));
    }

    #[test]
    fn a_caller_is_counted_as_its_network_or_as_its_mac_address() {
        let address = Caller::Address("192.0.2.7".parse().unwrap());
        assert_eq!(SourceGroup::from(address), group("192.0.2.1"));
        let (one, other) = (
            Caller::Mac([0, 1, 2, 3, 4, 0xab]),
            Caller::Mac([0, 1, 2, 3, 4, 5]),
        );
        assert_ne!(SourceGroup::from(one), SourceGroup::from(other));
        assert_eq!(one.to_string(), "00-01-02-03-04-AB");
    }
}
