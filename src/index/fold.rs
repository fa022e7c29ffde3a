//! Folding a snapshot's delta into a new base.

use std::num::NonZeroUsize;

use super::{BuildError, Builder, Snapshot};
use crate::domain::schema::Schema;

impl Snapshot {
    /// The same directory at the same revision, all in a new base. Takes as long as building it from the
    /// store's records without reading them, and as much memory again as the snapshot meanwhile.
    /// Errors: none of its own, as the snapshot is one already.
    pub fn folded(&self, schema: &Schema, threads: NonZeroUsize) -> Result<Snapshot, BuildError> {
        let mut builder = Builder::with(schema, self.base.fixed.clone());
        let mut packer = builder.packer();
        for entry in self.entries() {
            packer.push_entry(entry)?;
        }
        builder.add(packer);
        let mut folded = builder.finish(self.revision, threads)?;
        folded.side = self.side.clone();
        folded.quarantine = self.quarantine.clone();
        folded.next_id = self.next_id;
        Ok(folded)
    }
}
