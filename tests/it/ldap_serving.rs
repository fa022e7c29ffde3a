//! LDAP listeners on real sockets with a made-up directory behind them.

use std::future::Future;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use beadle::directory::request::{
    Answer, Asker, Authenticate, Compare, EntrySink, FoundEntry, Member, Search, Verdict,
};
use beadle::domain::packed::{AttributeView, push_value};
use beadle::domain::schema::Schema;
use beadle::ldap::limits::Limits;
use beadle::ldap::root_dse::StartTls;
use beadle::ldap::shared::Shared;
use beadle::server::answers::{Answers, Progress, SearchRun};
use beadle::server::http::tls::{Tls, TlsFiles, self_signed};
use beadle::server::ldap::counters::LdapCounters;
use beadle::server::ldap::listener::{Begin, LdapService, LdapSettings, Shutdown};
use beadle::types::{AttributeType, Dn, EntryId, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpListener;

/// The one member there is; the PIN is `right-pin`.
pub const ADA: &str = "uid=ada,ou=people,dc=uni,dc=example";

/// A directory in which every search finds as many entries as it asks for, and without a limit never ends.
pub struct MadeUp;

/// A search of [`MadeUp`].
pub struct Counting {
    left: u32,
    endless: bool,
    encoded: Vec<u8>,
}

impl FoundEntry for Counting {
    fn dn_len(&self) -> usize {
        ADA.len()
    }
    fn write_dn(&self, part: &mut dyn FnMut(&[u8])) {
        part(ADA.as_bytes());
    }
    fn name(&self, _: AttributeType) -> &str {
        "cn"
    }
    fn each_attribute(&self, each: &mut dyn FnMut(AttributeView<'_>)) {
        each(AttributeView {
            kind: AttributeType(0),
            options: "",
            encoded: &self.encoded,
        });
    }
}

impl SearchRun for Counting {
    fn run(&mut self, sink: &mut dyn EntrySink, _: Timestamp) -> Progress {
        while self.endless || self.left > 0 {
            self.left = self.left.saturating_sub(1);
            if sink.entry(self) == ControlFlow::Break(()) {
                return Progress::More;
            }
        }
        Progress::Done(Answer::Success)
    }
}

impl Answers for MadeUp {
    type Search = Counting;

    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn authenticate_now(&self, _request: &Authenticate, _now: Timestamp) -> Option<Verdict> {
        None
    }

    async fn authenticate(&self, request: Authenticate, _now: Timestamp) -> Verdict {
        match request.pin.expose() {
            b"right-pin" => {
                let dn = Dn::parse(ADA).expect("a name");
                Verdict::Accepted(Asker::Member(Arc::new(Member {
                    entry: EntryId(1),
                    dn,
                })))
            }
            b"busy" => Verdict::Busy,
            _ => Verdict::Refused,
        }
    }

    fn search(&self, _: &Asker, search: Search) -> Counting {
        let mut encoded = Vec::new();
        push_value(&mut encoded, &[b'x'; 200]);
        Counting {
            left: search.entries_max,
            endless: search.entries_max == 0,
            encoded,
        }
    }

    fn compare(&self, _: &Asker, _: Compare) -> Answer {
        Answer::True
    }

    fn identify(&self, asker: &Asker) -> Asker {
        asker.clone()
    }
}

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
    /// Serves a [`MadeUp`] directory.
    pub async fn with(settings: LdapSettings) -> Serving {
        let folder = tempfile::tempdir().expect("a folder");
        let files = self_signed(
            folder.path(),
            vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        )
        .expect("a pair");
        let certificate = certificate(&files);
        let tls = Arc::new(Tls::load(files).expect("TLS"));
        let base = Dn::parse("dc=uni,dc=example").expect("a name");
        let schema = Arc::new(Schema::built_in());
        let session = Arc::new(Shared::new(
            schema,
            &base,
            StartTls::Offered,
            Limits::default(),
            Timestamp::default(),
        ));
        let (counters, shutdown) = (Arc::new(LdapCounters::default()), Shutdown::default());
        let service = LdapService::new(
            Arc::new(MadeUp),
            session,
            Some(Arc::clone(&tls)),
            settings,
            Arc::clone(&counters),
            Arc::default(),
            shutdown.clone(),
        );
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

    async fn listen(service: &Arc<LdapService<MadeUp>>, begin: Begin) -> SocketAddr {
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
