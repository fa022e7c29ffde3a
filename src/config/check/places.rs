//! `[store]`, `[tls]` and `[log]`.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::Checker;
use crate::config::defaults;
use crate::config::document::Span;
use crate::config::raw::{Field, Raw, RawLog, RawStore, RawTls};
use crate::config::settings::{Log, LogLevel, Places};
use crate::server::http::tls::{self, TlsFiles};
use crate::server::observe::log::LogFormat;
use crate::store::sled::SledSettings;

impl Checker<'_> {
    pub(super) fn places(&self, raw: &Raw) -> Places {
        let store = self.store(&raw.store);
        let admin_socket = self.admin_socket(raw, &store);
        Places {
            tls: self.tls(&raw.tls),
            admin_socket,
            log: self.log(&raw.log),
            store,
        }
    }

    fn store(&self, raw: &RawStore) -> SledSettings {
        let default = defaults::store();
        let window_ms = u64::try_from(default.group_window.as_millis()).unwrap_or(u64::MAX);
        self.word(&raw.engine, (), &[("sled", ())]);
        SledSettings {
            group_window: Duration::from_millis(self.number(&raw.group_commit_ms, window_ms, 0..=100)),
            ..SledSettings::at(self.path(&raw.path).unwrap_or(default.path))
        }
    }

    /// Both files or none, and a pair that can be served.
    fn tls(&self, written: &Field<RawTls>) -> Option<TlsFiles> {
        let table = written.as_ref()?;
        let certificate = self.pem(&table.get_ref().certificate);
        let private_key = self.pem(&table.get_ref().private_key);
        for (key, file) in [
            ("certificate", &table.get_ref().certificate),
            ("private_key", &table.get_ref().private_key),
        ] {
            if file.is_none() {
                self.missing(
                    Some(&table.span()),
                    key,
                    "name a PEM file, or leave out [tls] for a self-signed pair",
                );
            }
        }
        table
            .get_ref()
            .private_key
            .iter()
            .for_each(|key| self.is_private(key));
        let (certificate, private_key) = (certificate?, private_key?);
        let files = TlsFiles {
            certificate: certificate.path,
            private_key: private_key.path,
        };
        if let Err(error) = tls::check_pair(&files, &certificate.text, &private_key.text) {
            let place = match error.path() {
                path if path == files.certificate => &certificate.span,
                _ => &private_key.span,
            };
            let right = "name a certificate and its own key, both in PEM, the key not encrypted";
            self.error(place, error.to_string(), right);
        }
        Some(files)
    }

    fn pem(&self, written: &Field<String>) -> Option<Pem> {
        let path = self.path(written)?;
        let written = written.as_ref()?;
        let text = Zeroizing::new(self.file(written)?);
        if !text.windows(BEGIN.len()).any(|bytes| bytes == BEGIN) {
            let what = format!("{} is not a PEM file", path.display());
            self.error(
                &written.span(),
                what,
                "convert it with `openssl`; it has a line `-----BEGIN ...-----`",
            );
            return None;
        }
        Some(Pem {
            path,
            text,
            span: written.span(),
        })
    }

    fn log(&self, raw: &RawLog) -> Log {
        let default = Log::default();
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        Log {
            level: self.word(&raw.level, default.level, &levels),
            format: self.word(&raw.format, default.format, &formats),
        }
    }
}

/// What every PEM file has in it.
const BEGIN: &[u8] = b"-----BEGIN ";

/// A PEM file that is named by a key.
struct Pem {
    path: PathBuf,
    text: Zeroizing<Vec<u8>>,
    span: Span,
}
