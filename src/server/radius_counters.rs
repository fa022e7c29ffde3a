//! What the RADIUS ports have done since the start, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::radius::reason::{DropReason, RejectReason, Unanswered};
use crate::radius::session::ReplyKind;
use crate::radius::wire::Malformed;

/// Counters of one or more sockets. Each is exact; together they are no snapshot.
#[derive(Debug)]
pub struct RadiusCounters {
    packets: AtomicU64,
    accepts: AtomicU64,
    statuses: AtomicU64,
    resent: AtomicU64,
    rejects: [AtomicU64; RejectReason::ALL.len()],
    malformed: [AtomicU64; Malformed::ALL.len()],
    unanswered: [AtomicU64; Unanswered::ALL.len()],
    troubles: [AtomicU64; Trouble::ALL.len()],
}

/// What can go wrong on our side of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Receiving failed; the next attempt follows.
    Receive,
    /// An answer could not be sent; the client's retransmission gets it.
    Send,
    /// Too many rejections are held back; this one leaves when the client retransmits.
    HeldFull,
    /// A log-in ended without a verdict.
    VerdictLost,
}

impl Trouble {
    /// Every trouble, in the order of its number.
    pub const ALL: &'static [Trouble] = &[
        Trouble::Receive,
        Trouble::Send,
        Trouble::HeldFull,
        Trouble::VerdictLost,
    ];

    /// The trouble as metrics spell it.
    pub fn label(self) -> &'static str {
        match self {
            Trouble::Receive => "receive",
            Trouble::Send => "send",
            Trouble::HeldFull => "held_full",
            Trouble::VerdictLost => "verdict_lost",
        }
    }
}

impl Default for RadiusCounters {
    fn default() -> RadiusCounters {
        RadiusCounters {
            packets: AtomicU64::default(),
            accepts: AtomicU64::default(),
            statuses: AtomicU64::default(),
            resent: AtomicU64::default(),
            rejects: std::array::from_fn(|_| AtomicU64::default()),
            malformed: std::array::from_fn(|_| AtomicU64::default()),
            unanswered: std::array::from_fn(|_| AtomicU64::default()),
            troubles: std::array::from_fn(|_| AtomicU64::default()),
        }
    }
}

impl RadiusCounters {
    /// Hands every counter to `each`: what happened, why (or empty), how often.
    pub fn each(&self, each: &mut dyn FnMut(&'static str, &'static str, u64)) {
        each("packet", "", read(&self.packets));
        each("accept", "", read(&self.accepts));
        each("status", "", read(&self.statuses));
        each("resent", "", read(&self.resent));
        for (reason, count) in RejectReason::ALL.iter().zip(&self.rejects) {
            each("reject", reason.label(), read(count));
        }
        for (reason, count) in Malformed::ALL.iter().zip(&self.malformed) {
            each("drop", reason.label(), read(count));
        }
        for (reason, count) in Unanswered::ALL.iter().zip(&self.unanswered) {
            each("drop", reason.label(), read(count));
        }
        for (trouble, count) in Trouble::ALL.iter().zip(&self.troubles) {
            each("trouble", trouble.label(), read(count));
        }
    }

    /// How often `what` happened because of `why`; 0 for what [`RadiusCounters::each`] does not name.
    pub fn count(&self, what: &str, why: &str) -> u64 {
        let mut found = 0;
        self.each(&mut |each_what, each_why, count| {
            if (each_what, each_why) == (what, why) {
                found = count;
            }
        });
        found
    }

    /// A datagram arrived.
    pub(super) fn packet(&self) {
        self.packets.fetch_add(1, Ordering::Relaxed);
    }

    /// A packet was answered.
    pub(super) fn reply(&self, kind: ReplyKind) {
        let counter = match kind {
            ReplyKind::Accept => Some(&self.accepts),
            ReplyKind::Status => Some(&self.statuses),
            ReplyKind::Resent => Some(&self.resent),
            ReplyKind::Reject(reason) => self.rejects.get(reason as usize),
        };
        add(counter);
    }

    /// A packet was dropped.
    pub(super) fn dropped(&self, reason: DropReason) {
        add(match reason {
            DropReason::Malformed(reason) => self.malformed.get(reason as usize),
            DropReason::Unanswered(reason) => self.unanswered.get(reason as usize),
        });
    }

    /// Something went wrong here.
    pub(super) fn trouble(&self, trouble: Trouble) {
        add(self.troubles.get(trouble as usize));
    }
}

fn add(counter: Option<&AtomicU64>) {
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_counted_under_its_own_name() {
        let counters = RadiusCounters::default();
        counters.packet();
        counters.reply(ReplyKind::Accept);
        counters.reply(ReplyKind::Reject(RejectReason::Eap));
        counters.dropped(Malformed::EapWithPassword.into());
        counters.dropped(Unanswered::ReplyTooLarge.into());
        counters.trouble(Trouble::VerdictLost);
        let mut named = Vec::new();
        counters.each(&mut |what, why, count| {
            if count > 0 {
                named.push((what, why, count));
            }
        });
        let expected = [
            ("packet", "", 1),
            ("accept", "", 1),
            ("reject", "eap_not_offered", 1),
            ("drop", "eap_with_password", 1),
            ("drop", "reply_too_large", 1),
            ("trouble", "verdict_lost", 1),
        ];
        assert_eq!(named, expected);
        assert_eq!(counters.count("reject", "refused"), 0);
    }
}
