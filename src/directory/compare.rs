//! Comparing a value with an entry's (RFC 4511 section 4.10).

use super::Directory;
use super::computed::{Computed, WholeEntry};
use super::request::{Answer, Asker, Compare};
use super::search::known_entry;
use crate::domain::access::View;
use crate::domain::filter::{Filter, Truth};
use crate::domain::packed::Attributes;
use crate::index::{EntryRef, Snapshot};
use crate::types::{AttributeSet, AttributeType};

impl Directory {
    /// Compares. A value that the asker may not read is answered as if it were not there; one that nobody
    /// may read, such as a PIN's hash, with `InsufficientAccess`, whether it is there or not.
    pub fn compare(&self, snapshot: &Snapshot, asker: &Asker, compare: &Compare) -> Answer {
        self.try_compare(snapshot, asker, compare)
            .unwrap_or_else(|answer| answer)
    }

    fn try_compare(&self, snapshot: &Snapshot, asker: &Asker, compare: &Compare) -> Result<Answer, Answer> {
        let schema = self.schema();
        let view = self.view(asker);
        let entry = known_entry(snapshot, &compare.dn, schema, &view)?;
        let description = schema
            .describe(&compare.description)
            .ok_or(Answer::UndefinedAttribute)?;
        if self.access().secret().contains(description.kind) {
            return Err(Answer::InsufficientAccess);
        }
        let readable = view.readable(entry.id(), &entry).unwrap_or(AttributeSet::EMPTY);
        if !readable.contains(description.kind) {
            return Err(Answer::NoSuchAttribute);
        }
        let rule = schema.definition(description.kind).equality;
        let rule = rule.ok_or(Answer::InappropriateMatching)?;
        if rule.normalize_assertion(schema, &compare.value).is_err() {
            return Err(Answer::InvalidSyntax);
        }
        Ok(self.compare_with(entry, compare, description.kind, &readable, &view))
    }

    fn compare_with(
        &self,
        entry: EntryRef<'_>,
        compare: &Compare,
        kind: AttributeType,
        readable: &AttributeSet,
        view: &View<'_>,
    ) -> Answer {
        let schema = self.schema();
        let kinds = schema.definition(kind).subtypes.intersection(readable);
        let mut computed = Computed::default();
        computed.compute(entry, &kinds, self.computed(), schema, view);
        let whole = WholeEntry {
            schema,
            stored: entry,
            computed: &computed,
        };
        if !whole.attributes().any(|attribute| kinds.contains(attribute.kind)) {
            return Answer::NoSuchAttribute;
        }
        let filter = Filter::equality(schema, &compare.description, &compare.value);
        match filter.truth(schema, &whole, readable) {
            Truth::True => Answer::True,
            Truth::False => Answer::False,
            Truth::Undefined => Answer::InappropriateMatching,
        }
    }
}
