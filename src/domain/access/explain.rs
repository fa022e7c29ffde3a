//! Why somebody may or may not do something: the sentences that decide, for who administers them.

use std::fmt;

use crate::domain::access::{Grantee, Right, Rights, Rule, Sight, View, Viewer};
use crate::domain::packed::Attributes;
use crate::types::{AttributeType, EntryId};

/// What decided.
#[derive(Clone, Copy)]
pub enum Reason<'a> {
    /// A sentence grants it.
    Rule(&'a Rule),
    /// Root may.
    Root,
    /// It is the viewer's own entry.
    Own,
    /// Whoever knows of the entry knows this.
    Plain,
    /// The entry's owner has opened it to the public.
    Opened,
    /// Nobody sees it.
    Secret,
    /// Only the entry's owner sees it.
    OwnerOnly,
    /// The entry's owner has closed it to the public.
    Closed,
    /// No sentence lets the viewer know of the entry.
    Unknown,
    /// No sentence grants it.
    NoRule,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Rule(rule) if rule.line == 0 => return write!(f, "by default: {}", rule.text),
            Reason::Rule(rule) => return write!(f, "line {}: {}", rule.line, rule.text),
            Reason::Root => "root may do everything but see what is its owner's only",
            Reason::Own => "everybody sees the whole of their own entry but secrets",
            Reason::Plain => "whoever knows of the entry knows this of it",
            Reason::Opened => "its owner has opened it to the public (beadleOpenToPublic)",
            Reason::Secret => "secret: nobody sees it",
            Reason::OwnerOnly => "in access.owner_only: only the entry's owner sees it",
            Reason::Closed => "its owner has closed it to the public (beadleNotOpenToPublic)",
            Reason::Unknown => "no sentence lets them know of this entry",
            Reason::NoRule => "no sentence grants it",
        })
    }
}

impl<'a> View<'a> {
    /// Whether the viewer may do `right` to `entry`, whose id is `id`, and to its attributes of `kind` if it is one of
    /// attributes; and what decided. Never without a reason.
    pub fn why<E: Attributes>(
        &self,
        id: EntryId,
        entry: &E,
        right: Right,
        kind: Option<AttributeType>,
    ) -> (bool, Vec<Reason<'a>>) {
        let may = self.rights(id, entry).include(right, kind);
        let rules = self.rules.rules().iter();
        let granting = rules.filter(|rule| rule.rights.include(right, kind) && self.hears(rule, id, entry));
        let is_sight = matches!(right, Right::Read | Right::Search | Right::Compare);
        let closed = kind
            .filter(|_| is_sight)
            .is_some_and(|kind| self.is_closed(entry, kind));
        let (public, others): (Vec<&Rule>, Vec<&Rule>) =
            granting.partition(|rule| rule.grantee == Grantee::Public);
        if !may {
            let refused = match kind.filter(|_| is_sight) {
                Some(kind) if self.rules.never.secret.contains(kind) => Reason::Secret,
                Some(kind) if self.rules.never.owner_only.contains(kind) => Reason::OwnerOnly,
                Some(_) if !self.knows(id, entry) => Reason::Unknown,
                Some(_) if closed && !public.is_empty() => Reason::Closed,
                _ => Reason::NoRule,
            };
            return (may, vec![refused]);
        }
        let own = matches!(self.viewer, Viewer::Member(own, _) if own == id) && is_sight;
        let reasons = match self.viewer {
            Viewer::Root => vec![Reason::Root],
            _ if own => vec![Reason::Own],
            _ => {
                let public = public.into_iter().filter(|_| !closed);
                public.chain(others).map(Reason::Rule).collect()
            }
        };
        let is_plain = kind.is_some_and(|kind| self.rules.plain.contains(kind));
        match reasons.is_empty() {
            true if is_plain => (may, vec![Reason::Plain]),
            true => (may, vec![Reason::Opened]),
            false => (may, reasons),
        }
    }

    /// Everything the viewer may do.
    fn rights<E: Attributes>(&self, id: EntryId, entry: &E) -> Rights {
        Rights {
            sight: self.sight(id, entry).unwrap_or(Sight::NONE),
            write: self.writable(id, entry),
            add: self.may_add(entry),
            delete: self.may_delete(id, entry),
        }
    }

    fn is_closed<E: Attributes>(&self, entry: &E, kind: AttributeType) -> bool {
        let mut sight = Sight::of([kind].into_iter().collect());
        self.rules
            .switches
            .turn(&mut sight, entry, entry.marks(), self.schema);
        !sight.read.contains(kind)
    }
}
