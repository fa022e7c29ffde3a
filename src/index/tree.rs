//! Who is below whom: the children of each slot, back to back.

use super::Slot;

/// The children of every parent, as one list sorted by parent. Four bytes an entry.
#[derive(Default)]
pub(super) struct Children {
    /// Those that have children, ascending; [`Slot::NONE`] stands above the topmost entries.
    parents: Box<[Slot]>,
    /// Where each parent's children start, and one more for the end.
    starts: Box<[u32]>,
    children: Box<[Slot]>,
}

impl Children {
    /// Builds from the parent of each slot.
    pub(super) fn build(parents: impl Iterator<Item = Slot>) -> Children {
        let mut pairs: Vec<(Slot, Slot)> = parents.zip((0..).map(Slot)).collect();
        pairs.sort_unstable();
        let mut tree = (Vec::new(), Vec::new());
        for (at, (parent, _)) in pairs.iter().enumerate() {
            if tree.0.last() != Some(parent) {
                tree.0.push(*parent);
                tree.1.push(at as u32);
            }
        }
        tree.1.push(pairs.len() as u32);
        Children {
            parents: tree.0.into(),
            starts: tree.1.into(),
            children: pairs.into_iter().map(|(_, child)| child).collect(),
        }
    }

    /// Every parent with its children, both ascending.
    pub(super) fn families(&self) -> impl Iterator<Item = (Slot, &[Slot])> {
        let ends = self.starts.iter().zip(self.starts.iter().skip(1));
        self.parents.iter().zip(ends).map(|(parent, (start, end))| {
            let children = self.children.get(*start as usize..*end as usize);
            (*parent, children.unwrap_or_default())
        })
    }

    /// The children of `parent`, ascending.
    pub(super) fn of(&self, parent: Slot) -> &[Slot] {
        let Ok(at) = self.parents.binary_search(&parent) else {
            return &[];
        };
        let (Some(&start), Some(&end)) = (self.starts.get(at), self.starts.get(at + 1)) else {
            return &[];
        };
        self.children
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_listed_by_parent() {
        let children = Children::build([Slot::NONE, Slot(0), Slot(1), Slot(0), Slot(1)].into_iter());
        assert_eq!(children.of(Slot::NONE), [Slot(0)]);
        assert_eq!(children.of(Slot(0)), [Slot(1), Slot(3)]);
        assert_eq!(children.of(Slot(1)), [Slot(2), Slot(4)]);
        assert_eq!(children.of(Slot(2)), []);
        assert_eq!(Children::build([].into_iter()).of(Slot::NONE), []);
    }
}
