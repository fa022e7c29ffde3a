//! Count and hash of records, to compare replicas and backups.

use crate::record::{Record, Revision};

/// Count and hash of a set of records at one revision. The hash does not depend on their order and is
/// the same for ever and on every machine; it finds accidents, not forgeries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The revision the records were read at.
    pub revision: Revision,
    /// How many records.
    pub count: u64,
    /// The sum of a 128-bit hash of each: key, revision, expiry and value.
    pub hash: u128,
}

impl Digest {
    /// Of no records.
    pub(super) fn empty(revision: Revision) -> Digest {
        Digest {
            revision,
            count: 0,
            hash: 0,
        }
    }

    /// Adds one record. A sum, not an exclusive or: a record counted twice shows.
    pub(super) fn add(&mut self, record: &Record) {
        self.count += 1;
        self.hash = self.hash.wrapping_add(hash(record));
    }
}

fn hash(record: &Record) -> u128 {
    let expires = record.expires.map_or(0, |expires| expires.unix_ms());
    let state = fnv(FNV_OFFSET, &record.revision.0.to_be_bytes());
    let state = fnv(state, &expires.to_be_bytes());
    // The value by its CRC: 128-bit steps over every byte would cost more than reading it.
    let state = fnv(state, &crc32fast::hash(&record.value).to_be_bytes());
    fnv(state, record.key.as_bytes())
}

/// FNV-1a, 128 bits (draft-eastlake-fnv section 2).
fn fnv(state: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(state, |state, byte| {
        (state ^ u128::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

const FNV_OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Key, Kind};

    fn record(key: &[u8], value: &[u8], revision: u64) -> Record {
        Record {
            key: Key::new(Kind::Entry, key),
            value: value.into(),
            revision: Revision(revision),
            expires: None,
        }
    }

    fn digest(records: &[Record]) -> Digest {
        let mut digest = Digest::empty(Revision(9));
        records.iter().for_each(|record| digest.add(record));
        digest
    }

    #[test]
    fn order_does_not_matter_and_everything_else_does() {
        let (one, two) = (record(b"1", b"a", 1), record(b"2", b"b", 2));
        let both = digest(&[one.clone(), two.clone()]);
        assert_eq!(both, digest(&[two.clone(), one.clone()]));
        for other in [
            vec![one.clone()],
            vec![one.clone(), record(b"2", b"c", 2)],
            vec![one.clone(), record(b"2", b"b", 3)],
            vec![one.clone(), record(b"3", b"b", 2)],
            vec![one.clone(), two.clone(), two.clone(), two.clone()],
        ] {
            assert_ne!(both, digest(&other));
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv(FNV_OFFSET, b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
