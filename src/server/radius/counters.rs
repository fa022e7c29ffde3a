//! What the RADIUS ports have done since the start, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::radius::next::ReplyKind;
use crate::radius::reason::{DropReason, RejectReason, Unanswered};
use crate::radius::wire::Malformed;
use crate::server::observe::metrics::{Family, Figure};

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
    /// The counters as metrics.
    pub fn families(&self) -> Vec<Family> {
        let counter = |name, help, label, values| Family {
            name,
            help,
            figure: Figure::Counter,
            label,
            values,
        };
        let results = [
            ("accept", &self.accepts),
            ("status", &self.statuses),
            ("resent", &self.resent),
        ];
        let results = results.map(|(label, count)| (label, read(count)));
        let rejects = labelled(RejectReason::ALL, RejectReason::label, &self.rejects);
        let mut drops = labelled(Malformed::ALL, Malformed::label, &self.malformed);
        drops.extend(labelled(Unanswered::ALL, Unanswered::label, &self.unanswered));
        let troubles = labelled(Trouble::ALL, Trouble::label, &self.troubles);
        vec![
            Family::single(
                "radius_packets",
                "Datagrams received",
                Figure::Counter,
                read(&self.packets),
            ),
            counter(
                "radius_replies",
                "Answers other than Access-Reject",
                "result",
                results.into(),
            ),
            counter("radius_rejects", "Access-Rejects", "reason", rejects),
            counter("radius_dropped", "Packets without an answer", "reason", drops),
            counter(
                "radius_troubles",
                "Failures on this side of the wire",
                "what",
                troubles,
            ),
        ]
    }

    /// One figure of [`RadiusCounters::families`]: of the metric `name`, at the label `value`; 0 if there
    /// is none such.
    pub fn count(&self, name: &str, value: &str) -> u64 {
        let families = self.families();
        let family = families.iter().find(|family| family.name == name);
        let values = family.map(|family| family.values.as_slice()).unwrap_or_default();
        values
            .iter()
            .find(|(label, _)| *label == value)
            .map_or(0, |(_, count)| *count)
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

fn labelled<R: Copy>(
    reasons: &[R],
    label: fn(R) -> &'static str,
    counts: &[AtomicU64],
) -> Vec<(&'static str, u64)> {
    reasons
        .iter()
        .map(|reason| label(*reason))
        .zip(counts.iter().map(read))
        .collect()
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
        for (name, label) in [
            ("radius_packets", ""),
            ("radius_replies", "accept"),
            ("radius_rejects", "eap_not_offered"),
            ("radius_dropped", "eap_with_password"),
            ("radius_dropped", "reply_too_large"),
            ("radius_troubles", "verdict_lost"),
        ] {
            assert_eq!(counters.count(name, label), 1, "{name} {label}");
        }
        let families = counters.families();
        let total: u64 = families
            .iter()
            .flat_map(|family| &family.values)
            .map(|(_, count)| count)
            .sum();
        assert_eq!(total, 6);
    }
}
