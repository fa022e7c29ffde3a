//! The way of a packet from octets to octets, with no socket and no clock.
//!
//! `on_packet` answers what needs no directory itself and hands out a [`Pending`] with a log-in for the
//! rest; `on_verdict` takes the `Pending` back. One session serves one socket.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use radius::core::code::Code;

use super::access::AccessRequest;
use super::admission::{Port, admit};
use super::authenticator::MessageAuthenticator;
use super::client::{Client, ClientTable};
use super::duplicate::{self, Claim, DuplicateCache, Key, Seen};
use super::next::{Dropped, Event, Next, Pending, Reply, ReplyKind};
use super::reason::{DropReason, RejectReason, Unanswered};
use super::reply::{Answer, Echo};
use super::wire::{self, Datagram};
use crate::directory::request::{Asker, Verdict};
use crate::types::{Entropy, Timestamp};

/// The longest [`Settings::reject_delay_ms`]; longer ones are cut to it. A NAS gives up soon after.
pub const REJECT_DELAY_MS_MAX: u64 = 4_000;

/// How a session behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long after its request an Access-Reject leaves, in milliseconds; 0 is at once. Slows guessing.
    pub reject_delay_ms: u64,
    /// How much that delay varies to either side, in milliseconds; never more than the delay itself.
    pub reject_jitter_ms: u64,
    /// For how long an answer is sent again to retransmissions, in seconds from when it was first (5 to 30).
    pub duplicate_lifetime_s: u64,
    /// How many answered requests are remembered; beyond it the oldest are forgotten.
    pub duplicates_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            reject_delay_ms: 1_000,
            reject_jitter_ms: 200,
            duplicate_lifetime_s: duplicate::LIFETIME_S,
            duplicates_max: duplicate::REQUESTS_MAX,
        }
    }
}

/// The two ends of a datagram's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it came from.
    pub source: SocketAddr,
    /// The address it was sent to, if known.
    pub local: Option<IpAddr>,
}

/// The state of one socket.
pub struct Session {
    port: Port,
    clients: Arc<ClientTable>,
    settings: Settings,
    duplicates: DuplicateCache,
    events: VecDeque<Event>,
}

impl Session {
    /// A session for one socket on `port`. Settings out of range are brought into it.
    pub fn new(port: Port, clients: Arc<ClientTable>, mut settings: Settings) -> Session {
        settings.reject_delay_ms = settings.reject_delay_ms.min(REJECT_DELAY_MS_MAX);
        settings.reject_jitter_ms = settings.reject_jitter_ms.min(settings.reject_delay_ms);
        let duplicates = DuplicateCache::new(settings.duplicate_lifetime_s, settings.duplicates_max);
        Session {
            port,
            clients,
            settings,
            duplicates,
            events: VecDeque::new(),
        }
    }

    /// Takes a datagram that arrived at `now`.
    pub fn on_packet(&mut self, bytes: &[u8], peer: Peer, now: Timestamp, entropy: &mut dyn Entropy) -> Next {
        let Some(client) = self.clients.find(peer.source.ip()).cloned() else {
            return dropped(Unanswered::UnknownClient.into(), None);
        };
        let next = match wire::check(bytes) {
            Ok(datagram) => {
                let arrival = Arrival {
                    datagram,
                    peer,
                    client: &client,
                    now,
                };
                self.on_arrival(&arrival, entropy)
            }
            Err(malformed) => Err(malformed.into()),
        };
        next.unwrap_or_else(|reason| dropped(reason, Some(&client)))
    }

    /// Takes the verdict on a log-in, which came at `now`. Errors: the packet gets no answer, because the directory is
    /// busy (a retransmission will be carried out again) or the client no longer waits for one.
    pub fn on_verdict(
        &mut self,
        pending: Pending,
        verdict: &Verdict,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Reply, Dropped> {
        let client = pending.client.clone();
        let reply = match verdict {
            Verdict::Accepted(Asker::Member(_)) => {
                let accept = Answer::bare(Code::AccessAccept);
                self.finish(pending, &accept, now, ReplyKind::Accept)
            }
            // Services and the emergency administrator have no UID; whatever else is accepted is not a member.
            Verdict::Accepted(_) | Verdict::Refused => {
                let reject = Answer::reject(RejectReason::Refused);
                self.reject(pending, &reject, RejectReason::Refused, now, entropy)
            }
            Verdict::Busy => {
                self.duplicates.forget(&pending.key, pending.claim);
                Err(Unanswered::Busy.into())
            }
        };
        reply.map_err(|reason| Dropped {
            reason,
            client: Some(client.name().clone()),
        })
    }

    /// Whether the client still waits for `reply`. To be asked of one that was held back: meanwhile another
    /// request may have come under the same Identifier, to which it would be no answer (RFC 5080 section 2.2.2).
    pub fn is_wanted(&self, reply: &Reply) -> bool {
        let is_wanted = |(key, claim): &(Key, Claim)| self.duplicates.is_wanted(key, claim);
        reply.request.as_ref().is_none_or(is_wanted)
    }

    /// The next thing to see to, if any. To be asked after every packet.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn on_arrival(&mut self, arrival: &Arrival<'_>, entropy: &mut dyn Entropy) -> Result<Next, DropReason> {
        let proof = admit(self.port, &arrival.datagram, arrival.client)?;
        match arrival.datagram.code() {
            Code::StatusServer => self.on_status_server(arrival).map(Next::Reply),
            // Nothing records accounting yet, and RFC 2866 section 4.1 forbids an Accounting-Response
            // for what was not recorded: the client keeps the record and tries elsewhere.
            Code::AccountingRequest => Err(Unanswered::AccountingNotRecorded.into()),
            _ => self.on_access_request(arrival, proof, entropy),
        }
    }

    /// Answers at once and remembers nothing: the answer changes nothing, and a client that asks
    /// whether we are alive must not hear that we were (RFC 5997 section 3).
    fn on_status_server(&self, arrival: &Arrival<'_>) -> Result<Reply, DropReason> {
        let code = match self.port {
            Port::Authentication => Code::AccessAccept,
            Port::Accounting => Code::AccountingResponse,
        };
        let echo = Echo::of(&arrival.datagram).map_err(|_| Unanswered::ReplyTooLarge)?;
        let octets = Answer::bare(code)
            .seal(&echo, arrival.client.keys())
            .map_err(|_| Unanswered::ReplyTooLarge)?;
        Ok(arrival.answer_at_once(octets, ReplyKind::Status))
    }

    fn on_access_request(
        &mut self,
        arrival: &Arrival<'_>,
        proof: MessageAuthenticator,
        entropy: &mut dyn Entropy,
    ) -> Result<Next, DropReason> {
        self.note_proof(&arrival.datagram, proof, arrival.client);
        // Before anything is begun: a PIN is not checked for an answer that cannot be given.
        let echo = Echo::of(&arrival.datagram).map_err(|_| Unanswered::ReplyTooLarge)?;
        let octets = arrival.datagram.octets();
        match self.duplicates.observe(arrival.key(), octets, arrival.now) {
            Seen::New { claim, given_up } => {
                self.events.extend(given_up.map(Event::GivenUp));
                self.on_new_request(arrival, arrival.pending(claim, echo), proof, entropy)
            }
            Seen::InProgress => Err(Unanswered::DuplicateInProgress.into()),
            Seen::Late => Err(Unanswered::DuplicateLate.into()),
            Seen::Answered(octets) => Ok(Next::Reply(arrival.answer_at_once(octets, ReplyKind::Resent))),
        }
    }

    fn on_new_request(
        &mut self,
        arrival: &Arrival<'_>,
        mut pending: Pending,
        proof: MessageAuthenticator,
        entropy: &mut dyn Entropy,
    ) -> Result<Next, DropReason> {
        let request = AccessRequest {
            datagram: arrival.datagram,
            proof,
            client: arrival.client,
            source: arrival.peer.source.ip(),
        };
        let reason = match request.log_in() {
            Ok(log_in) => {
                pending.caller = log_in.caller;
                return Ok(Next::Run(pending, log_in));
            }
            Err(reason) => reason,
        };
        let reject = match reason {
            RejectReason::Eap => Answer::reject_eap(&arrival.datagram),
            reason => Answer::reject(reason),
        };
        self.reject(pending, &reject, reason, arrival.now, entropy)
            .map(Next::Reply)
    }

    /// EAP always carries a Message-Authenticator, so it says nothing about a client's PAP.
    fn note_proof(&mut self, datagram: &Datagram<'_>, proof: MessageAuthenticator, client: &Client) {
        let shows = proof == MessageAuthenticator::Valid && !datagram.has_eap_message();
        if shows && client.latch() {
            self.events.push_back(Event::Latched(client.name().clone()));
        }
    }

    fn reject(
        &mut self,
        pending: Pending,
        answer: &Answer,
        reason: RejectReason,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Reply, DropReason> {
        let not_before = self.reject_at(pending.received, entropy).max(now);
        self.finish(pending, answer, not_before, ReplyKind::Reject(reason))
    }

    fn finish(
        &mut self,
        pending: Pending,
        answer: &Answer,
        not_before: Timestamp,
        kind: ReplyKind,
    ) -> Result<Reply, DropReason> {
        let Pending {
            client, key, claim, ..
        } = pending;
        let Ok(octets) = answer.seal(&pending.echo, client.keys()) else {
            self.duplicates.forget(&key, claim);
            return Err(Unanswered::ReplyTooLarge.into());
        };
        self.duplicates
            .answer(&key, &claim, &octets, not_before)
            .map_err(|_| Unanswered::Abandoned)?;
        Ok(Reply {
            octets,
            not_before,
            client: client.name().clone(),
            caller: pending.caller,
            kind,
            request: Some((key, claim)),
        })
    }

    /// Measured from receipt, so that the time a log-in took does not show.
    fn reject_at(&self, received: Timestamp, entropy: &mut dyn Entropy) -> Timestamp {
        let jitter_ms = self.settings.reject_jitter_ms;
        if jitter_ms == 0 {
            return received.plus_ms(self.settings.reject_delay_ms);
        }
        let mut chance = [0; 8];
        entropy.fill(&mut chance);
        let chance_ms = u64::from_le_bytes(chance) % (2 * jitter_ms + 1);
        received.plus_ms(self.settings.reject_delay_ms - jitter_ms + chance_ms)
    }
}

/// A packet from a client, on its way to an answer.
struct Arrival<'a> {
    datagram: Datagram<'a>,
    peer: Peer,
    client: &'a Arc<Client>,
    now: Timestamp,
}

impl Arrival<'_> {
    fn key(&self) -> Key {
        Key {
            source: self.peer.source,
            local: self.peer.local,
            code: self.datagram.code() as u8,
            identifier: self.datagram.identifier(),
        }
    }

    fn pending(&self, claim: Claim, echo: Echo) -> Pending {
        Pending {
            client: self.client.clone(),
            key: self.key(),
            claim,
            received: self.now,
            echo,
            caller: None,
        }
    }

    fn answer_at_once(&self, octets: Arc<[u8]>, kind: ReplyKind) -> Reply {
        Reply {
            octets,
            not_before: self.now,
            client: self.client.name().clone(),
            caller: None,
            kind,
            request: None,
        }
    }
}

fn dropped(reason: DropReason, client: Option<&Arc<Client>>) -> Next {
    Next::Drop(Dropped {
        reason,
        client: client.map(|client| client.name().clone()),
    })
}

#[cfg(test)]
mod tests;
