//! The daemon's certificate and key: loaded, made once when there are none, exchanged while running.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{Certificate, CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use thiserror::Error;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate first, then those it is vouched for by.
    pub certificate: PathBuf,
    /// PEM: the private key of the first certificate.
    pub private_key: PathBuf,
}

/// Why there is no TLS. Each says which file to look at.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file holds something else than PEM.
    #[error("{} is not a PEM file: {source}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate (no BEGIN CERTIFICATE)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key.
    #[error("{} holds no private key (no BEGIN PRIVATE KEY)", path.display())]
    NoPrivateKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is encrypted, and nobody is there to be asked for the passphrase.
    #[error("the key in {} is encrypted", path.display())]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The key is of a kind that is not served, or not the certificate's.
    #[error("the key in {} cannot be used with the certificate in {}: {source}", private_key.display(), certificate.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        private_key: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// The file of a certificate made here cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a self-signed certificate: {0}")]
    Generate(#[from] rcgen::Error),
    /// The TLS library refuses the protocol versions; it never does.
    #[error("cannot set up TLS: {0}")]
    Setup(rustls::Error),
}

impl TlsError {
    /// The file to look at first; empty if it is about none.
    pub fn path(&self) -> &Path {
        match self {
            TlsError::Read { path, .. }
            | TlsError::NotPem { path, .. }
            | TlsError::NoCertificate { path }
            | TlsError::NoPrivateKey { path }
            | TlsError::Encrypted { path }
            | TlsError::Write { path, .. } => path,
            TlsError::Unusable { private_key, .. } => private_key,
            TlsError::Generate(_) | TlsError::Setup(_) => Path::new(""),
        }
    }
}

/// TLS 1.2 and 1.3 with the daemon's certificate, which can be exchanged while connections are served.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Loads certificate and key. Errors: [`TlsError`].
    pub fn load(files: TlsFiles) -> Result<Tls, TlsError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(certified_key(&files)?))));
        let resolver: Arc<dyn ResolvesServerCert> = current.clone();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        Ok(Tls {
            files,
            current,
            config: Arc::new(config),
        })
    }

    /// Reads the files again; connections from now on get the new certificate. On an error the old one stays.
    /// Errors: [`TlsError`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let key = Arc::new(certified_key(&self.files)?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    /// What a handshake needs. The same for the life of the daemon.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// The certificate handed out at present.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Checks that a certificate and a key, which `files` hold, can be served. Errors: [`TlsError`], as [`Tls::load`]
/// would say.
pub fn check_pair(files: &TlsFiles, certificate: &[u8], private_key: &[u8]) -> Result<(), TlsError> {
    pair(files, certificate, private_key).map(|_| ())
}

fn certified_key(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let certificate = read(&files.certificate)?;
    pair(files, &certificate, &read(&files.private_key)?)
}

fn pair(files: &TlsFiles, certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&files.certificate, certificate)?;
    let key = private_key(&files.private_key, key)?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|source| TlsError::Unusable {
        certificate: files.certificate.clone(),
        private_key: files.private_key.clone(),
        source,
    })
}

fn certificates(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let chain = chain.map_err(|source| TlsError::NotPem {
        path: path.into(),
        source,
    })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.into() });
    }
    Ok(chain)
}

fn private_key(path: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    /// In the first line (RFC 7468 section 11), or in the second of an older form (RFC 1421 section 4.6.1.1).
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    if text.windows(ENCRYPTED.len()).any(|bytes| bytes == ENCRYPTED) {
        return Err(TlsError::Encrypted { path: path.into() });
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoPrivateKey { path: path.into() },
        source => TlsError::NotPem {
            path: path.into(),
            source,
        },
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.into(),
        source,
    })
}

/// The self-signed pair in `folder`, made for `names` (DNS names and addresses) if it is not there yet. The
/// key is readable by its owner only. The OpenLDAP clients take `localhost` for the machine's host name, so
/// that belongs to the names too. Errors: [`TlsError::Generate`], [`TlsError::Write`].
pub fn self_signed(folder: &Path, names: Vec<String>) -> Result<TlsFiles, TlsError> {
    let files = TlsFiles {
        certificate: folder.join("self-signed-certificate.pem"),
        private_key: folder.join("self-signed-key.pem"),
    };
    if files.certificate.exists() && files.private_key.exists() {
        return Ok(files);
    }
    let (certificate, key) = make_pair(names)?;
    // The key first: a pair is there only when both are.
    write(&files.private_key, key.serialize_pem().as_bytes(), 0o600)?;
    write(&files.certificate, certificate.pem().as_bytes(), 0o644)?;
    Ok(files)
}

fn make_pair(names: Vec<String>) -> Result<(Certificate, KeyPair), rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "Beadle (self-signed)");
    let key = KeyPair::generate()?;
    Ok((parameters.self_signed(&key)?, key))
}

/// Writes a whole file or none.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), TlsError> {
    let failed = |source| TlsError::Write {
        path: path.into(),
        source,
    };
    let unfinished = path.with_extension("pem.new");
    let _ = fs::remove_file(&unfinished);
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)
        .map_err(failed)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    fs::rename(&unfinished, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    fn message(result: Result<Tls, TlsError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_pair_is_made_once_and_its_key_is_private() {
        let folder = folder();
        let files = self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        assert_eq!(
            fs::metadata(&files.private_key).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let again = self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
        assert_eq!(fs::read(&again.certificate).unwrap(), first);
        assert!(Tls::load(files).is_ok());
    }

    #[test]
    fn every_error_names_the_file() {
        let folder = folder();
        let files = self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
        let check = |certificate: &Path, private_key: &Path, word: &str| {
            let text = message(Tls::load(TlsFiles {
                certificate: certificate.into(),
                private_key: private_key.into(),
            }));
            assert!(text.contains(word), "{text}");
        };
        let absent = folder.path().join("absent.pem");
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "nothing").unwrap();
        check(&absent, &files.private_key, "cannot read");
        check(&absent, &files.private_key, "absent.pem");
        check(&empty, &files.private_key, "empty.pem holds no certificate");
        check(&files.certificate, &empty, "empty.pem holds no private key");
        let other = tempfile::tempdir().unwrap();
        let other = self_signed(other.path(), vec!["localhost".to_owned()]).unwrap();
        fs::copy(&other.private_key, &empty).unwrap();
        check(
            &files.certificate,
            &empty,
            "empty.pem cannot be used with the certificate",
        );
    }

    #[test]
    fn a_failed_reload_keeps_the_certificate() {
        let folder = folder();
        let files = self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
        let tls = Tls::load(files.clone()).unwrap();
        let before = Arc::clone(&tls.current.0.read().unwrap());
        fs::write(&files.certificate, "gone").unwrap();
        assert!(tls.reload().is_err());
        assert!(Arc::ptr_eq(&before, &tls.current.0.read().unwrap()));
        fs::remove_file(&files.certificate).unwrap();
        self_signed(folder.path(), vec!["localhost".to_owned()]).unwrap();
        assert!(tls.reload().is_ok());
        assert!(!Arc::ptr_eq(&before, &tls.current.0.read().unwrap()));
    }
}
