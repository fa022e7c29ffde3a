//! Accepts LDAP and LDAPS connections and gives each a place and a task.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ldap::channel::Channel;
use crate::ldap::session::Session;
use crate::ldap::shared::Shared;
use crate::server::http::tls::Tls;
use crate::server::ldap::connection::{self, Wiring};
use crate::server::ldap::counters::LdapCounters;
use crate::server::ldap::places::{Place, Places, Source};
use crate::server::ldap::workers::Workers;
use crate::server::local::administrators::Administrators;
use crate::server::observe::log::queue::Log;
use crate::server::observe::mentions::Mentions;
use crate::server::runner::Runner;
use crate::types::IpNet;

/// How long to wait after a connection could not be accepted, most often because files have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits and trust of the LDAP listeners.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// The most connections at a time over all listeners; one more is closed at once, unless it is from an administrator
    /// of this machine, for whom a few places are kept ([`places`](crate::server::ldap::places)).
    pub connections_max: usize,
    /// The most connections at a time from one IPv4 address, IPv6 /64 or user of this machine; one more is closed at once.
    pub connections_per_source_max: usize,
    /// Seconds a new connection may take to its first message, and a TLS handshake may last.
    pub first_message_limit_s: u32,
    /// Seconds without a message after which a connection is closed.
    pub idle_limit_s: u32,
    /// Seconds a client may take to accept one piece of its answers.
    pub write_limit_s: u32,
    /// Where simple binds are accepted in clear.
    pub cleartext_bind_from: Vec<IpNet>,
    /// The group of this machine whose members are administrators over Unix sockets, besides root and the daemon's own
    /// user.
    pub administrators_group: Option<String>,
}

impl Default for LdapSettings {
    fn default() -> LdapSettings {
        LdapSettings {
            connections_max: 10_000,
            connections_per_source_max: 1_000,
            first_message_limit_s: 30,
            idle_limit_s: 900,
            write_limit_s: 30,
            cleartext_bind_from: Vec::new(),
            administrators_group: None,
        }
    }
}

/// How a listener's connections begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// In clear; StartTLS may follow.
    Cleartext,
    /// With a TLS handshake (LDAPS).
    Tls,
}

/// How a service is told to stop, and how one waits until it has.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Cancelled: accept no more, end each connection after the request it is at.
    pub stop: CancellationToken,
    /// Every connection's task.
    pub tasks: TaskTracker,
}

/// LDAP over sockets: what all connections share.
pub struct LdapService {
    pub(super) runner: Arc<Runner>,
    pub(super) counters: Arc<LdapCounters>,
    pub(super) log: Arc<Log>,
    pub(super) settings: LdapSettings,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) shutdown: Shutdown,
    pub(super) administrators: Administrators,
    session: Arc<Shared>,
    places: Arc<Places>,
    workers: Workers,
    refused: Mutex<Mentions<Source>>,
}

impl LdapService {
    /// A service that asks `runner`. Without `tls` there is no LDAPS, and `session` must not offer StartTLS. Errors: the
    /// system has no thread or no poller left.
    pub fn new(
        runner: Arc<Runner>,
        session: Arc<Shared>,
        tls: Option<Arc<Tls>>,
        settings: LdapSettings,
        counters: Arc<LdapCounters>,
        log: Arc<Log>,
        shutdown: Shutdown,
    ) -> io::Result<Arc<LdapService>> {
        let workers = Workers::start(&shutdown.tasks)?;
        let places = Places::new(settings.connections_max, settings.connections_per_source_max);
        Ok(Arc::new(LdapService {
            runner,
            counters,
            log,
            administrators: Administrators::with_group(settings.administrators_group.clone()),
            settings,
            tls,
            shutdown,
            session,
            places,
            workers,
            refused: Mutex::default(),
        }))
    }

    /// Accepts connections until shutdown. The connections live on in the task tracker.
    pub async fn accept(self: Arc<Self>, listener: TcpListener, begin: Begin) {
        let stop = self.shutdown.stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.welcome(stream, peer, begin),
                Err(error) => pause(&error).await,
            }
        }
    }

    fn welcome(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, begin: Begin) {
        let source = peer.ip().to_canonical();
        let Some(guest) = self.admit(source, self.channel(source)) else {
            return;
        };
        // Answers are collected before they are written: waiting for more would only delay them.
        let Ok(stream) = stream.set_nodelay(true).and_then(|()| stream.into_std()) else {
            return;
        };
        self.attend(guest, move |wiring| async move {
            let stream = TcpStream::from_std(stream)?;
            connection::serve(stream, wiring, begin).await;
            Ok(())
        });
    }

    /// Gives a connection from `source` its place, if there is one.
    pub(super) fn admit(self: &Arc<Self>, source: IpAddr, channel: Channel) -> Option<Guest> {
        let place = self.place(source, channel)?;
        let id = self.counters.connections.inc();
        self.counters.connections_open.inc();
        let wiring = Wiring {
            service: Arc::clone(self),
            session: Session::new(Arc::clone(&self.session), source, channel),
            id,
            source,
        };
        let stay = (place, Ended(Arc::clone(&self.counters)));
        Some(Guest { wiring, stay })
    }

    fn place(&self, source: IpAddr, channel: Channel) -> Option<Place> {
        let (source, place) = match channel {
            Channel::Local(user) => {
                let source = Source::User(user.user);
                // Only if there is no other: whether it is an administrator may be a question to a file.
                let kept = || match self.administrators.include(user) {
                    true => self.places.take_reserved(source),
                    false => None,
                };
                (source, self.places.take(source).or_else(kept))
            }
            Channel::Tls | Channel::TrustedCleartext | Channel::Cleartext => {
                let source = Source::Address(source);
                (source, self.places.take(source))
            }
        };
        if place.is_none() {
            self.refuse(source);
        }
        place
    }

    /// Serves a connection by `serve` on a thread of its turn; errors: the thread's poller has no room for it.
    pub(super) fn attend<F>(&self, guest: Guest, serve: impl FnOnce(Wiring) -> F + Send + 'static)
    where
        F: Future<Output = io::Result<()>> + Send,
    {
        let Guest { wiring, stay } = guest;
        let serving = async move {
            if let Err(error) = serve(wiring).await {
                tracing::error!(target: "beadle::ldap", %error, "cannot serve a connection");
            }
            drop(stay);
        };
        self.shutdown.tasks.spawn_on(serving, self.workers.next());
    }

    fn refuse(&self, source: Source) {
        self.counters.connections_refused.inc();
        // The set is whole between any two statements, so a poisoned lock guards one all the same.
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_due(source, self.runner.now()) {
            tracing::warn!(target: "beadle::ldap", %source, "no place for another connection");
        }
    }

    /// What a connection from `source` is before any TLS.
    fn channel(&self, source: IpAddr) -> Channel {
        if self
            .settings
            .cleartext_bind_from
            .iter()
            .any(|network| network.contains(&source))
        {
            Channel::TrustedCleartext
        } else {
            Channel::Cleartext
        }
    }
}

/// A connection that has its place, and gives it back when it ends.
pub(super) struct Guest {
    wiring: Wiring,
    stay: (Place, Ended),
}

/// Counts the end of a connection, however it comes.
struct Ended(Arc<LdapCounters>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.connections_open.dec();
    }
}

/// One connection that failed before it was accepted says nothing of the next; running out of files does.
pub(super) async fn pause(error: &io::Error) {
    if !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    ) {
        tracing::error!(target: "beadle::ldap", %error, "cannot accept a connection");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
