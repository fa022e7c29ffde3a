//! Who is in which group: one posting a member value, with the place of the value in its entry.
//!
//! A group of ten thousand members is asked about one of them without reading the others: the posting
//! leads to the one value that must be verified.

use super::Slot;

/// One value of a membership attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    /// Of the value's normal form.
    pub hash: u32,
    /// The entry that has the value.
    pub slot: Slot,
    /// Where the value begins among all values of the attribute: the position of its octet string's tag.
    pub offset: u32,
}

/// The values of one attribute that groups have very many of, by hash. Twelve bytes a value.
#[derive(Default)]
pub(super) struct MembershipColumn {
    postings: Box<[Posting]>,
}

impl MembershipColumn {
    /// Builds from postings in any order.
    pub(super) fn build(mut postings: Vec<Posting>) -> MembershipColumn {
        postings.sort_unstable();
        MembershipColumn {
            postings: postings.into(),
        }
    }

    /// The values with this hash, ascending by slot.
    pub(super) fn find(&self, hash: u32) -> &[Posting] {
        let start = self.postings.partition_point(|posting| posting.hash < hash);
        let rest = self.postings.get(start..).unwrap_or_default();
        let length = rest.partition_point(|posting| posting.hash == hash);
        rest.get(..length).unwrap_or_default()
    }

    /// Those of them in the entry at `slot`: found without a look at the others, of whom there may be thousands.
    pub(super) fn find_in(&self, hash: u32, slot: Slot) -> &[Posting] {
        let all = self.find(hash);
        let start = all.partition_point(|posting| posting.slot < slot);
        let rest = all.get(start..).unwrap_or_default();
        let length = rest.partition_point(|posting| posting.slot == slot);
        rest.get(..length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_leads_to_all_its_values() {
        let posting = |hash, slot, offset| Posting {
            hash,
            slot: Slot(slot),
            offset,
        };
        let column = MembershipColumn::build(vec![posting(9, 2, 0), posting(5, 1, 40), posting(9, 1, 8)]);
        assert_eq!(column.find(9), [posting(9, 1, 8), posting(9, 2, 0)]);
        assert_eq!(column.find(5), [posting(5, 1, 40)]);
        assert_eq!(column.find(7), []);
        assert_eq!(column.find_in(9, Slot(2)), [posting(9, 2, 0)]);
        assert_eq!(column.find_in(9, Slot(3)), []);
    }
}
