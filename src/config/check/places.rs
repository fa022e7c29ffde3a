//! `[store]`, `[tls]`, `[schema]`, `[admin]` and `[log]`.

use std::time::Duration;

use super::Checker;
use crate::config::defaults;
use crate::config::raw::{Field, Raw, RawLog, RawStore, RawTls};
use crate::config::settings::{Log, LogFormat, LogLevel, Places};
use crate::server::tls::TlsFiles;
use crate::store::SledSettings;

impl Checker<'_> {
    pub(super) fn places(&self, raw: &Raw) -> Places {
        let store = self.store(&raw.store);
        let admin_socket = self.path(&raw.admin.socket);
        Places {
            tls: self.tls(&raw.tls),
            admin_socket: admin_socket.unwrap_or_else(|| defaults::admin_socket(&store)),
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

    /// Both files or none; that they can be read and hold PEM is checked, what it says is not.
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
        Some(TlsFiles {
            certificate: certificate?,
            private_key: private_key?,
        })
    }

    fn pem(&self, written: &Field<String>) -> Option<std::path::PathBuf> {
        let path = self.path(written)?;
        let written = written.as_ref()?;
        let bytes = zeroize::Zeroizing::new(self.file(written)?);
        if !String::from_utf8_lossy(&bytes).contains("-----BEGIN ") {
            let what = format!("{} is not a PEM file", path.display());
            self.error(
                &written.span(),
                what,
                "convert it with `openssl`; it has a line `-----BEGIN ...-----`",
            );
        }
        Some(path)
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
