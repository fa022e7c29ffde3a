//! One entry in one run of bytes:
//!
//! ```text
//! name      length, text (RFC 4514) of the RDN as it was given; of a topmost entry its whole DN
//! normal    length, the name's normal form
//! count     number of attributes
//! attribute kind and flags (2 bytes, little-endian), options (length, text) if flagged,
//!           then the number of a shared run if flagged, else length and run of values
//! count     number of attributes the schema does not have
//! unknown   name, options, run of values, each with its length in front
//! ```
//! Lengths, counts and numbers are [`super::varint`]s.

use super::pool::Pool;
use super::shared::Shared;
use super::varint;
use crate::domain::packed::AttributeView;
use crate::domain::schema::{ClassPosition, OBJECT_CLASS};
use crate::record::entry::StoredAttributeView;
use crate::types::AttributeType;

/// Set in an attribute's first two bytes: the run is in the pool.
const SHARED: u16 = 1 << 15;
/// Set in an attribute's first two bytes: options follow.
const OPTIONS: u16 = 1 << 14;
/// The bits of the attribute type; [`crate::types::attribute::ATTRIBUTE_TYPES_MAX`] fits.
const KIND: u16 = OPTIONS - 1;

/// What an entry is packed from.
#[derive(Clone, Copy)]
pub(super) struct Loose<'v> {
    pub name: &'v str,
    pub normal: &'v [u8],
    pub known: &'v [AttributeView<'v>],
    pub unknown: &'v [StoredAttributeView<'v>],
}

/// Appends an entry to `blob`. `share` may give a number for a run it keeps elsewhere.
pub(super) fn push(
    blob: &mut Vec<u8>,
    entry: Loose<'_>,
    mut share: impl FnMut(AttributeType, &[u8]) -> Option<u32>,
) {
    push_bytes(blob, entry.name.as_bytes());
    push_bytes(blob, entry.normal);
    varint::push(blob, entry.known.len() as u32);
    for attribute in entry.known {
        push_attribute(blob, *attribute, share(attribute.kind, attribute.encoded));
    }
    varint::push(blob, entry.unknown.len() as u32);
    for attribute in entry.unknown {
        push_bytes(blob, attribute.name.as_bytes());
        push_bytes(blob, attribute.options.as_bytes());
        push_bytes(blob, attribute.encoded);
    }
}

fn push_attribute(blob: &mut Vec<u8>, attribute: AttributeView<'_>, number: Option<u32>) {
    let options = if attribute.options.is_empty() { 0 } else { OPTIONS };
    let shared = if number.is_some() { SHARED } else { 0 };
    blob.extend_from_slice(&(attribute.kind.0 & KIND | options | shared).to_le_bytes());
    if options != 0 {
        push_bytes(blob, attribute.options.as_bytes());
    }
    match number {
        Some(number) => varint::push(blob, number),
        None => push_bytes(blob, attribute.encoded),
    }
}

fn push_bytes(blob: &mut Vec<u8>, bytes: &[u8]) {
    varint::push(blob, bytes.len() as u32);
    blob.extend_from_slice(bytes);
}

/// An entry's parts, borrowed. What follows it in `blob` is not looked at.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    /// The name as it was given, which is text.
    pub name: &'a [u8],
    /// The name's normal form.
    pub normal: &'a [u8],
    attributes: &'a [u8],
    shared: &'a Shared,
}

/// Takes an entry apart that was packed with what is in `shared`. Only [`push`] writes blobs, so what does not
/// parse reads as an empty entry.
#[inline]
pub(super) fn parts<'a>(mut blob: &'a [u8], shared: &'a Shared) -> Parts<'a> {
    let name = take_bytes(&mut blob).unwrap_or_default();
    let normal = take_bytes(&mut blob).unwrap_or_default();
    Parts {
        name,
        normal,
        attributes: blob,
        shared,
    }
}

impl<'a> Parts<'a> {
    /// The name as text.
    pub(super) fn text(&self) -> &'a str {
        std::str::from_utf8(self.name).unwrap_or_default()
    }

    /// The attributes, in the order they were pushed.
    #[inline]
    pub(super) fn attributes(&self) -> BlobAttributes<'a> {
        let pool = &self.shared.pool;
        let mut rest = self.attributes;
        let left = varint::take(&mut rest).unwrap_or(0);
        BlobAttributes { rest, left, pool }
    }

    /// The same entry in a blob that needs no shared runs.
    pub(super) fn unshared(&self) -> Box<[u8]> {
        let (known, unknown): (Vec<_>, Vec<_>) = (self.attributes().collect(), self.unknown().collect());
        let entry = Loose {
            name: self.text(),
            normal: self.normal,
            known: &known,
            unknown: &unknown,
        };
        let mut blob = Vec::new();
        push(&mut blob, entry, |_, _| None);
        blob.into()
    }

    /// The entry's object classes and all above them; `None` if they must be read to tell.
    #[inline]
    pub(super) fn classes(&self) -> Option<&'a [ClassPosition]> {
        self.shared.classes(self.shared_run(OBJECT_CLASS)?)
    }

    /// The number of the shared run that is the attribute `kind`; `None` if the entry holds it itself, with
    /// options, or not at all.
    #[inline]
    fn shared_run(&self, kind: AttributeType) -> Option<u32> {
        let mut rest = self.attributes;
        for _ in 0..varint::take(&mut rest)? {
            let (head, after) = rest.split_first_chunk::<2>()?;
            let head = u16::from_le_bytes(*head);
            rest = after;
            if head & KIND == kind.0 {
                return (head & (SHARED | OPTIONS) == SHARED).then(|| varint::take(&mut rest))?;
            }
            if head & OPTIONS != 0 {
                take_bytes(&mut rest)?;
            }
            match head & SHARED {
                0 => drop(take_bytes(&mut rest)?),
                _ => drop(varint::take(&mut rest)?),
            }
        }
        None
    }

    /// The attributes the schema does not have, in the order they were pushed.
    pub(super) fn unknown(&self) -> impl Iterator<Item = StoredAttributeView<'a>> + use<'a> {
        let mut known = self.attributes();
        known.by_ref().for_each(drop);
        let mut rest = known.rest;
        let count = varint::take(&mut rest).unwrap_or(0);
        (0..count).map_while(move |_| {
            Some(StoredAttributeView {
                name: take_text(&mut rest)?,
                coded: None,
                options: take_text(&mut rest)?,
                encoded: take_bytes(&mut rest)?,
            })
        })
    }
}

/// The attributes of a packed entry, one after the other.
#[derive(Clone)]
pub struct BlobAttributes<'a> {
    rest: &'a [u8],
    left: u32,
    pool: &'a Pool,
}

impl<'a> Iterator for BlobAttributes<'a> {
    type Item = AttributeView<'a>;

    #[inline]
    fn next(&mut self) -> Option<AttributeView<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (head, rest) = self.rest.split_first_chunk::<2>()?;
        self.rest = rest;
        let head = u16::from_le_bytes(*head);
        let options = match head & OPTIONS {
            0 => "",
            _ => take_text(&mut self.rest)?,
        };
        let encoded = match head & SHARED {
            0 => take_bytes(&mut self.rest)?,
            _ => self.pool.run(varint::take(&mut self.rest)?),
        };
        Some(AttributeView {
            kind: AttributeType(head & KIND),
            options,
            encoded,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for BlobAttributes<'_> {}

#[inline]
fn take_bytes<'a>(blob: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = varint::take(blob)? as usize;
    let (bytes, rest) = blob.split_at_checked(length)?;
    *blob = rest;
    Some(bytes)
}

fn take_text<'a>(blob: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(blob)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;
    use crate::index::shared::SharedBuilder;

    fn view<'a>(kind: u16, options: &'a str, encoded: &'a [u8]) -> AttributeView<'a> {
        AttributeView {
            kind: AttributeType(kind),
            options,
            encoded,
        }
    }

    #[test]
    fn an_entry_comes_back_as_it_was_pushed() {
        let attributes = [
            view(3, "", b"\x04\x03ada"),
            view(1000, "lang-en", b"\x04\x0bEngineering"),
            view(7, "", b"\x04\x08Medicine"),
        ];
        let mut shared = SharedBuilder::default();
        let mut blob = Vec::new();
        let unknown = StoredAttributeView {
            name: "gone",
            coded: None,
            options: "x",
            encoded: b"\x04\x01a",
        };
        let entry = Loose {
            name: "uid=ada",
            normal: b"N",
            known: &attributes,
            unknown: &[unknown],
        };
        push(&mut blob, entry, |kind, run| shared.number(kind, run));
        blob.extend_from_slice(b"the next entry");
        let shared = shared.finish(&SCHEMA);
        let parts = parts(&blob, &shared);
        assert_eq!((parts.text(), parts.normal), ("uid=ada", &b"N"[..]));
        let lost: Vec<_> = parts.unknown().collect();
        assert_eq!(lost.len(), 1);
        assert_eq!(
            (lost[0].name, lost[0].options, lost[0].encoded),
            ("gone", "x", &b"\x04\x01a"[..])
        );
        let found: Vec<_> = parts.attributes().collect();
        assert_eq!(found.len(), 3);
        let shared = [3, 1000, 7, 9].map(|kind| parts.shared_run(AttributeType(kind)).is_some());
        assert_eq!(shared, [false, false, true, false]);
        for (found, given) in found.iter().zip(attributes) {
            assert_eq!(
                (found.kind, found.options, found.encoded),
                (given.kind, given.options, given.encoded)
            );
        }
    }

    #[test]
    fn what_is_no_entry_reads_as_an_empty_one() {
        for bytes in [&b""[..], b"\x7fshort", b"\x00\x00\x05\x01"] {
            assert_eq!(parts(bytes, Shared::nothing()).attributes().count(), 0);
        }
    }
}
