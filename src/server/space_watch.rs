//! Tells the operator once when the store takes far more of the disk than it needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::store::{Space, Store};

/// Between two looks, in seconds. A store does not grow past three times what it holds in less.
const LOOK_EVERY_S: u64 = 60;

/// Looks at `store` every minute until `stop`.
pub async fn run(store: Arc<dyn Store>, stop: CancellationToken) {
    let mut turns = interval(Duration::from_secs(LOOK_EVERY_S));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::No;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = turns.tick() => {}
        }
        if let Some(space) = store.space() {
            let before = std::mem::replace(&mut told, Told::of(&space));
            if (before, told) == (Told::No, Told::Yes) {
                warn(&space);
            }
        }
    }
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
