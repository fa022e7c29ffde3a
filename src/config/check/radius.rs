//! `[radius]` and `[[radius.client]]`.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use zeroize::Zeroizing;

use super::Checker;
use crate::config::document::Span;
use crate::config::raw::{Field, RawClient, RawRadius};
use crate::radius::client::{
    Client, ClientError, ClientSettings, ClientTable, RequireMessageAuthenticator, SECRET_BYTES_GOOD,
    SECRET_BYTES_MIN,
};
use crate::radius::duplicate::LIFETIME_S_RANGE;
use crate::radius::session::{REJECT_DELAY_MS_MAX, Settings};
use crate::types::{IpNet, SharedSecret};

/// How to make a good secret.
const SECRET_ADVICE: &str = "use 24 octets or more, such as the output of `openssl rand -base64 24`";

impl Checker<'_> {
    pub(super) fn radius(&self, raw: &RawRadius) -> Settings {
        let default = Settings::default();
        let delay_ms = self.number(
            &raw.reject_delay_ms,
            default.reject_delay_ms,
            0..=REJECT_DELAY_MS_MAX,
        );
        let jitter_ms = self.number(
            &raw.reject_jitter_ms,
            default.reject_jitter_ms,
            0..=REJECT_DELAY_MS_MAX,
        );
        if let (Some(written), true) = (&raw.reject_jitter_ms, jitter_ms > delay_ms) {
            let what = format!("a delay of {delay_ms} ms cannot vary by {jitter_ms} ms");
            self.error(&written.span(), what, format!("write 0 to {delay_ms}"));
        }
        Settings {
            reject_delay_ms: delay_ms,
            reject_jitter_ms: jitter_ms,
            duplicate_lifetime_s: self.number(
                &raw.duplicate_lifetime_s,
                default.duplicate_lifetime_s,
                LIFETIME_S_RANGE,
            ),
            duplicates_max: self.count(&raw.duplicates_max, default.duplicates_max, 256..=4_194_304),
        }
    }

    /// Every client that is good. Duplicates are reported where the second one stands, also if the first has
    /// another fault.
    pub(super) fn radius_clients(&self, raw: &RawRadius) -> ClientTable {
        let (mut clients, mut earlier) = (Vec::new(), Vec::new());
        for table in raw.client.iter().flatten() {
            let identity = self.identity(table);
            let client = self.radius_client(table, &identity);
            if self.differs(&identity, &earlier, &table.span()) {
                clients.extend(client.and_then(|client| self.accepted(Client::new(client), &table.span())));
            }
            earlier.push(identity);
        }
        let last = raw.client.iter().flatten().last();
        let place = last.map(Spanned::span).unwrap_or_default();
        self.accepted(ClientTable::new(clients), &place)
            .unwrap_or_default()
    }

    /// What the listener makes of clients that are good here; at `place` an error if it knows better.
    fn accepted<T>(&self, made: Result<T, ClientError>, place: &Span) -> Option<T> {
        let refused =
            |error: ClientError| self.error(place, error.to_string(), "report this: it passed every check");
        made.map_err(refused).ok()
    }

    /// What tells a client from others, as far as it is good.
    fn identity(&self, table: &Spanned<RawClient>) -> Identity {
        let (client, place) = (table.get_ref(), table.span());
        if client.name.is_none() {
            self.missing(Some(&place), "name", "name the client, such as \"vpn-1\"");
        }
        if client.network.is_none() {
            self.missing(
                Some(&place),
                "network",
                "say where it asks from, such as \"192.0.2.10/32\"",
            );
        }
        Identity {
            name: client.name.as_ref().and_then(|name| self.name(name)),
            network: client.network.as_ref().and_then(|network| self.network(network)),
        }
    }

    /// Whether `client` shares neither name nor network with an earlier one.
    fn differs(&self, client: &Identity, earlier: &[Identity], span: &Span) -> bool {
        let same_name = earlier
            .iter()
            .filter_map(|other| other.name.as_ref())
            .find(|name| client.name.as_ref() == Some(name));
        if let Some(name) = same_name {
            let what = format!("a second client called {name:?}");
            self.error(span, what, "give each client a name of its own");
        }
        let same_network = earlier
            .iter()
            .find(|other| other.network.is_some() && other.network == client.network);
        if let (Some(other), Some(network)) = (same_network, client.network) {
            let name = other.name.as_deref().unwrap_or("without a good name");
            let what = format!("{network} is the network of client {name:?} too");
            self.error(
                span,
                what,
                "give each client a network of its own; the narrowest match wins",
            );
        }
        same_name.is_none() && same_network.is_none()
    }

    fn radius_client(&self, table: &Spanned<RawClient>, identity: &Identity) -> Option<ClientSettings> {
        let client = table.get_ref();
        let secret = self.shared_secret(client, &table.span());
        let service = client.service.as_ref().and_then(|service| self.name(service));
        let require_message_authenticator = self.message_authenticator(&client.require_message_authenticator);
        self.latches_one(client, identity);
        Some(ClientSettings {
            name: Arc::from(identity.name.as_deref()?),
            network: identity.network?,
            secret: secret?,
            require_message_authenticator,
            service: service.map(Arc::from),
        })
    }

    /// The first signed request latches the whole network: others there that cannot sign are shut out.
    fn latches_one(&self, client: &RawClient, identity: &Identity) {
        let written = client.require_message_authenticator.as_ref();
        let latch = written.filter(|written| written.get_ref() == "latch");
        let several = identity
            .network
            .filter(|network| network.prefix_len() < network.max_prefix_len());
        if let (Some(written), Some(network)) = (latch, several) {
            self.warning(
                &written.span(),
                format!("one machine in {network} that signs shuts out those that cannot"),
                "write \"latch\" for single addresses only; \"yes\" where all of them can sign",
            );
        }
    }

    fn message_authenticator(&self, written: &Field<String>) -> RequireMessageAuthenticator {
        let words = [
            ("yes", RequireMessageAuthenticator::Yes),
            ("no", RequireMessageAuthenticator::No),
            ("latch", RequireMessageAuthenticator::Latch),
        ];
        let meaning = self.word(written, RequireMessageAuthenticator::Yes, &words);
        if let (Some(written), RequireMessageAuthenticator::No) = (written, meaning) {
            self.warning(
                &written.span(),
                "answers of this client can be forged (CVE-2024-3596)",
                "write \"latch\", and \"yes\" once the client can sign",
            );
        }
        meaning
    }

    /// A secret that every user of the machine can read is one to nobody.
    pub(super) fn is_private(&self, file: &Spanned<String>) {
        if self.files.is_open_to_all(Path::new(file.get_ref())) {
            let what = format!("every user of this machine can read {}", file.get_ref());
            self.warning(
                &file.span(),
                what,
                "take others' right to read it away: chmod o= FILE",
            );
        }
    }

    fn shared_secret(&self, client: &RawClient, place: &Span) -> Option<SharedSecret> {
        match (&client.secret, &client.secret_file) {
            (Some(secret), None) => self.long_enough(secret.get_ref().expose().as_bytes(), &secret.span()),
            (None, Some(file)) => {
                let octets = Zeroizing::new(self.file(file)?);
                self.is_private(file);
                self.long_enough(octets.trim_ascii_end(), &file.span())
            }
            (None, None) => {
                if !self.document.sets(Some(place), "secret_file") {
                    self.missing(Some(place), "secret", "write `secret` or `secret_file`");
                }
                None
            }
            (Some(_), Some(file)) => {
                self.error(
                    &file.span(),
                    "a second secret",
                    "write `secret` or `secret_file`, not both",
                );
                None
            }
        }
    }

    /// The secret, unless it is too short; at `span` an error or a warning about its length.
    fn long_enough(&self, octets: &[u8], span: &Span) -> Option<SharedSecret> {
        let length = octets.len();
        if length < SECRET_BYTES_MIN {
            self.error(
                span,
                format!("a shared secret of {length} octets is refused"),
                SECRET_ADVICE,
            );
            return None;
        }
        if length < SECRET_BYTES_GOOD {
            self.warning(
                span,
                format!("a shared secret of {length} octets is short"),
                SECRET_ADVICE,
            );
        }
        Some(SharedSecret::new(octets))
    }
}

/// What tells a client from others.
struct Identity {
    name: Option<String>,
    network: Option<IpNet>,
}
