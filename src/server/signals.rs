//! What the system tells the daemon: SIGTERM and SIGINT to stop, SIGHUP to read its certificate again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::server::tls::Tls;

/// The daemon's signals.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes the signals over. Errors: the system's.
    pub fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Reloads the certificate at each SIGHUP; returns when the daemon shall stop.
    pub async fn serve(&mut self, tls: &Tls) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => reload(tls),
            }
        }
    }
}

/// Reads the certificate again; on an error the old one stays, and the log says why.
fn reload(tls: &Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!(target: "beadle", "certificate reloaded"),
        Err(error) => tracing::error!(target: "beadle", %error, "the old certificate stays"),
    }
}
