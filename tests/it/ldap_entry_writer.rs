//! Our entry writer against two other codecs.

use std::ops::ControlFlow;

use beadle::directory::request::{EntrySink, FoundEntry};
use beadle::domain::packed::{AttributeView, push_value};
use beadle::ldap::entry_writer::EntryWriter;
use beadle::ldap::envelope::{Frame, frame};
use beadle::ldap::search_request::Values;
use beadle::types::AttributeType;
use bytes::BytesMut;
use ldap3_lber::Parser;
use ldap3_proto::proto::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::ldap_codec::text;

/// An entry to write: its name and attributes, each with options and values.
#[derive(Clone, Debug)]
struct Sample {
    dn: String,
    attributes: Vec<(String, String, Vec<Vec<u8>>)>,
}

struct Found<'a> {
    sample: &'a Sample,
    encoded: Vec<Vec<u8>>,
}

impl<'a> Found<'a> {
    fn of(sample: &'a Sample) -> Found<'a> {
        let encode = |values: &Vec<Vec<u8>>| {
            let mut encoded = Vec::new();
            values.iter().for_each(|value| push_value(&mut encoded, value));
            encoded
        };
        Found {
            sample,
            encoded: sample
                .attributes
                .iter()
                .map(|(_, _, values)| encode(values))
                .collect(),
        }
    }
}

impl FoundEntry for Found<'_> {
    fn dn_len(&self) -> usize {
        self.sample.dn.len()
    }
    fn write_dn(&self, part: &mut dyn FnMut(&[u8])) {
        let (first, second) = self.sample.dn.as_bytes().split_at(self.sample.dn.len() / 2);
        part(first);
        part(second);
    }
    fn name(&self, kind: AttributeType) -> &str {
        &self.sample.attributes[usize::from(kind.0)].0
    }
    fn each_attribute(&self, each: &mut dyn FnMut(AttributeView<'_>)) {
        for (at, (_, options, _)) in self.sample.attributes.iter().enumerate() {
            let kind = AttributeType(u16::try_from(at).expect("few"));
            each(AttributeView {
                kind,
                options,
                encoded: &self.encoded[at],
            });
        }
    }
}

prop_compose! {
    fn samples()(
        dn in "\\PC{0,200}",
        attributes in vec((text(), option::of("[a-z]{1,8}"), vec(vec(any::<u8>(), 0..300), 1..4)), 0..6),
    ) -> Sample {
        let attributes = attributes
            .into_iter()
            .map(|(name, options, values)| (name, options.unwrap_or_default(), values))
            .collect();
        Sample { dn, attributes }
    }
}

fn described(name: &str, options: &str) -> String {
    if options.is_empty() {
        name.to_owned()
    } else {
        format!("{name};{options}")
    }
}

proptest! {
    #[test]
    fn a_written_entry_reads_back_in_two_codecs(sample in samples(), id in 0..i32::MAX, types_only: bool) {
        let values = if types_only { Values::Omitted } else { Values::Included };
        let mut out = BytesMut::new();
        let found = Found::of(&sample);
        prop_assert_eq!(EntryWriter::new(&mut out, id.unsigned_abs(), values).entry(&found), ControlFlow::Continue(()));
        prop_assert_eq!(frame(&out, usize::MAX), Frame::Complete(out.len()));

        let expected = LdapMsg::new(id, LdapOp::SearchResultEntry(LdapSearchResultEntry {
            dn: sample.dn.clone(),
            attributes: sample.attributes.iter().map(|(name, options, values)| LdapPartialAttribute {
                atype: described(name, options),
                vals: if types_only { Vec::new() } else { values.clone() },
            }).collect(),
        }));
        let (rest, tag) = Parser::default().parse(&out).expect("well-formed");
        prop_assert!(rest.is_empty());
        prop_assert_eq!(LdapMsg::try_from(tag).expect("an LDAP message"), expected);

        let message: rasn_ldap::LdapMessage = rasn::ber::decode(&out).expect("an LDAP message");
        let rasn_ldap::ProtocolOp::SearchResEntry(entry) = message.protocol_op else { panic!("an entry") };
        prop_assert_eq!(entry.object_name.0, sample.dn);
        prop_assert_eq!(entry.attributes.len(), sample.attributes.len());
    }
}

#[test]
fn an_answer_that_grows_past_the_mark_pauses_the_search() {
    let sample = Sample {
        dn: "uid=ada".to_owned(),
        attributes: vec![("jpegPhoto".to_owned(), String::new(), vec![vec![7; 40_000]])],
    };
    let found = Found::of(&sample);
    let mut out = BytesMut::new();
    let mut writer = EntryWriter::new(&mut out, 1, Values::Included);
    assert_eq!(writer.entry(&found), ControlFlow::Continue(()));
    assert_eq!(writer.entry(&found), ControlFlow::Break(()));
    assert_eq!(writer.written(), 2, "Break means taken");
}
