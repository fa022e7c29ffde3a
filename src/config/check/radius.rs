//! `[radius]` and `[[radius.client]]`.

use std::sync::Arc;

use toml::Spanned;
use zeroize::Zeroizing;

use super::Checker;
use crate::config::document::Span;
use crate::config::raw::{Field, RawClient, RawRadius};
use crate::config::settings::{MessageAuthenticator, RadiusClient, RadiusTimes};
use crate::types::SharedSecret;

/// Fewer octets in a shared secret are refused (RFC 2865 section 3: at least 16 is preferred).
pub const SECRET_OCTETS_MIN: usize = 16;
/// Fewer octets in a shared secret are warned of: what a guesser with one packet can try offline.
pub const SECRET_OCTETS_GOOD: usize = 24;

/// How to make a good secret.
const SECRET_ADVICE: &str = "use 24 octets or more, such as the output of `openssl rand -base64 24`";

impl Checker<'_> {
    pub(super) fn radius_times(&self, raw: &RawRadius) -> RadiusTimes {
        let default = RadiusTimes::default();
        RadiusTimes {
            reject_delay_ms: self.number(&raw.reject_delay_ms, default.reject_delay_ms, 0..=10_000),
            reject_jitter_ms: self.number(&raw.reject_jitter_ms, default.reject_jitter_ms, 0..=5_000),
            duplicate_entries_max: self.number(
                &raw.duplicate_entries_max,
                default.duplicate_entries_max,
                256..=4_194_304,
            ),
            duplicate_life_s: self.number(&raw.duplicate_life_s, default.duplicate_life_s, 5..=30),
        }
    }

    pub(super) fn radius_clients(&self, raw: &RawRadius) -> Vec<RadiusClient> {
        let mut clients: Vec<RadiusClient> = Vec::new();
        for table in raw.client.iter().flatten() {
            let Some(client) = self.radius_client(table) else {
                continue;
            };
            if clients.iter().any(|earlier| earlier.name == client.name) {
                let what = format!("a second client called {:?}", client.name);
                self.error(&table.span(), what, "give each client a name of its own");
            }
            if let Some(earlier) = clients.iter().find(|earlier| earlier.network == client.network) {
                let what = format!(
                    "{} is the network of client {:?} too",
                    client.network, earlier.name
                );
                self.error(
                    &table.span(),
                    what,
                    "give each client a network of its own; the narrowest match wins",
                );
            }
            clients.push(client);
        }
        clients
    }

    fn radius_client(&self, table: &Spanned<RawClient>) -> Option<RadiusClient> {
        let client = table.get_ref();
        let place = table.span();
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
        let name = client.name.as_ref().and_then(|name| self.name(name));
        let network = client.network.as_ref().and_then(|network| self.network(network));
        let secret = self.shared_secret(client, &place);
        let service = client.service.as_ref().and_then(|service| self.name(service));
        let message_authenticator = self.message_authenticator(&client.require_message_authenticator);
        Some(RadiusClient {
            name: Arc::from(name?),
            network: network?,
            secret: secret?,
            message_authenticator,
            service: service.map(Arc::from),
        })
    }

    fn message_authenticator(&self, written: &Field<String>) -> MessageAuthenticator {
        let words = [
            ("yes", MessageAuthenticator::Required),
            ("no", MessageAuthenticator::Optional),
            ("latch", MessageAuthenticator::Latch),
        ];
        let meaning = self.word(written, MessageAuthenticator::Required, &words);
        if let (Some(written), MessageAuthenticator::Optional) = (written, meaning) {
            self.warning(
                &written.span(),
                "answers of this client can be forged (CVE-2024-3596)",
                "write \"latch\", and \"yes\" once the client can sign",
            );
        }
        meaning
    }

    fn shared_secret(&self, client: &RawClient, place: &Span) -> Option<SharedSecret> {
        match (&client.secret, &client.secret_file) {
            (Some(secret), None) => self.long_enough(secret.get_ref().expose().as_bytes(), &secret.span()),
            (None, Some(file)) => {
                let octets = Zeroizing::new(self.file(file)?);
                self.long_enough(octets.trim_ascii_end(), &file.span())
            }
            (None, None) => {
                self.missing(Some(place), "secret", "write `secret` or `secret_file`");
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
        if length < SECRET_OCTETS_MIN {
            self.error(
                span,
                format!("a shared secret of {length} octets is refused"),
                SECRET_ADVICE,
            );
            return None;
        }
        if length < SECRET_OCTETS_GOOD {
            self.warning(
                span,
                format!("a shared secret of {length} octets is short"),
                SECRET_ADVICE,
            );
        }
        Some(SharedSecret::new(octets))
    }
}
