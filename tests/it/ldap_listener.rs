//! LDAP over real sockets: framing, order, limits, TLS, shutdown.

use std::sync::Arc;

use beadle::server::ldap::listener::LdapSettings;
use bytes::BytesMut;
use ldap3_proto::proto::*;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::ldap_client::{bind, compare, extended, first_answer, request, search, told};
use crate::ldap_serving::{Serving, certificate, make_pair, run, trusting};
use crate::town::ADA;

const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

impl Serving {
    /// A connection in clear.
    async fn client(&self) -> Client<TcpStream> {
        Client::over(TcpStream::connect(self.cleartext).await.expect("a connection"))
    }

    /// The same connection under TLS.
    async fn handshake(&self, stream: TcpStream) -> Client<TlsStream<TcpStream>> {
        Client::over(
            trusting_only(&self.certificate, stream)
                .await
                .expect("a handshake"),
        )
    }

    /// Whether LDAPS shows somebody who trusts `certificate` only that one.
    async fn shows(&self, certificate: &CertificateDer<'static>) -> bool {
        let stream = TcpStream::connect(self.ldaps).await.expect("a connection");
        trusting_only(certificate, stream).await.is_ok()
    }
}

async fn trusting_only(
    certificate: &CertificateDer<'static>,
    stream: TcpStream,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

struct Client<S> {
    stream: S,
    read: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn over(stream: S) -> Client<S> {
        Client {
            stream,
            read: BytesMut::new(),
        }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
        self.stream.flush().await.expect("sent");
    }

    /// The next answer, or `None` if the connection is closed first.
    async fn answer(&mut self) -> Option<LdapMsg> {
        loop {
            if let Some((message, rest)) = first_answer(&self.read) {
                self.read = BytesMut::from(rest);
                return Some(message);
            }
            if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn hear(&mut self) -> Option<(i32, &'static str, i64)> {
        self.answer().await.as_ref().map(told)
    }

    async fn ask(&mut self, op: LdapOp) -> Option<(&'static str, i64)> {
        self.send(&request(9, op)).await;
        self.hear().await.map(|(_, kind, code)| (kind, code))
    }

    async fn who_am_i(&mut self) -> Vec<u8> {
        self.send(&request(9, extended(WHO_AM_I))).await;
        match self.answer().await.map(|answer| answer.op) {
            Some(LdapOp::ExtendedResponse(response)) => response.value.unwrap_or_default(),
            _ => panic!("an extended response"),
        }
    }
}

fn find(entries: u32) -> LdapOp {
    let mut asked = search("dc=uni,dc=example", LdapSearchScope::Subtree, &[]);
    asked.sizelimit = i32::try_from(entries).expect("few");
    LdapOp::SearchRequest(asked)
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let mut client = serving.client().await;
        let all = [
            request(1, bind(3, ADA, "right-pin")),
            request(2, find(2)),
            request(3, compare(ADA, "cn", "x")),
            request(4, bind(3, ADA, "wrong")),
            request(5, find(0x3ff)),
        ];
        client.send(&all.concat()).await;
        assert_eq!(client.hear().await, Some((1, "bind", 0)));
        assert_eq!(client.hear().await, Some((2, "entry", 0)));
        assert_eq!(client.hear().await, Some((2, "entry", 0)));
        assert_eq!(client.hear().await, Some((2, "done", 4)));
        assert_eq!(client.hear().await, Some((3, "compare", 6)));
        assert_eq!(client.hear().await, Some((4, "bind", 49)));
        for _ in 0..0x3ff {
            assert_eq!(client.hear().await, Some((5, "entry", 0)));
        }
        assert_eq!(client.hear().await, Some((5, "done", 4)));
        assert_eq!(serving.counters.entries.get(), 0x3ff + 2);
    });
}

#[test]
fn a_message_may_come_byte_by_byte() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let mut client = serving.client().await;
        for byte in request(1, find(1)) {
            client.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(client.hear().await, Some((1, "entry", 0)));
        assert_eq!(client.hear().await, Some((1, "done", 4)));
    });
}

#[test]
fn a_log_in_that_finds_the_queue_full_is_told_to_come_again() {
    run(async {
        let serving = Serving::busy(trusting()).await;
        let mut client = serving.client().await;
        assert_eq!(client.ask(bind(3, ADA, "wrong")).await, Some(("bind", 51)));
        assert_eq!(client.ask(bind(3, ADA, "right-pin")).await, Some(("bind", 0)));
    });
}

#[test]
fn a_result_much_larger_than_the_output_mark_arrives_whole() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let mut client = serving.client().await;
        client.send(&request(1, find(5_000))).await;
        for _ in 0..5_000 {
            assert_eq!(client.hear().await, Some((1, "entry", 0)));
        }
        assert_eq!(client.hear().await, Some((1, "done", 4)));
    });
}

#[test]
fn an_abandoned_search_ends_without_a_word() {
    run(async {
        let serving = Serving::endless(trusting()).await;
        let mut client = serving.client().await;
        client.send(&request(1, find(0))).await;
        assert_eq!(client.hear().await, Some((1, "entry", 0)));
        client.send(&request(2, LdapOp::AbandonRequest(77))).await;
        client.send(&request(3, LdapOp::AbandonRequest(1))).await;
        client.send(&request(4, compare(ADA, "cn", "x"))).await;
        loop {
            match client.hear().await {
                Some((1, "entry", 0)) => {}
                other => break assert_eq!(other, Some((4, "compare", 6))),
            }
        }
        assert_eq!(serving.counters.abandoned.get(), 1);
    });
}

#[test]
fn unbind_or_hanging_up_ends_a_search() {
    run(async {
        let serving = Serving::endless(trusting()).await;
        let mut client = serving.client().await;
        client.send(&request(1, find(0))).await;
        assert_eq!(client.hear().await, Some((1, "entry", 0)));
        client.send(&request(2, LdapOp::UnbindRequest)).await;
        while client.hear().await.is_some() {}
        let mut client = serving.client().await;
        client.send(&request(1, find(0))).await;
        assert_eq!(client.hear().await, Some((1, "entry", 0)));
        drop(client);
        serving.all_ended().await;
        assert_eq!(serving.counters.connections_open.get(), 0);
    });
}

#[test]
fn start_tls_and_ldaps_make_simple_binds_possible() {
    run(async {
        let serving = Serving::with(LdapSettings::default()).await;
        let mut client = serving.client().await;
        assert_eq!(client.ask(bind(3, ADA, "right-pin")).await, Some(("bind", 13)));
        assert_eq!(client.ask(extended(START_TLS)).await, Some(("extended", 0)));
        let mut client = serving.handshake(client.stream).await;
        assert_eq!(client.ask(bind(3, ADA, "right-pin")).await, Some(("bind", 0)));
        assert_eq!(client.who_am_i().await, format!("dn:{ADA}").as_bytes());

        let stream = TcpStream::connect(serving.ldaps).await.expect("a connection");
        let mut client = serving.handshake(stream).await;
        assert_eq!(client.ask(bind(3, ADA, "wrong")).await, Some(("bind", 49)));
        assert_eq!(client.who_am_i().await, b"");
    });
}

#[test]
fn a_new_certificate_is_shown_to_whoever_comes_after() {
    run(async {
        let serving = Serving::with(LdapSettings::default()).await;
        let stream = TcpStream::connect(serving.ldaps).await.expect("a connection");
        let mut before = serving.handshake(stream).await;
        std::fs::remove_file(serving.folder.path().join("self-signed-certificate.pem")).expect("removed");
        let renewed = certificate(&make_pair(serving.folder.path()));
        assert!(!serving.shows(&renewed).await, "not read yet");
        serving.tls.reload().expect("read again");
        assert!(serving.shows(&renewed).await && !serving.shows(&serving.certificate).await);
        assert_eq!(
            before.ask(bind(3, ADA, "right-pin")).await,
            Some(("bind", 0)),
            "it goes on"
        );
    });
}

#[test]
fn clear_text_on_the_tls_port_ends_in_nothing() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let mut client = Client::over(TcpStream::connect(serving.ldaps).await.expect("a connection"));
        client.send(&request(1, find(1))).await;
        let mut rest = Vec::new();
        let _ = client.stream.read_to_end(&mut rest).await;
        serving.all_ended().await;
        assert_eq!(serving.counters.tls_failures.get(), 1);
    });
}

#[test]
fn bad_bytes_end_their_own_connection_only() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let mut bystander = serving.client().await;
        assert_eq!(bystander.ask(bind(3, ADA, "right-pin")).await, Some(("bind", 0)));

        let mut client = serving.client().await;
        client.send(b"GET / HTTP/1.1\r\n\r\n").await;
        assert_eq!(client.hear().await, None);
        let mut client = serving.client().await;
        client.send(&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]).await;
        assert_eq!(client.hear().await, None);
        let mut client = serving.client().await;
        client.send(&[0x30, 5, 2, 1, 7, 0x7e, 0]).await;
        assert_eq!(
            client.hear().await,
            Some((0, "extended", 2)),
            "a notice of disconnection"
        );
        assert_eq!(client.hear().await, None);

        assert_eq!(bystander.who_am_i().await, format!("dn:{ADA}").as_bytes());
        drop(bystander);
        serving.all_ended().await;
        let counters = &serving.counters;
        let counted = [&counters.not_ldap, &counters.too_long, &counters.malformed].map(|one| one.get());
        assert_eq!(counted, [1, 1, 1]);
    });
}

#[test]
fn strangers_may_send_64_kib_and_members_more() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let long = request(2, compare(ADA, "cn", &"x".repeat(100_000)));
        let mut stranger = serving.client().await;
        let _ = stranger.stream.write_all(&long).await;
        assert_eq!(stranger.hear().await, None);
        let mut member = serving.client().await;
        assert_eq!(member.ask(bind(3, ADA, "right-pin")).await, Some(("bind", 0)));
        member.send(&long).await;
        assert_eq!(member.hear().await, Some((2, "compare", 5)));
    });
}

#[test]
fn one_address_gets_its_share_of_places() {
    run(async {
        let serving = Serving::with(LdapSettings {
            connections_per_source_max: 1,
            ..trusting()
        })
        .await;
        let mut first = serving.client().await;
        assert_eq!(first.ask(find(1)).await, Some(("entry", 0)));
        let mut second = serving.client().await;
        assert_eq!(second.hear().await, None);
        assert_eq!(serving.counters.connections_refused.get(), 1);
    });
}

#[test]
fn who_asks_nothing_is_not_kept() {
    run(async {
        let serving = Serving::with(LdapSettings {
            first_message_limit_s: 0,
            ..trusting()
        })
        .await;
        assert_eq!(serving.client().await.hear().await, None);
        serving.all_ended().await;
        assert_eq!(serving.counters.idle.get(), 1);
    });
}

#[test]
fn who_does_not_read_is_not_kept() {
    run(async {
        let serving = Serving::endless(LdapSettings {
            write_limit_s: 0,
            ..trusting()
        })
        .await;
        let mut client = serving.client().await;
        client.send(&request(1, find(0))).await;
        // The server writes until both sockets are full, and then no more.
        while serving.counters.write_timeouts.get() == 0 {
            tokio::task::yield_now().await;
        }
        serving.all_ended().await;
    });
}

#[test]
fn shutdown_tells_everyone_and_waits_for_them() {
    run(async {
        let serving = Serving::with(trusting()).await;
        let mut client = serving.client().await;
        assert_eq!(client.ask(compare(ADA, "cn", "x")).await, Some(("compare", 6)));
        serving.shutdown.stop.cancel();
        assert_eq!(client.hear().await, Some((0, "extended", 52)));
        assert_eq!(client.hear().await, None);
        serving.all_ended().await;
        assert!(
            TcpStream::connect(serving.cleartext).await.is_err(),
            "nobody listens any more"
        );
    });
}
