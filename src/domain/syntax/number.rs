//! Numbers as values write them: integers of any size, bit strings, UUIDs.

/// The most digits of an integer; a longer one is no value of the syntax here.
pub const INTEGER_DIGITS_MAX: usize = 100;

/// Whether `value` is an Integer (RFC 4517 section 3.3.16) of at most [`INTEGER_DIGITS_MAX`] digits.
pub fn is_integer(value: &[u8]) -> bool {
    split(value).is_some()
}

/// Whether the number is below zero, and its digits.
fn split(value: &[u8]) -> Option<(bool, &[u8])> {
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    let good = match digits {
        [] => false,
        [b'0'] => !negative,
        [b'0', ..] => false,
        _ => digits.len() <= INTEGER_DIGITS_MAX && digits.iter().all(u8::is_ascii_digit),
    };
    good.then_some((negative, digits))
}

/// Appends a form whose byte order is the order of the numbers: a byte that tells sign and number of digits,
/// then the digits, each taken from nine for a number below zero. `None` if it is no integer.
pub fn push_sortable(value: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (negative, digits) = split(value)?;
    let count = digits.len() as u8;
    if negative {
        out.push(0x80 - count);
        out.extend(digits.iter().map(|digit| b'9' - (digit - b'0')));
    } else {
        out.push(0x80 + count);
        out.extend_from_slice(digits);
    }
    Some(())
}

/// The number, if 64 bits hold it.
pub fn as_i64(value: &[u8]) -> Option<i64> {
    split(value)?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The digits of a Bit String such as `'0101'B` (RFC 4517 section 3.3.2).
pub fn bits(value: &[u8]) -> Option<&[u8]> {
    let digits = value.strip_prefix(b"'")?.strip_suffix(b"'B")?;
    digits
        .iter()
        .all(|digit| matches!(digit, b'0' | b'1'))
        .then_some(digits)
}

/// The bytes of a UUID such as `597ae2f6-16a6-1027-98f4-d28b5365dc14` (RFC 4530 section 2.1).
pub fn uuid(value: &[u8]) -> Option<[u8; 16]> {
    let hyphens = [8, 13, 18, 23];
    if value.len() != 36 || hyphens.iter().any(|at| value[*at] != b'-') {
        return None;
    }
    let mut digits = value.iter().enumerate().filter(|(at, _)| !hyphens.contains(at));
    let mut digit = || char::from(*digits.next()?.1).to_digit(16);
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = (digit()? << 4 | digit()?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sortable(value: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        push_sortable(value.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn what_is_no_integer_is_refused() {
        for wrong in [
            "",
            "-",
            "-0",
            "01",
            "+1",
            "1.5",
            "a",
            " 1",
            &"9".repeat(INTEGER_DIGITS_MAX + 1),
        ] {
            assert!(sortable(wrong).is_none(), "{wrong}");
        }
        assert!(sortable("0").is_some() && sortable(&"9".repeat(INTEGER_DIGITS_MAX)).is_some());
    }

    #[test]
    fn bits_and_uuids_are_read_exactly() {
        assert_eq!(bits(b"'0101'B"), Some(&b"0101"[..]));
        assert_eq!(bits(b"''B"), Some(&b""[..]));
        for wrong in [&b"0101"[..], b"'012'B", b"'01'", b"'B"] {
            assert_eq!(bits(wrong), None);
        }
        let bytes = uuid(b"597AE2F6-16a6-1027-98f4-d28b5365dc14").unwrap();
        assert_eq!((bytes[0], bytes[15]), (0x59, 0x14));
        assert_eq!(uuid(b"597ae2f6-16a6-1027-98f4-d28b5365dc1g"), None);
        assert_eq!(uuid(b"597ae2f616a6102798f4d28b5365dc14"), None);
    }

    proptest! {
        #[test]
        fn the_order_of_the_forms_is_the_order_of_the_numbers(a in any::<i64>(), b in -2000i64..2000) {
            for (a, b) in [(a, b), (b, a), (b, b), (a % 3000, b)] {
                prop_assert_eq!(sortable(&a.to_string()).unwrap().cmp(&sortable(&b.to_string()).unwrap()), a.cmp(&b));
            }
        }
    }
}
