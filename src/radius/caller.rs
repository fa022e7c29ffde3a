//! Calling-Station-Id (RFC 2865 section 5.31): the machine behind a client, where the client names one.

use std::net::{IpAddr, SocketAddr};

use crate::types::Caller;

/// The caller that a Calling-Station-Id names; `None` if it is neither a usable address nor a MAC address, as a telephone
/// number is not.
///
/// An address may have a port after it: `192.0.2.7[4500]` is strongSwan's way. Of a MAC address every usual
/// spelling counts, so that two access points do not make two callers of one.
pub fn parse(value: &[u8]) -> Option<Caller> {
    let text = std::str::from_utf8(value).ok()?;
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0');
    match address(text) {
        Some(address) => usable(address).map(Caller::Address),
        None => mac(text).map(Caller::Mac),
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    let in_brackets = || bare(text.strip_prefix('[')?.strip_suffix(']')?);
    let before_brackets = || {
        let (address, port) = text.strip_suffix(']')?.split_once('[')?;
        port.parse::<u16>().ok().and_then(|_| bare(address))
    };
    bare(text)
        .or_else(with_port)
        .or_else(in_brackets)
        .or_else(before_brackets)
}

/// The client's own loopback is none of ours, and what many machines share tells none of them apart.
fn usable(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    let is_one = !(address.is_unspecified() || address.is_loopback() || address.is_multicast());
    is_one.then_some(address)
}

/// Twelve digits in groups of equal length: `00-11-22-AA-BB-CC` (RFC 3580), `00:11:22:aa:bb:cc`, `0011.22aa.bbcc`,
/// `001122-aabbcc`, `001122aabbcc`.
fn mac(text: &str) -> Option<[u8; 6]> {
    let separator = text.chars().find(|c| matches!(c, '-' | ':' | '.'));
    let group_digits = separator.and_then(|separator| text.find(separator)).unwrap_or(12);
    let mut groups = text.split(|c| Some(c) == separator);
    let is_even = 12 % group_digits.max(1) == 0 && groups.all(|group| group.len() == group_digits);
    let mut digits = text.chars().filter(|c| Some(*c) != separator);
    let mut address = [0; 6];
    for octet in &mut address {
        let [high, low] = [digits.next()?.to_digit(16)?, digits.next()?.to_digit(16)?];
        *octet = u8::try_from(high << 4 | low).ok()?;
    }
    // The lowest bit of the first octet is that of groups, broadcast among them.
    let is_one = address != [0; 6] && address[0] & 1 == 0;
    (is_even && is_one && digits.next().is_none()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<&str>) {
        let caller = parse(text.as_bytes()).map(|caller| caller.to_string());
        assert_eq!(caller.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn addresses_are_callers_with_and_without_a_port() {
        for text in [
            "192.0.2.7",
            "192.0.2.7:1234",
            "192.0.2.7[4500]",
            " 192.0.2.7\0",
            "::ffff:192.0.2.7",
        ] {
            check(text, Some("192.0.2.7"));
        }
        for text in [
            "2001:db8::7",
            "[2001:db8::7]",
            "[2001:db8::7]:1234",
            "2001:DB8::7[500]",
        ] {
            check(text, Some("2001:db8::7"));
        }
    }

    #[test]
    fn a_mac_address_is_one_caller_however_it_is_spelt() {
        for text in [
            "00-10-A4-23-19-C0",
            "00:10:a4:23:19:c0",
            "0010.a423.19c0",
            "0010-a423-19c0",
            "0010a4-2319c0",
            "0010A42319C0",
        ] {
            check(text, Some("00-10-A4-23-19-C0"));
        }
    }

    #[test]
    fn what_names_no_machine_is_no_caller() {
        for text in [
            "",
            "127.0.0.1",
            "::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "192.0.2.7[x]",
            "192.0.2.7 x",
            "00-00-00-00-00-00",
            "FF-FF-FF-FF-FF-FF",
            "01-00-5E-00-00-01",
            "00-10-A4-23-19",
            "00-10-A4-23-19-C0-01",
            "00-10:A4-23-19-C0",
            "0010A4-23-19-C0",
            "-0010A42319C0",
            "+85228592111",
            "ada",
        ] {
            check(text, None);
        }
        assert_eq!(parse(b"\xff\xfe"), None);
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_a_panic(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&value);
        }
    }
}
