//! LDAP on Unix sockets of this machine (`ldapi`).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::net::UnixStream;

use crate::directory::login::local;
use crate::directory::request::Verdict;
use crate::ldap::channel::Channel;
use crate::server::ldap::connection;
use crate::server::ldap::listener::{Begin, LdapService, pause};
use crate::server::local::socket::LocalSocket;
use crate::types::LocalUser;

/// Where such a connection comes from: this machine.
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl LdapService {
    /// Accepts connections until shutdown. The connections live on in the task tracker.
    pub async fn accept_local(self: Arc<Self>, socket: LocalSocket) {
        let stop = self.shutdown.stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, user)) => self.welcome_local(stream, user),
                Err(error) => pause(&error).await,
            }
        }
    }

    fn welcome_local(self: &Arc<Self>, stream: UnixStream, user: LocalUser) {
        let Some(guest) = self.admit(SOURCE, Channel::Local(user)) else {
            return;
        };
        let Ok(stream) = stream.into_std() else {
            return;
        };
        self.attend(guest, move |wiring| async move {
            let stream = UnixStream::from_std(stream)?;
            connection::serve(stream, wiring, Begin::Cleartext).await;
            Ok(())
        });
    }

    /// The verdict on a user of this machine who wants to be known without a PIN. Waits while the log has no room.
    pub(super) async fn authenticate_local(&self, user: LocalUser) -> Verdict {
        let is_administrator = |user| self.administrators.include(user);
        let (verdict, event) = local::log_in(user, is_administrator, SOURCE);
        self.runner.realm.audit.write(event, self.runner.now()).await;
        verdict
    }
}
