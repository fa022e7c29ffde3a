//! An entry as the index holds it and a search reads it: views over bytes, nothing allocated.
//!
//! The values of one attribute stand back to back, each as a DER OCTET STRING (`04`, length, bytes):
//! as compact as any other length prefix, and an answer to a search copies the whole run at once.

use crate::domain::schema::{ClassPosition, Schema};
use crate::types::{AttributeType, Dn, NormalDnRef};

/// One attribute of a packed entry.
#[derive(Clone, Copy)]
pub struct AttributeView<'a> {
    /// The attribute type.
    pub kind: AttributeType,
    /// The options as in [`crate::domain::entry::AttributeDescription`].
    pub options: &'a str,
    /// All values back to back, each a DER OCTET STRING. Well-formed: only [`push_value`] writes it.
    pub encoded: &'a [u8],
}

impl<'a> AttributeView<'a> {
    /// The values, one after the other, without their prefixes.
    #[inline]
    pub fn values(&self) -> Values<'a> {
        Values { rest: self.encoded }
    }

    /// The values, each with the position in `encoded` where [`value_at`] finds it again.
    pub fn values_with_offsets(&self) -> impl Iterator<Item = (usize, &'a [u8])> + use<'a> {
        let mut values = self.values();
        let length = self.encoded.len();
        std::iter::from_fn(move || {
            let offset = length - values.rest.len();
            values.next().map(|value| (offset, value))
        })
    }
}

/// The value that begins at `offset` of a run of values; `None` past its end.
pub fn value_at(encoded: &[u8], offset: usize) -> Option<&[u8]> {
    Values {
        rest: encoded.get(offset..)?,
    }
    .next()
}

/// Whatever has attributes that a filter can be asked about or a search can return.
pub trait Attributes {
    /// The attributes; a description occurs once.
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>>;

    /// The entry's name, for the rare filter that looks at its pairs too (RFC 4511 `dnAttributes`). `None` has
    /// such filters look at the attributes alone.
    fn dn(&self) -> Option<Dn> {
        None
    }

    /// Whether the entry's name is `base` or under it; what has no name is nowhere.
    fn is_within(&self, schema: &Schema, base: NormalDnRef<'_>) -> bool {
        let normal = self.dn().and_then(|dn| schema.normal_dn(&dn));
        normal.is_some_and(|normal| normal.as_ref().is_at_or_under(base))
    }

    /// A bit for each of the sets that access rules speak of ([`crate::domain::access::AccessRules::sets`]) that the
    /// entry is in, where that is known without asking their filters. `None`: ask them.
    fn marks(&self) -> Option<u64> {
        None
    }

    /// Whether the entry is of this class or a class below it, where that is known without reading its object
    /// classes. `None`: read them.
    fn has_class(&self, _class: ClassPosition) -> Option<bool> {
        None
    }

    /// Whether an attribute `kind`, with whatever options, has a value with this normal form of its equality
    /// rule, where that is known without reading every value, as of groups with very many members. `None`:
    /// read them.
    fn has_value(&self, _kind: AttributeType, _normal: &[u8]) -> Option<bool> {
        None
    }
}

/// The values of an [`AttributeView`].
#[derive(Clone)]
pub struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (&first, after) = self.rest.get(1..)?.split_first()?;
        let (length, after) = if first < 0x80 {
            (usize::from(first), after)
        } else {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0usize, |sum, digit| sum << 8 | usize::from(*digit)),
                after,
            )
        };
        let (value, rest) = after.split_at_checked(length)?;
        self.rest = rest;
        Some(value)
    }
}

/// Whether `encoded` is what [`push_value`] writes, for one value or more.
pub fn is_well_formed(encoded: &[u8]) -> bool {
    let mut values = Values { rest: encoded };
    while let Some(tag) = values.rest.first() {
        let before = values.rest.len();
        let Some(value) = values.next() else {
            return false;
        };
        let head = before - values.rest.len() - value.len();
        if *tag != 0x04 || head != 1 + length_bytes(value.len()) {
            return false;
        }
    }
    !encoded.is_empty()
}

/// How many bytes [`push_length`] writes.
fn length_bytes(length: usize) -> usize {
    if length < 0x80 {
        return 1;
    }
    let significant_bits = usize::BITS - length.leading_zeros();
    1 + significant_bits.div_ceil(8) as usize
}

/// Appends `value` to `encoded` as a DER OCTET STRING (X.690 section 8.7), length in the shortest form.
pub fn push_value(encoded: &mut Vec<u8>, value: &[u8]) {
    encoded.push(0x04);
    push_length(encoded, value.len());
    encoded.extend_from_slice(value);
}

fn push_length(encoded: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        encoded.push(length as u8);
        return;
    }
    let bytes = length.to_be_bytes();
    let significant = &bytes[length.leading_zeros() as usize / 8..];
    encoded.push(0x80 | significant.len() as u8);
    encoded.extend_from_slice(significant);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were_pushed() {
        let values: Vec<Vec<u8>> = [0, 1, 127, 128, 255, 256, 70_000]
            .map(|length| vec![7; length])
            .into();
        let mut encoded = Vec::new();
        values.iter().for_each(|value| push_value(&mut encoded, value));
        let view = AttributeView {
            kind: AttributeType(0),
            options: "",
            encoded: &encoded,
        };
        assert!(view.values().eq(values.iter().map(Vec::as_slice)));
        for (offset, value) in view.values_with_offsets() {
            assert_eq!(value_at(&encoded, offset), Some(value));
        }
        assert_eq!(value_at(&encoded, encoded.len()), None);
        assert!(is_well_formed(&encoded));
    }

    #[test]
    fn only_whole_values_in_the_shortest_form_are_well_formed() {
        assert!(is_well_formed(b"\x04\x01a\x04\x00"));
        for wrong in [
            &b""[..],
            b"\x04",
            b"\x04\x02a",
            b"\x05\x01a",
            b"\x04\x81\x01a",
            b"\x04\x01a\x04",
            b"\x04\xff",
        ] {
            assert!(!is_well_formed(wrong), "{wrong:?}");
        }
    }
}
