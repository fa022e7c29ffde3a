//! The clients: who may ask, with which secret, on behalf of which service, and what a packet must prove.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;
use thiserror::Error;

use super::authenticator::Keys;
use crate::types::{IpNet, SharedSecret};

/// The shortest shared secret; a client with a shorter one is refused with [`ClientError::SecretTooShort`].
pub const SECRET_BYTES_MIN: usize = 16;
/// A shorter secret than this is taken, but deserves a warning.
pub const SECRET_BYTES_GOOD: usize = 24;

/// Whether an Access-Request must carry a Message-Authenticator
/// (draft-ietf-radext-deprecating-radius, "BlastRADIUS"; CVE-2024-3596).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequireMessageAuthenticator {
    /// Always.
    #[default]
    Yes,
    /// No: for clients that cannot. A Proxy-State still needs one.
    No,
    /// Not until the first Access-Request that proves the client can; from then on always.
    Latch,
}

/// A client as configured.
pub struct ClientSettings {
    /// Its name, in logs and metrics.
    pub name: Arc<str>,
    /// The addresses it sends from.
    pub network: IpNet,
    /// The secret shared with it.
    pub secret: SharedSecret,
    /// The relying service it asks for, such as `vpn`.
    pub service: Option<Arc<str>>,
    /// Whether it must send a Message-Authenticator.
    pub require_message_authenticator: RequireMessageAuthenticator,
}

/// A client. Has no `Debug`: it holds the secret.
pub struct Client {
    name: Arc<str>,
    network: IpNet,
    keys: Keys,
    service: Option<Arc<str>>,
    require_message_authenticator: RequireMessageAuthenticator,
    latched: AtomicBool,
}

/// Why a set of clients cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The secret is shorter than [`SECRET_BYTES_MIN`].
    #[error("the secret of client {0} is shorter than {SECRET_BYTES_MIN} octets")]
    SecretTooShort(Arc<str>),
    /// Two clients have this name.
    #[error("two clients are named {0}")]
    SameName(Arc<str>),
    /// Two clients claim this network.
    #[error("clients {0} and {1} have the same network {2}")]
    SameNetwork(Arc<str>, Arc<str>, IpNet),
}

impl Client {
    /// The client of `settings`. Errors: [`ClientError::SecretTooShort`].
    pub fn new(settings: ClientSettings) -> Result<Client, ClientError> {
        if settings.secret.expose().len() < SECRET_BYTES_MIN {
            return Err(ClientError::SecretTooShort(settings.name));
        }
        Ok(Client {
            name: settings.name,
            network: settings.network,
            keys: Keys::new(settings.secret),
            service: settings.service,
            require_message_authenticator: settings.require_message_authenticator,
            latched: AtomicBool::new(false),
        })
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The addresses it sends from.
    pub fn network(&self) -> IpNet {
        self.network
    }

    /// The secret shared with it.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The relying service it asks for.
    pub fn service(&self) -> Option<&Arc<str>> {
        self.service.as_ref()
    }

    /// Whether an Access-Request without Message-Authenticator is dropped now.
    pub fn requires_message_authenticator(&self) -> bool {
        match self.require_message_authenticator {
            RequireMessageAuthenticator::Yes => true,
            RequireMessageAuthenticator::No => false,
            RequireMessageAuthenticator::Latch => self.latched.load(Ordering::Relaxed),
        }
    }

    /// Notes that the client can send a Message-Authenticator. True if that changes what it must do from
    /// now on; it never goes back while the process runs.
    pub fn latch(&self) -> bool {
        self.require_message_authenticator == RequireMessageAuthenticator::Latch
            && !self.latched.swap(true, Ordering::Relaxed)
    }
}

/// Every client, found by the address it sends from: the longest matching prefix wins.
#[derive(Default)]
pub struct ClientTable {
    by_network: HashMap<IpNet, Arc<Client>, RandomState>,
    prefix_lengths_v4: Vec<u8>,
    prefix_lengths_v6: Vec<u8>,
}

impl ClientTable {
    /// The table of `clients`. Errors: [`ClientError::SameName`], [`ClientError::SameNetwork`].
    pub fn new(clients: impl IntoIterator<Item = Client>) -> Result<ClientTable, ClientError> {
        let mut table = ClientTable::default();
        for client in clients {
            table.add(client)?;
        }
        for lengths in [&mut table.prefix_lengths_v4, &mut table.prefix_lengths_v6] {
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            lengths.dedup();
        }
        Ok(table)
    }

    /// The client that sends from `address`. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn find(&self, address: IpAddr) -> Option<&Arc<Client>> {
        let address = address.to_canonical();
        let lengths = match address {
            IpAddr::V4(_) => &self.prefix_lengths_v4,
            IpAddr::V6(_) => &self.prefix_lengths_v6,
        };
        lengths.iter().find_map(|length| {
            let network = IpNet::new(address, *length).ok()?.trunc();
            self.by_network.get(&network)
        })
    }

    /// Every client, in no order.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.by_network.values()
    }

    fn add(&mut self, client: Client) -> Result<(), ClientError> {
        if self.clients().any(|other| other.name() == client.name()) {
            return Err(ClientError::SameName(client.name().clone()));
        }
        let network = client.network().trunc();
        if let Some(other) = self.by_network.get(&network) {
            return Err(ClientError::SameNetwork(
                other.name().clone(),
                client.name().clone(),
                network,
            ));
        }
        match network {
            IpNet::V4(_) => self.prefix_lengths_v4.push(network.prefix_len()),
            IpNet::V6(_) => self.prefix_lengths_v6.push(network.prefix_len()),
        }
        self.by_network.insert(network, Arc::new(client));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str, network: &str) -> Client {
        with_secret(name, network, &[b'x'; SECRET_BYTES_GOOD]).unwrap()
    }

    fn with_secret(name: &str, network: &str, secret: &[u8]) -> Result<Client, ClientError> {
        Client::new(ClientSettings {
            name: name.into(),
            network: network.parse().unwrap(),
            secret: SharedSecret::new(secret),
            service: None,
            require_message_authenticator: RequireMessageAuthenticator::Latch,
        })
    }

    fn check(address: &str, expected: Option<&str>) {
        let clients = [
            client("campus", "10.0.0.0/8"),
            client("building", "10.1.0.0/16"),
            client("vpn", "10.1.2.3/32"),
            client("six", "2001:db8::/32"),
            client("host-six", "2001:db8::1/128"),
        ];
        let table = ClientTable::new(clients).unwrap();
        let found = table.find(address.parse().unwrap());
        assert_eq!(found.map(|client| &**client.name()), expected, "{address}");
    }

    #[test]
    fn the_longest_prefix_names_the_client() {
        check("10.1.2.3", Some("vpn"));
        check("10.1.2.4", Some("building"));
        check("10.2.0.1", Some("campus"));
        check("11.0.0.1", None);
        check("::ffff:10.1.2.3", Some("vpn"));
        check("2001:db8::1", Some("host-six"));
        check("2001:db8::2", Some("six"));
        check("2001:db9::1", None);
    }

    #[test]
    fn a_short_secret_is_refused() {
        let of_length = |length| with_secret("nas", "10.0.0.1/32", &vec![b'x'; length]);
        assert_eq!(
            of_length(15).err(),
            Some(ClientError::SecretTooShort("nas".into()))
        );
        assert!(of_length(SECRET_BYTES_MIN).is_ok());
    }

    #[test]
    fn two_clients_share_neither_a_name_nor_a_network() {
        let twice = |one, other| ClientTable::new([one, other]).err();
        assert_eq!(
            twice(client("a", "10.0.0.0/8"), client("a", "11.0.0.0/8")),
            Some(ClientError::SameName("a".into()))
        );
        // The same network, written with host bits.
        assert_eq!(
            twice(client("a", "10.0.0.0/8"), client("b", "10.9.9.9/8")),
            Some(ClientError::SameNetwork(
                "a".into(),
                "b".into(),
                "10.0.0.0/8".parse().unwrap()
            ))
        );
        assert_eq!(twice(client("a", "10.0.0.0/8"), client("b", "10.0.0.0/9")), None);
    }

    #[test]
    fn a_latch_goes_up_once_and_stays() {
        let client = client("nas", "10.0.0.1/32");
        assert!(!client.requires_message_authenticator());
        assert!(client.latch());
        assert!(!client.latch());
        assert!(client.requires_message_authenticator());
    }
}
