//! What the entries that one thread has packed have in common.

use std::sync::LazyLock;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::pool::{Pool, PoolBuilder};
use crate::domain::packed::AttributeView;
use crate::domain::schema::{ClassPosition, OBJECT_CLASS, Schema};
use crate::types::AttributeType;

/// The runs of values that entries share, and what is known of those that list object classes.
#[derive(Default)]
pub(super) struct Shared {
    pub pool: Pool,
    /// Object classes, and all above them, by the number of the run that lists them.
    classes: HashMap<u32, Box<[ClassPosition]>, FixedState>,
}

impl Shared {
    /// Of entries that share nothing.
    pub(super) fn nothing() -> &'static Shared {
        static NOTHING: LazyLock<Shared> = LazyLock::new(Shared::default);
        &NOTHING
    }

    /// The object classes that the run with this number lists, and all above them; `None` for a run of anything else.
    #[inline]
    pub(super) fn classes(&self, number: u32) -> Option<&[ClassPosition]> {
        self.classes.get(&number).map(|classes| &**classes)
    }
}

/// Fills a [`Shared`].
#[derive(Default)]
pub(super) struct SharedBuilder {
    pool: PoolBuilder,
    /// The runs that are object classes.
    class_runs: HashSet<u32, FixedState>,
}

impl SharedBuilder {
    /// The number under which `run` of `kind` is shared, or `None` if the entry had better hold it itself.
    pub(super) fn number(&mut self, kind: AttributeType, run: &[u8]) -> Option<u32> {
        let number = self.pool.number(kind, run);
        if kind == OBJECT_CLASS {
            self.class_runs.extend(number);
        }
        number
    }

    pub(super) fn finish(self, schema: &Schema) -> Shared {
        let pool = self.pool.finish();
        let line = |number: u32| (number, line(pool.run(number), schema));
        let classes = self.class_runs.into_iter().map(line).collect();
        Shared { pool, classes }
    }
}

/// The classes that a run lists and those above them.
fn line(encoded: &[u8], schema: &Schema) -> Box<[ClassPosition]> {
    let run = AttributeView {
        kind: OBJECT_CLASS,
        options: "",
        encoded,
    };
    let classes = run.values().filter_map(|name| schema.class(name));
    let mut line: Vec<_> = classes.flat_map(|class| class.line.iter().copied()).collect();
    line.sort_unstable();
    line.dedup();
    line.into()
}
