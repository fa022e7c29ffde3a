//! Fields that several records have. A moment is eight octets, milliseconds since 1970, most significant first;
//! a source group is one octet, 0, 4 or 6, and the octets of this machine (none), an IPv4 /24 (three) or an
//! IPv6 /56 (seven).
//!
//! What takes a field shortens the bytes by it; `None` if they do not begin with one.

use crate::domain::lockout::SourceGroup;
use crate::types::Timestamp;

pub(super) fn push_moment(moment: Timestamp, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&moment.unix_ms().to_be_bytes());
}

pub(super) fn take_moment(bytes: &mut &[u8]) -> Option<Timestamp> {
    take(bytes).map(|octets| Timestamp::from_unix_ms(u64::from_be_bytes(octets)))
}

pub(super) fn push_group(group: SourceGroup, bytes: &mut Vec<u8>) {
    match group {
        SourceGroup::Local => bytes.push(0),
        SourceGroup::V4(network) => {
            bytes.push(4);
            bytes.extend_from_slice(&network);
        }
        SourceGroup::V6(network) => {
            bytes.push(6);
            bytes.extend_from_slice(&network);
        }
    }
}

pub(super) fn take_group(bytes: &mut &[u8]) -> Option<SourceGroup> {
    match take(bytes)? {
        [0] => Some(SourceGroup::Local),
        [4] => take(bytes).map(SourceGroup::V4),
        [6] => take(bytes).map(SourceGroup::V6),
        _ => None,
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (octets, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*octets)
}
