//! Uniqueness of names and values without a record for each of them.
//!
//! Every value falls into one of [`BUCKETS`] buckets of its attribute; a bucket is a record whose bytes do
//! not matter, only its revision does. Who gives an entry a unique value looks in a snapshot of revision R
//! whether the value is free, and then commits under the guard that its bucket is unchanged since R,
//! touching the bucket in the same batch. Two writers of the same value share a bucket, so the second one
//! conflicts, loads a newer snapshot and sees the value taken. A false conflict costs one more look.
//!
//! A bulk import of a million entries would touch every bucket thousands of times. It touches
//! [`everything`] instead, once a batch, and whoever else takes, touches or guards a bucket guards that record too.

use crate::domain::schema::Schema;
use crate::record::{Key, Kind, Operation};
use crate::types::AttributeType;

/// The number of buckets of one attribute: 4,096 records instead of one a value. Stored keys depend on it.
pub const BUCKETS: u16 = 4096;

/// The attribute whose buckets guard the entries' names.
pub const NAMES: &str = "entrydn";

/// Attributes of which no two entries may have the same value unless the configuration says otherwise (S4, S48).
const USUAL: &[&str] = &["uid", "mail", "uidNumber", "employeeNumber", "entryUUID"];

/// The attributes of which no two entries may have the same value unless the configuration says otherwise, as far as the
/// schema has them.
pub fn usual(schema: &Schema) -> Vec<AttributeType> {
    let kinds = USUAL.iter().map(|name| schema.attribute(name.as_bytes()));
    kinds.flatten().collect()
}

/// The number of the bucket that `value`, in its normal form, falls in.
pub fn bucket_number(value: &[u8]) -> u16 {
    (spread(value) % u64::from(BUCKETS)) as u16
}

/// The record of the bucket of that number. `attribute` is the attribute's canonical name, so that the key outlives
/// the running schema.
pub fn numbered(attribute: &str, number: u16) -> Key {
    let mut rest = attribute.to_ascii_lowercase().into_bytes();
    rest.push(0);
    rest.extend_from_slice(&number.to_be_bytes());
    Key::new(Kind::Bucket, &rest)
}

/// The record that stands for all buckets of all attributes.
pub fn everything() -> Key {
    Key::new(Kind::Bucket, &[])
}

/// Gives the record at `key` a new revision.
pub fn touch(key: Key) -> Operation {
    Operation::Put {
        key,
        value: [].into(),
        expires: None,
    }
}

/// FNV-1a: stored keys depend on it, so it is one that never changes. Buckets need no secrecy: whoever
/// aims at one gains false conflicts with himself.
fn spread(value: &[u8]) -> u64 {
    value.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(attribute: &str, value: &[u8]) -> Key {
        numbered(attribute, bucket_number(value))
    }

    #[test]
    fn the_key_of_a_bucket_is_the_same_for_ever() {
        assert_eq!(bucket("uid", b"ada").as_bytes(), b"uuid\0\x01\x3b");
        assert_eq!(bucket("UID", b"ada"), bucket("uid", b"ada"));
        assert_eq!(everything().as_bytes(), b"u");
    }

    #[test]
    fn values_spread_over_all_buckets() {
        let buckets: std::collections::HashSet<Key> = (0..40_000)
            .map(|at: u32| bucket("uid", format!("u{at:07}").as_bytes()))
            .collect();
        assert!(buckets.len() > 4000, "{}", buckets.len());
    }
}
