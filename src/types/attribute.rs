//! Attribute types as small integers, and sets of them.

/// An attribute type: its position in the running schema (`domain::schema::Schema`).
///
/// Positions are stable while a process runs and mean nothing outside it: what is stored carries
/// names, never positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u16);

/// How many attribute types one schema may hold; a schema with more is refused when it is loaded.
pub const ATTRIBUTE_TYPES_MAX: usize = 1024;

const WORDS: usize = ATTRIBUTE_TYPES_MAX / 64;

/// A set of attribute types: what an asker may read, what a request selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeSet([u64; WORDS]);

impl AttributeSet {
    /// The set of nothing.
    pub const EMPTY: AttributeSet = AttributeSet([0; WORDS]);
    /// The set of every attribute type there can be.
    pub const ALL: AttributeSet = AttributeSet([u64::MAX; WORDS]);

    /// Whether `kind` is in the set. A position past [`ATTRIBUTE_TYPES_MAX`] never is.
    pub fn contains(&self, kind: AttributeType) -> bool {
        let at = usize::from(kind.0);
        self.0
            .get(at / 64)
            .is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// Adds `kind`; a position past [`ATTRIBUTE_TYPES_MAX`] is ignored.
    pub fn insert(&mut self, kind: AttributeType) {
        let at = usize::from(kind.0);
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    /// Removes `kind`.
    pub fn remove(&mut self, kind: AttributeType) {
        let at = usize::from(kind.0);
        if let Some(word) = self.0.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    /// Adds all that is in `other`.
    pub fn add(&mut self, other: &AttributeSet) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, more)| *word |= more);
    }

    /// Removes all that is in `other`.
    pub fn take(&mut self, other: &AttributeSet) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(word, less)| *word &= !less);
    }

    /// What is in both sets.
    pub fn intersection(&self, other: &AttributeSet) -> AttributeSet {
        AttributeSet(std::array::from_fn(|at| self.0[at] & other.0[at]))
    }

    /// What is in either set.
    pub fn union(&self, other: &AttributeSet) -> AttributeSet {
        AttributeSet(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }

    /// What is in this set and not in `other`.
    pub fn difference(&self, other: &AttributeSet) -> AttributeSet {
        AttributeSet(std::array::from_fn(|at| self.0[at] & !other.0[at]))
    }

    /// The attribute types in the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = AttributeType> + '_ {
        let words = (0u16..).zip(&self.0).filter(|(_, word)| **word != 0);
        words.flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                // Takes the lowest bit away; of nothing, nothing.
                rest &= rest.wrapping_sub(1);
                (bit < u64::BITS).then(|| AttributeType(at * 64 + bit as u16))
            })
        })
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

impl FromIterator<AttributeType> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = AttributeType>>(kinds: I) -> Self {
        let mut set = AttributeSet::EMPTY;
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let mut set: AttributeSet = [AttributeType(3), AttributeType(700)].into_iter().collect();
        assert!(set.contains(AttributeType(3)) && set.contains(AttributeType(700)));
        assert!(!set.contains(AttributeType(4)));
        assert!(set.iter().eq([AttributeType(3), AttributeType(700)]));
        set.remove(AttributeType(3));
        assert!(!set.contains(AttributeType(3)));
        assert!(
            !set.contains(AttributeType(u16::MAX)),
            "past the maximum is never in a set"
        );
    }
}
