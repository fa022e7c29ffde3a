//! The bytes SledStore puts around keys, records and changes. All numbers big-endian.
//!
//! * `kv`: key -> revision (8), tag (1: 0 for ever, 1 expires), expiry in ms (8, if tag 1), value
//! * `exp`: expiry in ms (8), key -> nothing
//! * `log`: revision (8), part (2) -> a piece of the change: length of the whole (4), then operations:
//!   tag (1: 0 delete, 1 put, 2 put that expires), key length (2), key; for puts expiry (8, if tag 2),
//!   value length (4), value
//! * `meta`: `format` -> 4 bytes, `id` -> 16, `revision` -> 8

use crate::record::{Change, Key, Operation, Record, Revision};
use crate::types::Timestamp;

/// How long a piece of a change is: a page of the engine, which has up to sixteen, does not become a blob.
pub(super) const PART_BYTES: usize = 64 * 1024;

const FOR_EVER: u8 = 0;
const EXPIRES: u8 = 1;

const DELETE: u8 = 0;
const PUT: u8 = 1;
const PUT_EXPIRES: u8 = 2;

/// A record as `kv` holds it, without its key.
pub(super) fn encode_record(revision: Revision, expires: Option<Timestamp>, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(17 + value.len());
    bytes.extend_from_slice(&revision.0.to_be_bytes());
    match expires {
        None => bytes.push(FOR_EVER),
        Some(expires) => {
            bytes.push(EXPIRES);
            bytes.extend_from_slice(&expires.unix_ms().to_be_bytes());
        }
    }
    bytes.extend_from_slice(value);
    bytes
}

/// How many bytes `kv` has for a record, its key included.
pub(super) fn record_bytes(record: &Record) -> u64 {
    let head = if record.expires.is_some() { 17 } else { 9 };
    (record.key.as_bytes().len() + head + record.value.len()) as u64
}

/// The record under `key`, or `None` if the bytes are none.
pub(super) fn decode_record(key: &[u8], bytes: &[u8]) -> Option<Record> {
    let mut rest = bytes;
    let revision = Revision(take_u64(&mut rest)?);
    let expires = match take(&mut rest, 1)? {
        [FOR_EVER] => None,
        [EXPIRES] => Some(Timestamp::from_unix_ms(take_u64(&mut rest)?)),
        _ => return None,
    };
    Some(Record {
        key: Key::from_bytes(key),
        value: rest.into(),
        revision,
        expires,
    })
}

/// The revision of a record as `kv` holds it.
pub(super) fn decode_revision(bytes: &[u8]) -> Option<Revision> {
    take_u64(&mut &bytes[..]).map(Revision)
}

/// The key of `exp` for a record.
pub(super) fn encode_expiry(expires: Timestamp, key: &Key) -> Vec<u8> {
    [&expires.unix_ms().to_be_bytes(), key.as_bytes()].concat()
}

/// The moment and the record's key in a key of `exp`.
pub(super) fn decode_expiry(bytes: &[u8]) -> Option<(Timestamp, Key)> {
    let mut rest = bytes;
    let expires = Timestamp::from_unix_ms(take_u64(&mut rest)?);
    Some((expires, Key::from_bytes(rest)))
}

/// The key of one piece of a change in `log`.
pub(super) fn log_key(revision: Revision, part: u16) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&revision.0.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// The revision and part in a key of `log`.
pub(super) fn decode_log_key(bytes: &[u8]) -> Option<(Revision, u16)> {
    let (revision, part) = bytes.split_first_chunk()?;
    Some((
        Revision(u64::from_be_bytes(*revision)),
        u16::from_be_bytes(part.try_into().ok()?),
    ))
}

/// A change as `log` holds it, to be cut into pieces of [`PART_BYTES`].
pub(super) fn encode_change(operations: &[Operation]) -> Vec<u8> {
    let weight: usize = operations
        .iter()
        .map(|operation| operation.weight_bytes() + 15)
        .sum();
    let mut bytes = Vec::with_capacity(4 + weight);
    bytes.extend_from_slice(&[0; 4]);
    operations
        .iter()
        .for_each(|operation| encode_operation(&mut bytes, operation));
    // The limits of a batch keep keys below 64 KiB and the whole far below 4 GiB.
    let length = (bytes.len() as u32 - 4).to_be_bytes();
    bytes[..4].copy_from_slice(&length);
    bytes
}

fn encode_operation(bytes: &mut Vec<u8>, operation: &Operation) {
    let tag = match operation {
        Operation::Delete { .. } => DELETE,
        Operation::Put { expires: None, .. } => PUT,
        Operation::Put { expires: Some(_), .. } => PUT_EXPIRES,
    };
    let key = operation.key().as_bytes();
    bytes.push(tag);
    bytes.extend_from_slice(&(key.len() as u16).to_be_bytes());
    bytes.extend_from_slice(key);
    if let Operation::Put { value, expires, .. } = operation {
        bytes.extend(expires.iter().flat_map(|expires| expires.unix_ms().to_be_bytes()));
        bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
        bytes.extend_from_slice(value);
    }
}

/// The length of the whole change, given its first piece.
pub(super) fn change_length(first: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(*first.first_chunk()?);
    Some(length as usize + 4)
}

/// The change whose pieces, put together, are `bytes`; `None` if they are none.
pub(super) fn decode_change(revision: Revision, bytes: &[u8]) -> Option<Change> {
    let mut rest = bytes.get(4..)?;
    if change_length(bytes)? != bytes.len() {
        return None;
    }
    let mut operations = Vec::new();
    while !rest.is_empty() {
        operations.push(take_operation(&mut rest)?);
    }
    Some(Change { revision, operations })
}

fn take_operation(rest: &mut &[u8]) -> Option<Operation> {
    let &[tag, high, low] = take(rest, 3)? else {
        return None;
    };
    let key = Key::from_bytes(take(rest, usize::from(u16::from_be_bytes([high, low])))?);
    let expires = match tag {
        DELETE => return Some(Operation::Delete { key }),
        PUT => None,
        PUT_EXPIRES => Some(Timestamp::from_unix_ms(take_u64(rest)?)),
        _ => return None,
    };
    let length = u32::from_be_bytes(take(rest, 4)?.try_into().ok()?);
    let value = take(rest, length as usize)?.into();
    Some(Operation::Put { key, value, expires })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(take(rest, 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn operations() -> Vec<Operation> {
        let key = |rest: &[u8]| Key::new(Kind::Entry, rest);
        vec![
            Operation::put(key(b"1"), *b"value"),
            Operation::Put {
                key: key(b"2"),
                value: [7; 300].into(),
                expires: Some(Timestamp::from_unix_ms(99)),
            },
            Operation::Delete { key: key(b"3") },
            Operation::put(key(b""), *b""),
        ]
    }

    #[test]
    fn a_change_comes_back_whole_or_not_at_all() {
        let bytes = encode_change(&operations());
        assert_eq!(change_length(&bytes), Some(bytes.len()));
        let change = decode_change(Revision(4), &bytes).unwrap();
        assert!(change.revision == Revision(4) && change.operations == operations());
        for cut in 0..bytes.len() {
            assert!(
                decode_change(Revision(4), &bytes[..cut]).is_none(),
                "cut at {cut}"
            );
        }
        let mut unknown = bytes.clone();
        unknown[4] = 9;
        assert!(decode_change(Revision(4), &unknown).is_none());
    }

    #[test]
    fn a_record_comes_back_with_its_revision_and_expiry() {
        for expires in [None, Some(Timestamp::from_unix_ms(5))] {
            let bytes = encode_record(Revision(3), expires, b"abc");
            let record = decode_record(b"ek", &bytes).unwrap();
            assert_eq!(
                (record.revision, record.expires, &*record.value),
                (Revision(3), expires, &b"abc"[..])
            );
            assert_eq!(decode_revision(&bytes), Some(Revision(3)));
        }
        for bad in [
            &b""[..],
            &[0; 8],
            &[0, 0, 0, 0, 0, 0, 0, 1, 2],
            &[0, 0, 0, 0, 0, 0, 0, 1, 1, 0],
        ] {
            assert!(decode_record(b"ek", bad).is_none());
        }
    }

    #[test]
    fn keys_of_the_log_sort_by_revision_and_part() {
        assert!(log_key(Revision(1), 65_535) < log_key(Revision(2), 0));
        assert!(log_key(Revision(255), 1) < log_key(Revision(256), 0));
        assert_eq!(decode_log_key(&log_key(Revision(9), 2)), Some((Revision(9), 2)));
        assert_eq!(decode_log_key(b"short"), None);
        let key = Key::new(Kind::Meta, b"k");
        let expiry = encode_expiry(Timestamp::from_unix_ms(8), &key);
        assert_eq!(decode_expiry(&expiry), Some((Timestamp::from_unix_ms(8), key)));
    }
}
