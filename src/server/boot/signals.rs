//! What the system tells the daemon: SIGTERM and SIGINT to stop, SIGHUP to read its certificate again, or to stop.

use std::io;
use std::task::{Context, Waker};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::server::http::tls::Tls;

/// What SIGHUP is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// The certificate is to be read again.
    Reload,
    /// The terminal has gone, and the process with it; not if it was started by nohup(1).
    Stop,
}

/// The daemon's signals.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    meaning: HangUp,
}

impl Signals {
    /// Takes the signals over. Must be called inside a tokio runtime. Errors: the system's.
    pub fn new(hang_up: HangUp) -> io::Result<Signals> {
        // Asked before the signal is taken over.
        let meaning = match is_hang_up_ignored() {
            true => HangUp::Reload,
            false => hang_up,
        };
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            meaning,
        })
    }

    /// Reloads the certificate at each SIGHUP that is meant so; returns when the daemon shall stop.
    pub async fn serve(&mut self, tls: &Tls) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => match self.meaning {
                    HangUp::Reload => reload(tls),
                    HangUp::Stop => return,
                },
            }
        }
    }

    /// Whether the process was told to stop, for work on a thread that does not wait. The signal is consumed.
    pub fn is_stop_due(&mut self) -> bool {
        let now = &mut Context::from_waker(Waker::noop());
        let hung_up = self.hang_up.poll_recv(now).is_ready();
        self.terminate.poll_recv(now).is_ready()
            || self.interrupt.poll_recv(now).is_ready()
            || (hung_up && self.meaning == HangUp::Stop)
    }
}

/// Whether who started the process had SIGHUP ignored: bit 0 of what proc(5) says.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    bits.is_some_and(|bits| bits & 1 == 1)
}

/// Reads the certificate again; on an error the old one stays, and the log says why.
fn reload(tls: &Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!(target: "beadle", "certificate reloaded"),
        Err(error) => tracing::error!(target: "beadle", %error, "the old certificate stays"),
    }
}
