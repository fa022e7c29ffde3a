//! What the RADIUS ports have done since the start, for metrics.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::Counter;

use crate::radius::next::ReplyKind;
use crate::radius::reason::{DropReason, RejectReason, Unanswered};
use crate::radius::wire::Malformed;
use crate::server::observe::metrics::{Labelled, each, write};

/// Counters of one or more sockets. Each is exact; together they are no snapshot. A clone counts the same.
#[derive(Clone, Debug)]
pub struct RadiusCounters {
    packets: Counter,
    replies: Labelled,
    accepts: Counter,
    statuses: Counter,
    resent: Counter,
    rejects: Labelled,
    by_reason: Box<[Counter]>,
    dropped: Labelled,
    malformed: Box<[Counter]>,
    unanswered: Box<[Counter]>,
    troubles: Labelled,
    by_trouble: Box<[Counter]>,
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
        let [replies, rejects, dropped, troubles] = [(); 4].map(|()| Labelled::default());
        let reply = |result| replies.get_or_create_owned(&[("result", result)]);
        RadiusCounters {
            packets: Counter::default(),
            accepts: reply("accept"),
            statuses: reply("status"),
            resent: reply("resent"),
            replies,
            by_reason: each(
                &rejects,
                "reason",
                RejectReason::ALL.iter().map(|reason| reason.label()),
            ),
            rejects,
            malformed: each(
                &dropped,
                "reason",
                Malformed::ALL.iter().map(|reason| reason.label()),
            ),
            unanswered: each(
                &dropped,
                "reason",
                Unanswered::ALL.iter().map(|reason| reason.label()),
            ),
            dropped,
            by_trouble: each(&troubles, "what", Trouble::ALL.iter().map(|what| what.label())),
            troubles,
        }
    }
}

impl RadiusCounters {
    /// A datagram arrived.
    pub(super) fn packet(&self) {
        self.packets.inc();
    }

    /// A packet was answered.
    pub(super) fn reply(&self, kind: ReplyKind) {
        let counter = match kind {
            ReplyKind::Accept => Some(&self.accepts),
            ReplyKind::Status => Some(&self.statuses),
            ReplyKind::Resent => Some(&self.resent),
            ReplyKind::Reject(reason) => self.by_reason.get(reason as usize),
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
        add(self.by_trouble.get(trouble as usize));
    }
}

impl Collector for RadiusCounters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        write(out, "radius_packets", "Datagrams received", &self.packets)?;
        for (name, help, family) in [
            (
                "radius_replies",
                "Answers other than Access-Reject",
                &self.replies,
            ),
            ("radius_rejects", "Access-Rejects", &self.rejects),
            ("radius_dropped", "Packets without an answer", &self.dropped),
            (
                "radius_troubles",
                "Failures on this side of the wire",
                &self.troubles,
            ),
        ] {
            write(out, name, help, family)?;
        }
        Ok(())
    }
}

fn add(counter: Option<&Counter>) {
    if let Some(counter) = counter {
        counter.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::observe::metrics::Metrics;

    #[test]
    fn what_happened_is_counted_under_its_own_name() {
        let counters = RadiusCounters::default();
        counters.packet();
        counters.reply(ReplyKind::Accept);
        counters.reply(ReplyKind::Reject(RejectReason::Eap));
        counters.dropped(Malformed::EapWithPassword.into());
        counters.dropped(Unanswered::ReplyTooLarge.into());
        counters.trouble(Trouble::VerdictLost);
        let text = Metrics::new(vec![Box::new(counters)]).text();
        for line in [
            "packets_total 1",
            "replies_total{result=\"accept\"} 1",
            "rejects_total{reason=\"eap_not_offered\"} 1",
            "dropped_total{reason=\"eap_with_password\"} 1",
            "dropped_total{reason=\"reply_too_large\"} 1",
            "troubles_total{what=\"verdict_lost\"} 1",
        ] {
            assert!(
                text.contains(&format!("beadle_radius_{line}\n")),
                "{line} in {text}"
            );
        }
        assert_eq!(text.matches(" 1\n").count(), 6, "{text}");
    }
}
