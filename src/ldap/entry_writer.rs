//! SearchResultEntry (RFC 4511 section 4.5.2) straight into the output buffer: nothing is allocated per
//! entry or attribute, and all values of an attribute are copied at once.

use std::ops::ControlFlow;

use bytes::{BufMut, BytesMut};

use crate::directory::request::{EntrySink, FoundEntry};
use crate::domain::packed::AttributeView;
use crate::ldap::ber;
use crate::ldap::envelope::MessageId;
use crate::ldap::operation::SEARCH_RESULT_ENTRY;
use crate::ldap::search_request::Values;

/// How many bytes of answers are collected before a search pauses to have them written.
pub const OUTPUT_MARK_BYTES: usize = 64 * 1024;

/// Writes the entries of one search. Says `Break` as soon as the output holds [`OUTPUT_MARK_BYTES`].
pub struct EntryWriter<'a> {
    out: &'a mut BytesMut,
    id: MessageId,
    values: Values,
    written: u64,
}

impl<'a> EntryWriter<'a> {
    /// A writer of answers to message `id`, appending to `out`.
    pub fn new(out: &'a mut BytesMut, id: MessageId, values: Values) -> EntryWriter<'a> {
        EntryWriter {
            out,
            id,
            values,
            written: 0,
        }
    }

    /// How many entries it has written.
    pub fn written(&self) -> u64 {
        self.written
    }
}

impl EntrySink for EntryWriter<'_> {
    fn entry(&mut self, entry: &dyn FoundEntry) -> ControlFlow<()> {
        let out = &mut *self.out;
        let message = ber::put_wide_header(out, ber::SEQUENCE);
        ber::put_integer(out, ber::INTEGER, self.id);
        let operation = ber::put_wide_header(out, SEARCH_RESULT_ENTRY);
        ber::put_header(out, ber::OCTET_STRING, entry.dn_len());
        entry.write_dn(&mut |part| out.put_slice(part));
        let attributes = ber::put_wide_header(out, ber::SEQUENCE);
        entry.each_attribute(&mut |view| put_attribute(out, entry.name(view.kind), view, self.values));
        [attributes, operation, message]
            .into_iter()
            .for_each(|at| ber::patch_wide_header(out, at));
        self.written += 1;
        if self.out.len() < OUTPUT_MARK_BYTES {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

/// Appends one PartialAttribute.
fn put_attribute(out: &mut BytesMut, name: &str, view: AttributeView<'_>, values: Values) {
    let encoded = match values {
        Values::Included => view.encoded,
        Values::Omitted => &[],
    };
    let options = if view.options.is_empty() {
        0
    } else {
        1 + view.options.len()
    };
    let description = name.len() + options;
    let content = ber::element_bytes(description) + ber::element_bytes(encoded.len());
    ber::put_headers(out, (ber::SEQUENCE, content), (ber::OCTET_STRING, description));
    out.put_slice(name.as_bytes());
    if options != 0 {
        out.put_u8(b';');
        out.put_slice(view.options.as_bytes());
    }
    ber::put_element(out, ber::SET, encoded);
}
