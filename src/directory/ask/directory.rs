//! What every question is answered by.

use std::sync::Arc;

use crate::directory::ask::computed::ComputedTypes;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::request::Asker;
use crate::domain::access::{AccessRules, View, Viewer};
use crate::domain::schema::Schema;

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
            Asker::Member(entry) => Viewer::Member(*entry),
            Asker::Service(name) => Viewer::Service(name),
            Asker::Root => Viewer::Root,
        };
        self.access.view(viewer, &self.schema)
    }

    pub(crate) fn computed(&self) -> &ComputedTypes {
        &self.computed
    }
}
