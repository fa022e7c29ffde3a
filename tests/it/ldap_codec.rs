//! Our search decoder against two other codecs, wherever those accept.

use beadle::directory::request::Scope;
use beadle::domain::filter::DnAttributes;
use beadle::ldap::envelope::{Frame, Message, frame};
use beadle::ldap::filter_decoder::{BuildFilter, Extensible, Substrings};
use beadle::ldap::limits::Limits;
use beadle::ldap::operation::Operation;
use beadle::ldap::search_request::{self, SearchRequest, Values};
use bytes::BytesMut;
use ldap3_lber::Parser;
use ldap3_proto::proto::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A filter as it was decoded, nothing resolved.
#[derive(Clone, Debug, PartialEq)]
enum Ast {
    And(Vec<Ast>),
    Or(Vec<Ast>),
    Not(Box<Ast>),
    Undefined,
    /// The kind of item, the description, the value.
    Item(&'static str, Vec<u8>, Vec<u8>),
    Substrings(Vec<u8>, Option<Vec<u8>>, Vec<Vec<u8>>, Option<Vec<u8>>),
    Extensible(Option<Vec<u8>>, Option<Vec<u8>>, Vec<u8>, bool),
}

struct Build;

fn item(kind: &'static str, description: &[u8], value: &[u8]) -> Ast {
    Ast::Item(kind, description.to_vec(), value.to_vec())
}

impl BuildFilter for Build {
    type Filter = Ast;
    fn and(&self, parts: Vec<Ast>) -> Ast {
        Ast::And(parts)
    }
    fn or(&self, parts: Vec<Ast>) -> Ast {
        Ast::Or(parts)
    }
    fn not(&self, part: Ast) -> Ast {
        Ast::Not(Box::new(part))
    }
    fn undefined(&self) -> Ast {
        Ast::Undefined
    }
    fn equality(&self, description: &[u8], value: &[u8]) -> Ast {
        item("=", description, value)
    }
    fn greater_or_equal(&self, description: &[u8], value: &[u8]) -> Ast {
        item(">=", description, value)
    }
    fn less_or_equal(&self, description: &[u8], value: &[u8]) -> Ast {
        item("<=", description, value)
    }
    fn approximate(&self, description: &[u8], value: &[u8]) -> Ast {
        item("~=", description, value)
    }
    fn present(&self, description: &[u8]) -> Ast {
        item("=*", description, b"")
    }
    fn substrings(&self, description: &[u8], parts: &Substrings<'_>) -> Ast {
        Ast::Substrings(
            description.to_vec(),
            parts.initial.map(<[u8]>::to_vec),
            parts.any.iter().map(|any| any.to_vec()).collect(),
            parts.last.map(<[u8]>::to_vec),
        )
    }
    fn extensible(&self, parts: &Extensible<'_>) -> Ast {
        Ast::Extensible(
            parts.rule.map(<[u8]>::to_vec),
            parts.description.map(<[u8]>::to_vec),
            parts.value.to_vec(),
            parts.dn == DnAttributes::Included,
        )
    }
}

/// A whole search as every codec can tell it.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    base: Vec<u8>,
    scope: u8,
    limits: (u32, u32),
    types_only: bool,
    filter: Ast,
    attributes: Vec<Vec<u8>>,
}

fn ours(bytes: &[u8]) -> Option<Told> {
    let message = Message::parse(bytes, &Limits::default().authenticated).ok()?;
    assert_eq!(message.operation, Operation::Search);
    let request: SearchRequest<'_, Ast> = search_request::decode(message.body, &Build).ok()?;
    let mut reader = beadle::ldap::ber::Reader::new(request.attributes);
    let mut attributes = Vec::new();
    while !reader.is_empty() {
        attributes.push(reader.expect(0x04).ok()?.to_vec());
    }
    Some(Told {
        base: request.base.to_vec(),
        scope: match request.scope {
            Scope::Base => 0,
            Scope::One => 1,
            Scope::Subtree => 2,
            Scope::Subordinate => 3,
        },
        limits: (request.size_limit, request.time_limit_s),
        types_only: request.values == Values::Omitted,
        filter: request.filter,
        attributes,
    })
}

fn ldap3_filter(filter: LdapFilter) -> Ast {
    let of = |text: String| text.into_bytes();
    match filter {
        LdapFilter::And(parts) => Ast::And(parts.into_iter().map(ldap3_filter).collect()),
        LdapFilter::Or(parts) => Ast::Or(parts.into_iter().map(ldap3_filter).collect()),
        LdapFilter::Not(part) => Ast::Not(Box::new(ldap3_filter(*part))),
        LdapFilter::Equality(name, value) => Ast::Item("=", of(name), of(value)),
        LdapFilter::GreaterOrEqual(name, value) => Ast::Item(">=", of(name), of(value)),
        LdapFilter::LessOrEqual(name, value) => Ast::Item("<=", of(name), of(value)),
        LdapFilter::Approx(name, value) => Ast::Item("~=", of(name), of(value)),
        LdapFilter::Present(name) => Ast::Item("=*", of(name), Vec::new()),
        LdapFilter::Substring(name, parts) => Ast::Substrings(
            of(name),
            parts.initial.map(of),
            parts.any.into_iter().map(of).collect(),
            parts.final_.map(of),
        ),
        LdapFilter::Extensible(parts) => Ast::Extensible(
            parts.matching_rule.map(of),
            parts.type_.map(of),
            of(parts.match_value),
            parts.dn_attributes,
        ),
    }
}

fn ldap3(bytes: &[u8]) -> Option<Told> {
    let (_, tag) = Parser::default().parse(bytes).ok()?;
    let LdapOp::SearchRequest(request) = LdapMsg::try_from(tag).ok()?.op else {
        return None;
    };
    Some(Told {
        base: request.base.into_bytes(),
        scope: request.scope as u8,
        limits: (
            u32::try_from(request.sizelimit).ok()?,
            u32::try_from(request.timelimit).ok()?,
        ),
        types_only: request.typesonly,
        filter: ldap3_filter(request.filter),
        attributes: request.attrs.into_iter().map(String::into_bytes).collect(),
    })
}

fn rasn_filter(filter: rasn_ldap::Filter) -> Ast {
    use rasn_ldap::{Filter, SubstringChoice};
    let item = |kind, parts: rasn_ldap::AttributeValueAssertion| {
        Ast::Item(
            kind,
            parts.attribute_desc.0.into_bytes(),
            parts.assertion_value.to_vec(),
        )
    };
    match filter {
        Filter::And(parts) => Ast::And(parts.to_vec().into_iter().cloned().map(rasn_filter).collect()),
        Filter::Or(parts) => Ast::Or(parts.to_vec().into_iter().cloned().map(rasn_filter).collect()),
        Filter::Not(part) => Ast::Not(Box::new(rasn_filter(*part))),
        Filter::EqualityMatch(parts) => item("=", parts),
        Filter::GreaterOrEqual(parts) => item(">=", parts),
        Filter::LessOrEqual(parts) => item("<=", parts),
        Filter::ApproxMatch(parts) => item("~=", parts),
        Filter::Present(name) => Ast::Item("=*", name.0.into_bytes(), Vec::new()),
        Filter::Substrings(parts) => {
            let (mut initial, mut any, mut last) = (None, Vec::new(), None);
            for piece in parts.substrings {
                match piece {
                    SubstringChoice::Initial(value) => initial = Some(value.to_vec()),
                    SubstringChoice::Any(value) => any.push(value.to_vec()),
                    SubstringChoice::Final(value) => last = Some(value.to_vec()),
                    _ => {}
                }
            }
            Ast::Substrings(parts.r#type.0.into_bytes(), initial, any, last)
        }
        Filter::ExtensibleMatch(parts) => Ast::Extensible(
            parts.matching_rule.map(|rule| rule.0.into_bytes()),
            parts.r#type.map(|name| name.0.into_bytes()),
            parts.match_value.to_vec(),
            parts.dn_attributes,
        ),
        _ => Ast::Undefined,
    }
}

fn rasn(bytes: &[u8]) -> Option<Told> {
    let message: rasn_ldap::LdapMessage = rasn::ber::decode(bytes).ok()?;
    let rasn_ldap::ProtocolOp::SearchRequest(request) = message.protocol_op else {
        return None;
    };
    Some(Told {
        base: request.base_object.0.into_bytes(),
        scope: request.scope as u8,
        limits: (request.size_limit, request.time_limit),
        types_only: request.types_only,
        filter: rasn_filter(request.filter),
        attributes: request
            .attributes
            .into_iter()
            .map(|name| name.0.into_bytes())
            .collect(),
    })
}

/// Whether a set in it holds more than one element: rasn keeps sets in an order of its own.
fn order_matters(filter: &Ast) -> bool {
    match filter {
        Ast::And(parts) | Ast::Or(parts) => parts.len() > 1 || parts.iter().any(order_matters),
        Ast::Not(part) => order_matters(part),
        _ => false,
    }
}

/// Names and values, plain, odd, numeric and long.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z][a-zA-Z0-9;-]{0,12}",
        "\\PC{0,12}",
        Just("1.3.6.1".to_owned()),
        "[a-z]{120,140}"
    ]
}

fn filters() -> impl Strategy<Value = LdapFilter> {
    let leaf = prop_oneof![
        (text(), text()).prop_map(|(name, value)| LdapFilter::Equality(name, value)),
        (text(), text()).prop_map(|(name, value)| LdapFilter::GreaterOrEqual(name, value)),
        (text(), text()).prop_map(|(name, value)| LdapFilter::LessOrEqual(name, value)),
        (text(), text()).prop_map(|(name, value)| LdapFilter::Approx(name, value)),
        text().prop_map(LdapFilter::Present),
        (text(), option::of(text()), vec(text(), 1..3), option::of(text())).prop_map(
            |(name, initial, any, final_)| {
                LdapFilter::Substring(name, LdapSubstringFilter { initial, any, final_ })
            }
        ),
        (option::of(text()), text(), text(), any::<bool>()).prop_map(
            |(matching_rule, name, match_value, dn_attributes)| {
                let type_ = Some(name);
                LdapFilter::Extensible(LdapMatchingRuleAssertion {
                    matching_rule,
                    type_,
                    match_value,
                    dn_attributes,
                })
            }
        ),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(LdapFilter::And),
            vec(inner.clone(), 0..4).prop_map(LdapFilter::Or),
            inner.prop_map(|part| LdapFilter::Not(Box::new(part))),
        ]
    })
}

prop_compose! {
    fn searches()(
        base in text(),
        scope in 0..4i64,
        sizelimit in 0..i32::MAX,
        timelimit in 0..i32::MAX,
        typesonly: bool,
        filter in filters(),
        attrs in vec(text(), 0..5),
    ) -> LdapOp {
        let scope = LdapSearchScope::try_from(scope).expect("in range");
        let aliases = LdapDerefAliases::Never;
        LdapOp::SearchRequest(LdapSearchRequest { base, scope, aliases, sizelimit, timelimit, typesonly, filter, attrs })
    }
}

fn encoded(op: LdapOp) -> Vec<u8> {
    let mut out = BytesMut::new();
    let tag = LdapMsg::new(3, op).into();
    ldap3_lber::write::encode_into(&mut out, tag).expect("memory takes everything");
    out.to_vec()
}

proptest! {
    #[test]
    fn three_codecs_read_the_same_search(op in searches()) {
        let bytes = encoded(op);
        prop_assert_eq!(frame(&bytes, usize::MAX), Frame::Complete(bytes.len()));
        let told = ours(&bytes).expect("what another codec writes is read");
        let peer = ldap3(&bytes).expect("its own bytes");
        prop_assert_eq!(&told, &peer);
        if let (Some(rasn), false) = (rasn(&bytes), order_matters(&told.filter)) {
            prop_assert_eq!(told, rasn);
        }
    }

    #[test]
    fn a_damaged_search_is_read_alike_or_refused(op in searches(), at: prop::sample::Index, octet: u8) {
        let mut bytes = encoded(op);
        *at.get_mut(&mut bytes) = octet;
        if frame(&bytes, 1 << 20) != Frame::Complete(bytes.len()) {
            return Ok(());
        }
        let Ok(message) = Message::parse(&bytes, &Limits::default().authenticated) else { return Ok(()) };
        if message.operation != Operation::Search {
            return Ok(());
        }
        // What the other codec alone accepts is on the list of its mistakes; what both accept must agree.
        if let (Some(ours), Some(ldap3)) = (ours(&bytes), ldap3(&bytes)) && !has_undefined(&ours.filter) {
            prop_assert_eq!(ours, ldap3);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        let Frame::Complete(length) = frame(&bytes, 1 << 20) else { return Ok(()) };
        if let Ok(message) = Message::parse(&bytes[..length], &Limits::default().anonymous) {
            let _ = search_request::decode(message.body, &Build);
        }
    }
}

fn has_undefined(filter: &Ast) -> bool {
    match filter {
        Ast::And(parts) | Ast::Or(parts) => parts.iter().any(has_undefined),
        Ast::Not(part) => has_undefined(part),
        Ast::Undefined => true,
        _ => false,
    }
}

#[test]
fn filters_deeper_than_the_limit_are_refused_and_not_recursed_into() {
    let nested = |depth| {
        (0..depth).fold(LdapFilter::Present("cn".to_owned()), |part, _| {
            LdapFilter::Not(Box::new(part))
        })
    };
    let search = |depth| {
        encoded(LdapOp::SearchRequest(LdapSearchRequest {
            base: String::new(),
            scope: LdapSearchScope::Base,
            aliases: LdapDerefAliases::Never,
            sizelimit: 0,
            timelimit: 0,
            typesonly: false,
            filter: nested(depth),
            attrs: Vec::new(),
        }))
    };
    assert!(ours(&search(48)).is_some());
    assert!(ours(&search(49)).is_none());
}

#[test]
fn out_of_range_numbers_and_unknown_items_are_told_apart() {
    let body = |scope: &[u8], deref: &[u8], size: &[u8], filter: &[u8]| {
        let mut body = vec![4, 0];
        [scope, deref, size, &[2, 1, 0, 1, 1, 0], filter, &[0x30, 0]]
            .iter()
            .for_each(|part| body.extend_from_slice(part));
        search_request::decode(&body, &Build)
            .ok()
            .map(|request| request.filter)
    };
    let (scope, deref, size, filter) = (&[10, 1, 2], &[10, 1, 0], &[2, 1, 0], &[0x87, 2, b'c', b'n']);
    let check = |read: Option<Ast>, expected: Option<Ast>| assert_eq!(read, expected);
    check(body(scope, deref, size, filter), Some(item("=*", b"cn", b"")));
    check(body(&[10, 1, 9], deref, size, filter), None);
    check(body(scope, &[10, 1, 9], size, filter), None);
    check(body(scope, deref, &[2, 1, 0xff], filter), None);
    check(body(scope, deref, size, &[0x8f, 1, b'x']), Some(Ast::Undefined));
    check(body(scope, deref, size, &[0xa3, 4, 4, 2, b'c', b'n']), None);
    check(
        body(scope, deref, size, &[0xa4, 6, 4, 2, b'c', b'n', 0x30, 0]),
        Some(Ast::Undefined),
    );
    check(
        body(scope, deref, size, &[0xa9, 3, 0x83, 1, b'x']),
        Some(Ast::Undefined),
    );
    let bytes = &[0xa3, 7, 4, 2, b'c', b'n', 4, 1, 0xff];
    check(body(scope, deref, size, bytes), Some(item("=", b"cn", b"\xff")));
}
