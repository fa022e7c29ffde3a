//! What an entry is found by: the terms that its values put into the indexes.

use foldhash::quality::FixedState;
use std::hash::{BuildHasher, Hasher};

use super::Slot;
use super::settings::Roles;
use crate::domain::matching::{Form, MatchingRule};
use crate::domain::packed::AttributeView;
use crate::domain::schema::Schema;
use crate::types::AttributeType;

/// Hashes normal forms and names, differently in every process, so that nobody can prepare values whose
/// hashes are all alike.
#[derive(Clone)]
pub(super) struct TermHasher(FixedState);

impl TermHasher {
    pub(super) fn new(seed: u64) -> TermHasher {
        TermHasher(FixedState::with_seed(seed))
    }

    /// Of a value's normal form.
    #[inline]
    pub(super) fn value(&self, normal: &[u8]) -> u32 {
        let mut hasher = self.0.build_hasher();
        hasher.write(normal);
        (hasher.finish() >> 32) as u32
    }

    /// Of a name below `parent`.
    #[inline]
    pub(super) fn name(&self, parent: Slot, normal: &[u8]) -> u32 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u32(parent.0);
        hasher.write(normal);
        (hasher.finish() >> 32) as u32
    }
}

/// One thing an entry is found by.
pub(super) enum Term<'n> {
    /// By equality.
    Equality(u32),
    /// By a membership value, with its place in the attribute.
    Membership(u32, u32),
    /// By a substring of this normal form.
    Text(&'n [u8]),
    /// By its place in an order.
    Ordering(&'n [u8]),
}

/// Finds the terms of entries, with buffers that are used again.
pub(super) struct TermFinder<'s> {
    pub schema: &'s Schema,
    pub hasher: &'s TermHasher,
    pub roles: &'s Roles,
    normal: Vec<u8>,
    /// The form that `normal` holds of the present value.
    done: Option<Form>,
    classes: Classes,
}

/// The terms of the object classes seen last: entry after entry has the same.
#[derive(Default)]
struct Classes {
    encoded: Vec<u8>,
    hashes: Vec<u32>,
}

impl<'s> TermFinder<'s> {
    pub(super) fn new(schema: &'s Schema, hasher: &'s TermHasher, roles: &'s Roles) -> TermFinder<'s> {
        TermFinder {
            schema,
            hasher,
            roles,
            normal: Vec::new(),
            done: None,
            classes: Classes::default(),
        }
    }

    /// The terms of one attribute. A value that its rule refuses has none and is never found by it, as a
    /// filter on it is never true.
    pub(super) fn terms(
        &mut self,
        attribute: AttributeView<'_>,
        each: &mut dyn FnMut(AttributeType, Term<'_>),
    ) {
        let role = self.roles.of(attribute.kind);
        if role.is_none() {
            return;
        }
        let mut each = |term: Term<'_>| each(attribute.kind, term);
        if attribute.kind == self.schema.object_class_attribute() {
            self.class_hashes(attribute)
                .iter()
                .for_each(|hash| each(Term::Equality(*hash)));
            return;
        }
        let definition = self.schema.definition(attribute.kind);
        for (offset, value) in attribute.values_with_offsets() {
            self.done = None;
            if (role.equality || role.membership) && self.normalize(definition.equality, value) {
                let hash = self.hasher.value(&self.normal);
                each(match role.membership {
                    true => Term::Membership(hash, offset as u32),
                    false => Term::Equality(hash),
                });
            }
            if role.substring && self.normalize(definition.substrings, value) {
                each(Term::Text(&self.normal));
            }
            if role.ordering && self.normalize(definition.ordering, value) {
                each(Term::Ordering(&self.normal));
            }
        }
    }

    /// The hashes of every class of an entry and of the classes above them, whether it lists those or not.
    fn class_hashes(&mut self, attribute: AttributeView<'_>) -> &[u32] {
        if self.classes.encoded != attribute.encoded {
            let mut hashes = Vec::new();
            for value in attribute.values() {
                match self.schema.class(value) {
                    Some(class) => hashes.extend(class.line.iter().map(|position| {
                        let oid = &self.schema.class_at(*position).text.head.oid;
                        self.hasher.value(oid.as_bytes())
                    })),
                    None => hashes.push(self.hasher.value(&value.to_ascii_lowercase())),
                }
            }
            hashes.sort_unstable();
            hashes.dedup();
            self.classes.encoded = attribute.encoded.to_vec();
            self.classes.hashes = hashes;
        }
        &self.classes.hashes
    }

    /// Puts the value's normal form into the buffer, where it may stand already: rules of one attribute mostly
    /// share a form. `false` if there is no rule or it refuses the value.
    fn normalize(&mut self, rule: Option<&MatchingRule>, value: &[u8]) -> bool {
        let Some(rule) = rule else { return false };
        if self.done != Some(rule.form) {
            self.normal.clear();
            let is_good = rule.normalize(self.schema, value, &mut self.normal).is_ok();
            self.done = is_good.then_some(rule.form);
        }
        self.done.is_some()
    }
}

/// The normal form of `value` by the equality rule of `kind`.
pub(super) fn normal_value(schema: &Schema, kind: AttributeType, value: &[u8]) -> Option<Vec<u8>> {
    let mut normal = Vec::with_capacity(value.len());
    let rule = schema.definition(kind).equality?;
    rule.normalize(schema, value, &mut normal).ok()?;
    Some(normal)
}
