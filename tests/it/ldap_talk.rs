//! A session to talk to, message by message.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};

use beadle::directory::request::{Asker, Outcome, Request, Search, Verdict};
use beadle::domain::schema::Schema;
use beadle::ldap::channel::Channel;
use beadle::ldap::envelope::Message;
use beadle::ldap::limits::Limits;
use beadle::ldap::names::Names;
use beadle::ldap::next::{Next, Pending, Trailing};
use beadle::ldap::root_dse::StartTls;
use beadle::ldap::session::Session;
use beadle::ldap::shared::Shared;
use beadle::types::{Dn, EntryId, SeededEntropy, Timestamp};
use bytes::BytesMut;
use ldap3_proto::proto::*;

use crate::ldap_client::{answers, bind, extended, request, search, told};

/// A member.
pub const ADA: &str = "uid=ada,ou=people,dc=uni,dc=example";
/// "Who am I?".
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
/// Password Modify.
pub const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";
/// StartTLS.
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// The built-in schema, compiled once.
pub fn schema() -> Arc<Schema> {
    static SCHEMA: OnceLock<Arc<Schema>> = OnceLock::new();
    Arc::clone(SCHEMA.get_or_init(|| Arc::new(Schema::built_in())))
}

/// A name.
pub fn dn(text: &str) -> Dn {
    Dn::parse(text).expect("a name")
}

/// A session and what it has answered.
pub struct Talk {
    /// The session.
    pub session: Session,
    /// What it has answered to the last message.
    pub out: BytesMut,
}

impl Talk {
    /// A session of a server with StartTLS.
    pub fn over(channel: Channel) -> Talk {
        Talk::with(channel, StartTls::Offered)
    }

    /// A session.
    pub fn with(channel: Channel, start_tls: StartTls) -> Talk {
        Talk::of(channel, start_tls, Names::default())
    }

    /// A session of a server that reads names so.
    pub fn naming(channel: Channel, names: Names) -> Talk {
        Talk::of(channel, StartTls::Offered, names)
    }

    fn of(channel: Channel, start_tls: StartTls, names: Names) -> Talk {
        let shared = Shared::new(
            schema(),
            &dn("dc=uni,dc=example"),
            start_tls,
            Limits::default(),
            Timestamp::default(),
            &mut SeededEntropy::new(1),
        );
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Talk {
            session: Session::new(Arc::new(shared.with_names(names)), source, channel),
            out: BytesMut::new(),
        }
    }

    /// Says one frame.
    pub fn bytes(&mut self, bytes: &[u8], trailing: Trailing) -> Next {
        self.out.clear();
        match Message::parse(bytes, self.session.limits()) {
            Ok(message) => self.session.on_message(&message, trailing, &mut self.out),
            Err(refusal) => self.session.on_refusal(refusal, &mut self.out),
        }
    }

    /// Says one message with the id 7.
    pub fn say(&mut self, op: LdapOp) -> Next {
        self.bytes(&request(7, op), Trailing::Nothing)
    }

    /// Says something the session answers itself: kind and code.
    pub fn hear(&mut self, op: LdapOp) -> (&'static str, i64) {
        assert!(matches!(self.say(op), Next::Answered(_)));
        self.only_answer()
    }

    /// Kind and code of the one answer to message 7.
    pub fn only_answer(&self) -> (&'static str, i64) {
        let answers = answers(&self.out);
        let [answer] = answers.as_slice() else {
            panic!("one answer and not {}", answers.len())
        };
        let (id, kind, code) = told(answer);
        assert_eq!(id, 7);
        (kind, code)
    }

    /// Says something the directory answers.
    pub fn ask(&mut self, op: LdapOp) -> (Pending, Request) {
        match self.say(op) {
            Next::Run(pending, request) => (pending, request),
            _ => panic!(
                "answered without the directory: {:?}",
                answers(&self.out).iter().map(told).collect::<Vec<_>>()
            ),
        }
    }

    /// Hands in the directory's answer: kind and code.
    pub fn settle(&mut self, pending: Pending, outcome: Outcome) -> (&'static str, i64) {
        self.session.on_outcome(pending, outcome, &mut self.out);
        self.only_answer()
    }

    /// Logs in, to this verdict.
    pub fn log_in(&mut self, verdict: Verdict) -> (&'static str, i64) {
        let (pending, request) = self.ask(bind(3, ADA, "right-pin"));
        assert!(matches!(request, Request::Authenticate(_)));
        self.settle(pending, Outcome::Authenticated(verdict))
    }

    /// Who the client is told to be, where the directory calls members and services [`ADA`].
    pub fn who_am_i(&mut self) -> String {
        let name = match self.session.asker() {
            Asker::Public => None,
            _ => Some(ADA.to_owned()),
        };
        self.who_am_i_by_now(name)
    }

    /// The same when this is what the directory calls the client by now.
    pub fn who_am_i_by_now(&mut self, name: Option<String>) -> String {
        let (pending, request) = self.ask(extended(WHO_AM_I));
        assert!(matches!(request, Request::Identify));
        assert_eq!(self.settle(pending, Outcome::Identified(name)), ("extended", 0));
        let mut answers = answers(&self.out);
        match answers.pop().map(|answer| answer.op) {
            Some(LdapOp::ExtendedResponse(response)) => {
                String::from_utf8(response.value.expect("a value")).expect("text")
            }
            _ => panic!("an extended response"),
        }
    }

    /// The entries a search is answered with, and its code.
    pub fn entries(&mut self, request: LdapSearchRequest) -> (Vec<LdapSearchResultEntry>, i64) {
        assert!(matches!(
            self.say(LdapOp::SearchRequest(request)),
            Next::Answered(_)
        ));
        let mut answers = answers(&self.out);
        let (_, _, code) = told(&answers.pop().expect("a last answer"));
        let entries = answers.into_iter().map(|answer| match answer.op {
            LdapOp::SearchResultEntry(entry) => entry,
            _ => panic!("an entry"),
        });
        (entries.collect(), code)
    }
}

/// Ada has logged in.
pub fn member() -> Verdict {
    Verdict::Accepted(Asker::Member(EntryId(5)))
}

/// The search a request must be.
pub fn asked_search(request: Request) -> Search {
    match request {
        Request::Search(search) => search,
        _ => panic!("a search"),
    }
}

/// A search of one entry.
pub fn base_search(base: &str, attributes: &[&str]) -> LdapSearchRequest {
    search(base, LdapSearchScope::Base, attributes)
}
