//! Looks how much of the disk the store takes: for the metrics, and to tell the operator once when it is far more
//! than the store needs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::store::{Space, Store};

/// Between two looks, in seconds. A store does not grow past three times what it holds in less.
const LOOK_EVERY_S: u64 = 60;

/// What a store took when it was last looked at, at most a minute ago.
#[derive(Default)]
pub struct LatestSpace(Mutex<Option<Space>>);

impl LatestSpace {
    /// `None` until it is known.
    pub fn now(&self) -> Option<Space> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, space: Option<Space>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = space;
    }
}

/// Looks at `store` every minute until `stop`, and puts what it sees into `latest`.
pub async fn run(store: Arc<dyn Store>, latest: Arc<LatestSpace>, stop: CancellationToken) {
    let mut turns = interval(Duration::from_secs(LOOK_EVERY_S));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::No;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = turns.tick() => {}
        }
        latest.set(look(store.clone()).await);
        if let Some(space) = latest.now() {
            let before = std::mem::replace(&mut told, Told::of(&space));
            if (before, told) == (Told::No, Told::Yes) {
                warn(&space);
            }
        }
    }
}

/// A store may walk over thousands of files for it, which no thread that serves has time for.
async fn look(store: Arc<dyn Store>) -> Option<Space> {
    spawn_blocking(move || store.space()).await.ok().flatten()
}

/// Whether the operator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    No,
    Yes,
}

impl Told {
    fn of(space: &Space) -> Told {
        if space.is_wasteful() { Told::Yes } else { Told::No }
    }
}

fn warn(space: &Space) {
    let Space {
        disk_bytes,
        live_bytes,
        logged_bytes,
    } = space;
    tracing::warn!(target: "beadle", disk_bytes, live_bytes, logged_bytes, "store: takes more than three times what it holds; stop the daemon and run `beadle store compact`");
}
