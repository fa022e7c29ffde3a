//! An entry in a snapshot.

use super::blob::{BlobAttributes, Parts};
use super::quarantine::Orphan;
use super::terms::normal_value;
use super::{Slot, Snapshot};
use crate::domain::packed::{AttributeView, Attributes};
use crate::domain::schema::{ClassPosition, Schema};
use crate::record::Revision;
use crate::record::entry::{StoredAttribute, StoredAttributeView, StoredEntry};
use crate::types::normal_dn::RDN_END;
use crate::types::{AttributeType, Dn, EntryId, NormalDn, NormalDnRef};

/// A borrowed entry of a [`Snapshot`]. What `attributes` yields is as stored: computed attributes are not in it.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) slot: Slot,
    pub(super) id: EntryId,
    pub(super) parent: Slot,
    pub(super) parts: Parts<'a>,
}

impl<'a> EntryRef<'a> {
    /// The entry's stable id.
    #[inline]
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The commit that last wrote it.
    pub fn revision(&self) -> Revision {
        self.snapshot.revision_of(self.slot)
    }

    /// Its position in this snapshot.
    #[inline]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// The snapshot it is in.
    pub fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Its RDN as it was given (RFC 4514); of a topmost entry its whole DN.
    pub fn name(&self) -> &'a str {
        self.parts.text()
    }

    /// The normal form of [`EntryRef::name`].
    pub fn normal_name(&self) -> NormalDnRef<'a> {
        NormalDnRef::from_bytes(self.parts.normal)
    }

    /// The entry above it; `None` for a topmost one.
    pub fn parent(&self) -> Option<EntryRef<'a>> {
        self.snapshot.entry(self.parent)
    }

    /// The entry as it waits for another parent.
    pub(super) fn orphaned(&self) -> Orphan {
        Orphan {
            revision: self.revision(),
            blob: self.parts.unshared(),
        }
    }

    #[inline]
    pub(super) fn parent_slot(&self) -> Slot {
        self.parent
    }

    /// Whether it is `base` or somewhere below.
    #[inline]
    pub fn is_within(&self, base: Slot) -> bool {
        self.slot == base || self.is_below(base)
    }

    /// Whether it is somewhere below `base`.
    #[inline]
    pub fn is_below(&self, base: Slot) -> bool {
        let mut above = self.parent;
        while above != Slot::NONE && above != base {
            above = self.snapshot.parent_of(above);
        }
        above == base
    }

    /// Whether it is a child of `base`.
    #[inline]
    pub fn is_child_of(&self, base: Slot) -> bool {
        self.parent == base
    }

    /// A bit for each set of [`super::Builder::new`] that it is in; `None`: none is marked.
    #[inline]
    pub fn marks(&self) -> Option<u64> {
        self.snapshot.marks_of(self.slot)
    }

    /// Whether its name is `base` or under it. Allocates nothing.
    pub fn is_named_within(&self, base: NormalDnRef<'_>) -> bool {
        let above = || std::iter::successors(Some(*self), EntryRef::parent);
        let length: usize = above().map(|entry| entry.parts.normal.len()).sum();
        let Some(before) = length.checked_sub(base.as_bytes().len()) else {
            return false;
        };
        // What is in front of `base` ends where an RDN ends, and the rest is compared part by part.
        let (mut front, mut rest) = (before, Some(base.as_bytes()));
        for entry in above() {
            let (passed, compared) = entry.parts.normal.split_at(front.min(entry.parts.normal.len()));
            if !passed.is_empty() && !passed.ends_with(RDN_END) {
                return false;
            }
            front -= passed.len();
            rest = rest.and_then(|rest| rest.strip_prefix(compared));
        }
        rest == Some(&[])
    }

    /// Hands its DN as text to `part`, piece by piece.
    pub fn write_dn(&self, part: &mut dyn FnMut(&[u8])) {
        part(self.parts.name);
        let mut above = self.parent();
        while let Some(entry) = above {
            part(b",");
            part(entry.parts.name);
            above = entry.parent();
        }
    }

    /// The length in bytes of its DN as text.
    pub fn dn_len(&self) -> usize {
        let mut length = 0;
        self.write_dn(&mut |part| length += part.len());
        length
    }

    /// Its DN as text.
    pub fn dn_text(&self) -> String {
        let mut text = Vec::with_capacity(self.dn_len());
        self.write_dn(&mut |part| text.extend_from_slice(part));
        String::from_utf8(text).unwrap_or_default()
    }

    /// Its DN. A stored name that is none (which nothing writes) gives the empty one.
    pub fn dn(&self) -> Dn {
        Dn::parse(&self.dn_text()).unwrap_or_default()
    }

    /// The normal form of its DN, as [`crate::domain::schema::Schema::normal_dn`] gives it.
    pub fn normal_dn(&self) -> NormalDn {
        let mut normal = self.parts.normal.to_vec();
        let mut above = self.parent();
        while let Some(entry) = above {
            normal.extend_from_slice(entry.parts.normal);
            above = entry.parent();
        }
        NormalDn::from_rdns(normal)
    }

    /// The stored attributes, each description once.
    #[inline]
    pub fn packed(&self) -> BlobAttributes<'a> {
        self.parts.attributes()
    }

    /// The stored attributes that the schema does not have.
    pub fn unknown(&self) -> impl Iterator<Item = StoredAttributeView<'a>> + use<'a> {
        self.parts.unknown()
    }

    /// The entry as its record holds it, with nothing lost: what to change and write back.
    /// `None` if its name is none, which nothing writes.
    pub fn to_stored(&self, schema: &Schema) -> Option<StoredEntry> {
        let known = self.packed().map(|attribute| StoredAttribute {
            name: schema.name(attribute.kind).into(),
            options: attribute.options.into(),
            encoded: attribute.encoded.to_vec(),
        });
        let unknown = self.unknown().map(|attribute| StoredAttribute {
            name: attribute.name.into(),
            options: attribute.options.into(),
            encoded: attribute.encoded.to_vec(),
        });
        Some(StoredEntry {
            id: self.id,
            parent: self.parent().map(|parent| parent.id()),
            rdn: Dn::parse(self.name()).ok()?.rdns.into_iter().next()?,
            attributes: known.chain(unknown).collect(),
        })
    }

    /// The stored attribute of this kind without options.
    #[inline]
    pub fn attribute(&self, kind: AttributeType) -> Option<AttributeView<'a>> {
        self.packed()
            .find(|attribute| attribute.kind == kind && attribute.options.is_empty())
    }

    /// Whether one of its values of `kind` has this normal form: reads them all.
    pub(super) fn holds(&self, kind: AttributeType, normal: &[u8], schema: &Schema) -> bool {
        let mut runs = self.packed().filter(|attribute| attribute.kind == kind);
        let is = |value| normal_value(schema, kind, value).as_deref() == Some(normal);
        runs.any(|run| run.values().any(is))
    }

    /// The first stored value of this kind without options.
    pub fn first_value(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.attribute(kind)?.values().next()
    }

    /// Whether the entry is of this class or a class below it; `None` if its object classes must be read to tell.
    #[inline]
    pub fn has_class(&self, class: ClassPosition) -> Option<bool> {
        Some(self.parts.classes()?.contains(&class))
    }
}

impl Attributes for EntryRef<'_> {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.packed()
    }

    fn dn(&self) -> Option<Dn> {
        Some(EntryRef::dn(self))
    }

    fn marks(&self) -> Option<u64> {
        EntryRef::marks(self)
    }

    fn is_within(&self, _schema: &Schema, base: NormalDnRef<'_>) -> bool {
        self.is_named_within(base)
    }

    fn has_class(&self, class: ClassPosition) -> Option<bool> {
        EntryRef::has_class(self, class)
    }
}
