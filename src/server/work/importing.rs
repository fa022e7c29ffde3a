//! An import's writes: one after the other where others write too, many under way at once where nobody does.

use std::collections::VecDeque;

use crate::exchange::entries::Entries;
use crate::exchange::import::{Committed, World, Writers};
use crate::record::{Batch, Revision};
use crate::server::work::transfer::Site;
use crate::store::{CommitError, Ticket};

/// The most batches under way at once: enough that a flush is always shared, and 6 MB of people at most.
const UNDER_WAY_MAX: usize = 32;

/// A site that is being imported into.
pub struct Importing {
    site: Site,
    under_way: VecDeque<Ticket>,
}

impl Importing {
    /// Into `site`, nothing written yet.
    pub fn new(site: Site) -> Importing {
        Importing {
            site,
            under_way: VecDeque::new(),
        }
    }

    /// Waits until at most `left` batches are under way. Errors: why one is not durable.
    fn wait(&mut self, left: usize) -> Result<(), CommitError> {
        while self.under_way.len() > left {
            let Some(oldest) = self.under_way.pop_front() else {
                break;
            };
            self.site.runtime.block_on(oldest)?;
        }
        Ok(())
    }
}

impl World for Importing {
    type Error = CommitError;

    fn existing(&mut self, revision: Revision) -> Result<Entries, CommitError> {
        Ok(Entries {
            snapshot: self.site.snapshots.at_least(revision, &self.site.runtime),
            schema: self.site.schema.clone(),
        })
    }

    fn writers(&self) -> Writers {
        self.site.writers
    }

    fn commit(&mut self, batch: Batch) -> Result<Committed, CommitError> {
        let ticket = self.site.runtime.block_on(self.site.store.submit(batch))?;
        if self.site.writers == Writers::Alone {
            self.under_way.push_back(ticket);
            self.wait(UNDER_WAY_MAX)?;
            // Without guards nothing asks for a revision.
            return Ok(Committed::At(Revision(0)));
        }
        match self.site.runtime.block_on(ticket) {
            Ok(revision) => Ok(Committed::At(revision)),
            Err(CommitError::Conflict { at }) => Ok(Committed::Conflict(at)),
            Err(error) => Err(error),
        }
    }

    fn under_way(&self) -> usize {
        self.under_way.len()
    }

    fn settle(&mut self) -> Result<(), CommitError> {
        self.wait(0)
    }
}
