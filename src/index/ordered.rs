//! Which slots hold a value not less or not greater than another: the first bytes of every ordering
//! key, sorted. Twelve bytes a value; an answer may hold too many slots, never too few.

/// Bytes of a key that are kept, after the part that all keys share.
const KEPT: usize = 8;

/// The ordering keys of one attribute. A key's bytes compare as its value's rule orders values.
pub(super) struct OrderedColumn {
    /// What all keys begin with.
    shared: Box<[u8]>,
    /// The next bytes of each key as a big-endian number, ascending.
    keys: Box<[u64]>,
    /// The slot of each key.
    slots: Box<[u32]>,
}

impl OrderedColumn {
    /// Builds from (key, slot) in any order.
    pub(super) fn build(pairs: &[(Box<[u8]>, u32)]) -> OrderedColumn {
        let shared = shared_prefix(pairs);
        let mut cut: Vec<(u64, u32)> = pairs
            .iter()
            .map(|(key, slot)| (number(&key[shared.len()..]), *slot))
            .collect();
        cut.sort_unstable();
        OrderedColumn {
            shared: shared.into(),
            keys: cut.iter().map(|(key, _)| *key).collect(),
            slots: cut.iter().map(|(_, slot)| *slot).collect(),
        }
    }

    /// Slots with a key of at least `key`, and perhaps some below; a slot may occur twice.
    pub(super) fn at_least(&self, key: &[u8]) -> &[u32] {
        let from = match self.place(key) {
            Relation::Before => 0,
            Relation::After => self.slots.len(),
            Relation::Within(number) => self.keys.partition_point(|other| *other < number),
        };
        self.slots.get(from..).unwrap_or_default()
    }

    /// Slots with a key of at most `key`, and perhaps some above; a slot may occur twice.
    pub(super) fn at_most(&self, key: &[u8]) -> &[u32] {
        let to = match self.place(key) {
            Relation::Before => 0,
            Relation::After => self.slots.len(),
            Relation::Within(number) => self.keys.partition_point(|other| *other <= number),
        };
        self.slots.get(..to).unwrap_or_default()
    }

    fn place(&self, key: &[u8]) -> Relation {
        match key.strip_prefix(&*self.shared) {
            Some(rest) => Relation::Within(number(rest)),
            None if *key < *self.shared => Relation::Before,
            None => Relation::After,
        }
    }
}

/// Where a key lies with regard to a column's shared beginning.
enum Relation {
    Before,
    After,
    Within(u64),
}

/// The first [`KEPT`] bytes as a number; missing ones count as 0, which keeps the order (not its strictness).
fn number(key: &[u8]) -> u64 {
    let mut bytes = [0; KEPT];
    let kept = key.len().min(KEPT);
    bytes[..kept].copy_from_slice(&key[..kept]);
    u64::from_be_bytes(bytes)
}

fn shared_prefix(pairs: &[(Box<[u8]>, u32)]) -> Vec<u8> {
    let mut keys = pairs.iter().map(|(key, _)| &**key);
    let Some(first) = keys.next() else {
        return Vec::new();
    };
    let same = |shared: usize, key: &[u8]| {
        first[..shared]
            .iter()
            .zip(key)
            .take_while(|(a, b)| a == b)
            .count()
    };
    let shared = keys.fold(first.len(), same);
    first[..shared].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(keys: &[&str]) -> OrderedColumn {
        let pairs: Vec<(Box<[u8]>, u32)> = keys
            .iter()
            .zip(0..)
            .map(|(key, slot)| (key.as_bytes().into(), slot))
            .collect();
        OrderedColumn::build(&pairs)
    }

    #[test]
    fn ranges_hold_everything_they_should() {
        let times = column(&["20261122093000Z", "20261121093000Z", "20261201000000Z"]);
        assert_eq!(times.at_least(b"20261122000000Z"), [0, 2]);
        assert_eq!(times.at_most(b"20261122000000Z"), [1]);
        assert_eq!(times.at_least(b"2025"), [1, 0, 2]);
        assert!(times.at_most(b"2025").is_empty());
        assert!(times.at_least(b"2027").is_empty());
        assert_eq!(times.at_most(b"2027"), [1, 0, 2]);
    }

    #[test]
    fn keys_alike_in_the_kept_bytes_are_all_candidates() {
        let column = column(&["a12345678", "a12345679", "b"]);
        assert_eq!(column.at_least(b"a12345679"), [0, 1, 2]);
        assert_eq!(column.at_most(b"a12345678"), [0, 1]);
    }

    #[test]
    fn nothing_is_in_an_empty_column() {
        assert!(column(&[]).at_least(b"a").is_empty());
    }
}
