//! LDAP listeners on real sockets with a small directory behind them.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use beadle::ldap::root_dse::StartTls;
use beadle::ldap::shared::Shared;
use beadle::server::http::tls::{Tls, TlsFiles, self_signed};
use beadle::server::ldap::counters::LdapCounters;
use beadle::server::ldap::listener::{Begin, LdapService, LdapSettings, Shutdown};
use beadle::types::{SeededEntropy, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpListener;

use crate::town::{PLAIN, Row, Town, person, plan};

/// So many entries are below the base of the directory that every test has.
pub const ENTRIES: u32 = 6_000;

/// A certificate for this machine and its key, in `folder`.
pub fn make_pair(folder: &Path) -> TlsFiles {
    self_signed(folder, vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a pair")
}

/// The certificate of a pair.
pub fn certificate(files: &TlsFiles) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(&files.certificate).expect("a certificate")
}

/// Listeners on ports of the machine's choice.
pub struct Serving {
    /// LDAP.
    pub cleartext: SocketAddr,
    /// LDAPS.
    pub ldaps: SocketAddr,
    /// The certificate to trust.
    pub certificate: CertificateDer<'static>,
    /// What can be told to read the certificate again.
    pub tls: Arc<Tls>,
    /// What was counted.
    pub counters: Arc<LdapCounters>,
    /// How to stop it.
    pub shutdown: Shutdown,
    /// Where the certificate is, as `self-signed-certificate.pem`.
    pub folder: tempfile::TempDir,
}

/// Settings with which simple binds in clear are fine here.
pub fn trusting() -> LdapSettings {
    let cleartext_bind_from = vec!["127.0.0.0/8".parse().expect("a network")];
    LdapSettings {
        cleartext_bind_from,
        ..LdapSettings::default()
    }
}

impl Serving {
    /// Serves [`ENTRIES`] entries.
    pub async fn with(settings: LdapSettings) -> Serving {
        let people: Vec<Row> = (3..ENTRIES)
            .map(|number| person(&format!("u{number}"), &[]))
            .collect();
        Serving::of(&people, settings).await
    }

    /// Serves more than the sockets take at once, so that a search of everything goes on while nobody reads.
    pub async fn endless(settings: LdapSettings) -> Serving {
        let long = format!("description: {}", "x".repeat(200_000));
        let people: Vec<Row> = (0..200)
            .map(|number| person(&format!("u{number}"), &[&long]))
            .collect();
        Serving::of(&people, settings).await
    }

    /// Serves a directory with these people who refuses all log-ins that need a hash, as the queue for them is full.
    pub async fn busy(settings: LdapSettings) -> Serving {
        let mut plan = plan(PLAIN);
        plan.rules.login.queue_max = 0;
        Serving::serve(Town::new(plan, &[]).await, settings).await
    }

    async fn of(people: &[Row], settings: LdapSettings) -> Serving {
        Serving::serve(Town::new(plan(PLAIN), people).await, settings).await
    }

    /// Serves `town`.
    pub async fn serve(town: Town, settings: LdapSettings) -> Serving {
        let folder = tempfile::tempdir().expect("a folder");
        let files = self_signed(
            folder.path(),
            vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        )
        .expect("a pair");
        let certificate = certificate(&files);
        let tls = Arc::new(Tls::load(files).expect("TLS"));
        let session = Arc::new(Shared::new(
            town.plan.entries.schema.clone(),
            &town.plan.base,
            StartTls::Offered,
            town.plan.ldap.limits,
            Timestamp::default(),
            &mut SeededEntropy::new(1),
        ));
        let (counters, shutdown) = (Arc::new(LdapCounters::default()), Shutdown::default());
        let service = LdapService::new(
            town.runner,
            session,
            Some(Arc::clone(&tls)),
            settings,
            Arc::clone(&counters),
            town.log,
            shutdown.clone(),
        )
        .unwrap();
        let cleartext = Serving::listen(&service, Begin::Cleartext).await;
        let ldaps = Serving::listen(&service, Begin::Tls).await;
        Serving {
            cleartext,
            ldaps,
            certificate,
            tls,
            counters,
            shutdown,
            folder,
        }
    }

    async fn listen(service: &Arc<LdapService>, begin: Begin) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(Arc::clone(service).accept(listener, begin));
        address
    }

    /// Waits until every connection has ended.
    pub async fn all_ended(&self) {
        self.shutdown.tasks.close();
        self.shutdown.tasks.wait().await;
    }
}

/// Runs a test that must not hang.
pub fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let limit = Duration::from_secs(60);
    runtime.block_on(async {
        tokio::time::timeout(limit, test)
            .await
            .expect("done before the limit")
    });
}
