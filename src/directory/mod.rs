//! Layer 4: what the directory answers: pure functions of a snapshot, a request and the time.

pub mod account;
pub mod accounts;
pub mod authenticate;
pub mod compare;
pub mod computed;
pub mod csv_text;
pub mod entries;
pub mod export;
pub mod import;
pub mod ldif;
mod plan;
pub mod principals;
pub mod problem;
pub mod request;
pub mod row;
pub mod search;
pub mod selection;
#[cfg(test)]
pub(crate) mod testing;
pub mod unique;

use std::sync::Arc;

use crate::domain::access::{AccessRules, View, Viewer};
use crate::domain::schema::Schema;
use computed::ComputedTypes;
use request::Asker;
use search::SearchLimits;

/// What stays the same from one request to the next: the schema, who may see what, the limits.
pub struct Directory {
    schema: Arc<Schema>,
    access: AccessRules,
    limits: SearchLimits,
    computed: ComputedTypes,
}

impl Directory {
    /// A directory with these rules.
    pub fn new(schema: Arc<Schema>, access: AccessRules, limits: SearchLimits) -> Directory {
        Directory {
            computed: ComputedTypes::new(&schema),
            schema,
            access,
            limits,
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Who may see what.
    pub fn access(&self) -> &AccessRules {
        &self.access
    }

    /// What a search may cost.
    pub fn limits(&self) -> &SearchLimits {
        &self.limits
    }

    /// How `asker` sees entries.
    pub fn view<'a>(&'a self, asker: &'a Asker) -> View<'a> {
        let viewer = match asker {
            Asker::Public => Viewer::Public,
            Asker::Member(member) => Viewer::Member(member.entry),
            Asker::Service(name) => Viewer::Service(name),
            Asker::Root => Viewer::Root,
        };
        self.access.view(viewer, &self.schema)
    }

    pub(crate) fn computed(&self) -> &ComputedTypes {
        &self.computed
    }
}
