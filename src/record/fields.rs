//! Fields that several records have. A moment is eight octets, milliseconds since 1970, most significant first;
//! a source group is one octet and the octets of this machine (0, none), an IPv4 /24 (4, three), an IPv6 /56 (6,
//! seven) or a MAC address (48, six).
//!
//! What takes a field shortens the bytes by it; `None` if they do not begin with one.

use crate::types::SourceGroup;
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
        SourceGroup::Mac(address) => {
            bytes.push(48);
            bytes.extend_from_slice(&address);
        }
    }
}

pub(super) fn take_group(bytes: &mut &[u8]) -> Option<SourceGroup> {
    match take(bytes)? {
        [0] => Some(SourceGroup::Local),
        [4] => take(bytes).map(SourceGroup::V4),
        [6] => take(bytes).map(SourceGroup::V6),
        [48] => take(bytes).map(SourceGroup::Mac),
        _ => None,
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (octets, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*octets)
}
