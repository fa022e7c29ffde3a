//! BER as LDAP uses it (RFC 4511 section 5.1): definite lengths and tags of one byte.

use bytes::{BufMut, BytesMut};
use thiserror::Error;

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// SEQUENCE and SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;
/// SET and SET OF.
pub const SET: u8 = 0x31;
/// The bit of a tag that says its content is elements.
pub const CONSTRUCTED: u8 = 0x20;

/// The most octets a length may have after its first; the same value with more leading zeros is refused.
const LENGTH_OCTETS_MAX: usize = 4;

/// Bytes that are not BER, not LDAP's subset of it, or not the element that belongs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed BER")]
pub struct Malformed;

/// One element: its tag and what it contains.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag with class and form bits.
    pub tag: u8,
    /// The content octets.
    pub content: &'a [u8],
}

/// Where an element begins and how long its content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The tag with class and form bits.
    pub tag: u8,
    /// Octets of tag and length.
    pub bytes: usize,
    /// Octets of content.
    pub content_bytes: usize,
}

/// Reads the tag and length at the start of `bytes`. `None` means there are not enough bytes to tell.
/// Errors: [`Malformed`] for an indefinite length, a tag of more than one byte or a length of more than
/// four octets.
pub fn header(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let &[tag, first, ref after @ ..] = bytes else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err(Malformed);
    }
    if first < 0x80 {
        return Ok(Some(Header {
            tag,
            bytes: 2,
            content_bytes: usize::from(first),
        }));
    }
    let octets = usize::from(first & 0x7f);
    if octets == 0 || octets > LENGTH_OCTETS_MAX {
        return Err(Malformed);
    }
    let Some(digits) = after.get(..octets) else {
        return Ok(None);
    };
    let content_bytes = digits
        .iter()
        .fold(0, |sum: usize, digit| sum << 8 | usize::from(*digit));
    Ok(Some(Header {
        tag,
        bytes: 2 + octets,
        content_bytes,
    }))
}

/// Reads elements one after the other.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of the elements in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next element. Errors: [`Malformed`], also at the end.
    pub fn element(&mut self) -> Result<Element<'a>, Malformed> {
        let header = header(self.rest)?.ok_or(Malformed)?;
        let after = self.rest.get(header.bytes..).ok_or(Malformed)?;
        let (content, rest) = after.split_at_checked(header.content_bytes).ok_or(Malformed)?;
        self.rest = rest;
        Ok(Element {
            tag: header.tag,
            content,
        })
    }

    /// The content of the next element, which must have this tag. Errors: [`Malformed`].
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let element = self.element()?;
        if element.tag == tag {
            Ok(element.content)
        } else {
            Err(Malformed)
        }
    }

    /// The content of the next element if it has this tag; otherwise nothing is read.
    /// Errors: [`Malformed`] if what follows is no element.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.rest.first() != Some(&tag) {
            return Ok(None);
        }
        self.expect(tag).map(Some)
    }

    /// An INTEGER or ENUMERATED (whichever `tag` says) between 0 and 2^31-1, which is all LDAP has.
    /// Errors: [`Malformed`], also for a value outside.
    pub fn integer(&mut self, tag: u8) -> Result<u32, Malformed> {
        integer(self.expect(tag)?)
    }

    /// A BOOLEAN. Errors: [`Malformed`].
    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        boolean(self.expect(BOOLEAN)?)
    }
}

/// The value of an INTEGER's content, 0 to 2^31-1 (RFC 4511 `maxInt`). Errors: [`Malformed`], also outside.
pub fn integer(content: &[u8]) -> Result<u32, Malformed> {
    let (&first, _) = content.split_first().ok_or(Malformed)?;
    let negative = first & 0x80 != 0;
    let significant = content.iter().skip_while(|octet| **octet == 0);
    if negative || significant.clone().count() > 4 {
        return Err(Malformed);
    }
    let value = significant.fold(0u32, |sum, octet| sum << 8 | u32::from(*octet));
    if value > i32::MAX as u32 {
        Err(Malformed)
    } else {
        Ok(value)
    }
}

/// The value of a BOOLEAN's content; any octet but 0 is true, as BER says. Errors: [`Malformed`].
pub fn boolean(content: &[u8]) -> Result<bool, Malformed> {
    match content {
        [octet] => Ok(*octet != 0),
        _ => Err(Malformed),
    }
}

/// Octets of a whole element with this much content.
pub fn element_bytes(content_bytes: usize) -> usize {
    2 + length_octets(content_bytes) + content_bytes
}

/// Octets of a length after its first.
fn length_octets(length: usize) -> usize {
    if length < 0x80 {
        0
    } else {
        size_of::<usize>() - length.leading_zeros() as usize / 8
    }
}

/// Appends tag and length, the length in its shortest form.
pub fn put_header(out: &mut BytesMut, tag: u8, content_bytes: usize) {
    let octets = length_octets(content_bytes);
    if octets == 0 {
        out.put_slice(&[tag, content_bytes as u8]);
        return;
    }
    out.put_slice(&[tag, 0x80 | octets as u8]);
    let digits = content_bytes.to_be_bytes();
    out.put_slice(digits.get(digits.len() - octets..).unwrap_or(&digits));
}

/// Appends the header of an element, and that of the first element in it.
pub fn put_headers(out: &mut BytesMut, (outer, outer_bytes): (u8, usize), (inner, inner_bytes): (u8, usize)) {
    // Nearly every attribute of an entry is short, and an entry has many.
    if outer_bytes < 0x80 && inner_bytes < 0x80 {
        out.put_slice(&[outer, outer_bytes as u8, inner, inner_bytes as u8]);
        return;
    }
    put_header(out, outer, outer_bytes);
    put_header(out, inner, inner_bytes);
}

/// Appends a whole element.
pub fn put_element(out: &mut BytesMut, tag: u8, content: &[u8]) {
    put_header(out, tag, content.len());
    out.put_slice(content);
}

/// Octets of an INTEGER's content.
pub fn integer_content_bytes(value: u32) -> usize {
    // One bit more than the value needs: the sign.
    (33 - value.leading_zeros() as usize).div_ceil(8)
}

/// Appends an INTEGER or ENUMERATED.
pub fn put_integer(out: &mut BytesMut, tag: u8, value: u32) {
    let bytes = integer_content_bytes(value);
    let digits = u64::from(value).to_be_bytes();
    put_element(out, tag, digits.get(digits.len() - bytes..).unwrap_or(&digits));
}

/// Octets [`put_wide_header`] appends.
pub const WIDE_HEADER_BYTES: usize = 6;

/// Appends a tag and room for a length that is not known yet; [`patch_wide_header`] fills it in.
/// Returns where it stands. The length has always four octets, which BER allows.
pub fn put_wide_header(out: &mut BytesMut, tag: u8) -> usize {
    let at = out.len();
    out.put_slice(&[tag, 0x84, 0, 0, 0, 0]);
    at
}

/// Writes the length of everything appended since [`put_wide_header`] returned `at`.
pub fn patch_wide_header(out: &mut BytesMut, at: usize) {
    let content = out.len().saturating_sub(at + WIDE_HEADER_BYTES);
    // Invariant: the output buffer is cut off long before 4 GiB.
    let digits = u32::try_from(content).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = out.get_mut(at + 2..at + WIDE_HEADER_BYTES) {
        place.copy_from_slice(&digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(put: impl Fn(&mut BytesMut)) -> Vec<u8> {
        let mut out = BytesMut::new();
        put(&mut out);
        out.to_vec()
    }

    #[test]
    fn integers_read_back_as_written_and_only_up_to_2_31() {
        for value in [
            0,
            1,
            127,
            128,
            255,
            256,
            0x7fff,
            0x8000,
            0x7f_ffff,
            0x80_0000,
            0x7fff_ffff,
        ] {
            let bytes = written(|out| put_integer(out, INTEGER, value));
            assert_eq!(Reader::new(&bytes).integer(INTEGER), Ok(value));
            assert_eq!(bytes.len(), element_bytes(integer_content_bytes(value)));
        }
        for wrong in [
            &[][..],
            &[0xff],
            &[0x80],
            &[0x00, 0x80, 0, 0, 0],
            &[1, 0, 0, 0, 0],
        ] {
            assert_eq!(integer(wrong), Err(Malformed));
        }
        assert_eq!(
            integer(&[0, 0, 0, 0, 0, 5]),
            Ok(5),
            "leading zeros are bad taste, not a new number"
        );
    }

    #[test]
    fn lengths_are_definite_and_short_enough() {
        assert_eq!(header(&[0x30]), Ok(None));
        assert_eq!(header(&[0x30, 0x82, 1]), Ok(None));
        assert_eq!(header(&[0x30, 0x82, 1, 0]).unwrap().unwrap().content_bytes, 256);
        assert_eq!(header(&[0x30, 0x80]), Err(Malformed), "indefinite");
        assert_eq!(
            header(&[0x30, 0x85, 0, 0, 0, 0, 1]),
            Err(Malformed),
            "five octets"
        );
        assert_eq!(header(&[0x1f, 0x01]), Err(Malformed), "a tag of two bytes");
    }

    #[test]
    fn elements_are_as_long_as_measured() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let bytes = written(|out| put_element(out, OCTET_STRING, &content));
            assert_eq!(bytes.len(), element_bytes(length));
            assert!(
                Reader::new(&bytes)
                    .expect(OCTET_STRING)
                    .is_ok_and(|read| read == content)
            );
            assert!(Reader::new(&bytes).expect(SEQUENCE).is_err());
            assert!(Reader::new(&bytes[..bytes.len() - 1]).element().is_err());
        }
    }

    #[test]
    fn a_length_can_be_filled_in_later() {
        let bytes = written(|out| {
            let outer = put_wide_header(out, SEQUENCE);
            put_element(out, OCTET_STRING, b"content");
            patch_wide_header(out, outer);
        });
        let inner = Reader::new(&bytes).expect(SEQUENCE).unwrap();
        assert_eq!(Reader::new(inner).expect(OCTET_STRING), Ok(&b"content"[..]));
    }
}
