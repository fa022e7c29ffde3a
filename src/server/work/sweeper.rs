//! Tidies the store: deletes what has expired. Readers treat it as absent anyway.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::server::clock::Clock;
use crate::store::Store;

/// Between two sweeps, in seconds.
const SWEEP_EVERY_S: u64 = 60;

/// Sweeps `store` every minute until `stop`.
pub async fn run(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut turns = interval(Duration::from_secs(SWEEP_EVERY_S));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = turns.tick() => sweep(&*store, &*clock, &stop).await,
        }
    }
}

async fn sweep(store: &dyn Store, clock: &dyn Clock, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match store.sweep(clock.now()).await {
            Ok(0) => return,
            Ok(deleted) => tracing::debug!(target: "beadle", deleted, "store: swept"),
            Err(error) => {
                tracing::warn!(target: "beadle", %error, "store: what has expired stays for now");
                return;
            }
        }
    }
}
