//! One of two directories, and a session in front of it: everything the daemon does with a request, without its threads,
//! its disk and its clock.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use beadle::directory::ask::search::{SearchCursor, TurnEnd};
use beadle::directory::change::csn::Csn;
use beadle::directory::change::decide::{NewPin, Proof, Step, Supplies, World, asker_now, decide};
use beadle::directory::changes::{Actor, Change, Terms};
use beadle::directory::request::{Answer, Asker, Changed, Outcome, Refusal, Request, Search, Verdict};
use beadle::domain::audit::Origin;
use beadle::index::Snapshot;
use beadle::ldap::channel::Channel;
use beadle::ldap::entry_writer::EntryWriter;
use beadle::ldap::envelope::Message;
use beadle::ldap::limits::Limits;
use beadle::ldap::next::{Next, Pending, Trailing};
use beadle::ldap::root_dse::StartTls;
use beadle::ldap::session::Session;
use beadle::ldap::shared::Shared;
use beadle::record::{Change as Commit, Operation, Revision};
use beadle::server::boot::plan::Plan;
use beadle::types::{EntryId, PinHash, SeededEntropy, Timestamp};
use bytes::BytesMut;

use super::requests::{Asked, OLD_PIN};
use super::rows::{Knowledge, OWN, RULES, Row, Rows};
use crate::ldap_client::{bind, request};
use crate::ldap_talk::ADA;
use crate::town;

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_339_800_000);
/// So many entries a turn of a search, so that none comes to its end in one.
const TURN: usize = 7;

/// A directory and whoever asks it.
pub struct Twin {
    plan: Plan,
    snapshot: Arc<Snapshot>,
    session: Session,
    next_id: u64,
    now: Timestamp,
}

/// What was answered.
pub struct Told {
    /// Every byte but those of a cookie, which only the server reads.
    pub told: Vec<u8>,
    /// What had to be done for it that takes its time.
    pub took: Vec<&'static str>,
    /// The cookie of the next page.
    pub cookie: Vec<u8>,
    /// How many entries there were.
    pub entries: usize,
    /// How it ended.
    pub code: i64,
}

impl Told {
    /// What it says where it begins to differ from `other`.
    pub fn beside(&self, other: &Told) -> String {
        let both = self.told.iter().zip(&other.told);
        let same = both.take_while(|(own, other)| own == other).count();
        let from = same.saturating_sub(60);
        let until = self.told.len().min(same + 60);
        format!("{} {:?}", self.told[from..until].escape_ascii(), self.took)
    }
}

impl Twin {
    /// The directory `twin` of two, about which whoever asks has this knowledge.
    pub fn new(knowledge: Knowledge, seed: u64, twin: u64) -> Twin {
        let plan = town::plan(RULES);
        let schema = plan.entries.schema.clone();
        let shared = Shared::new(
            schema,
            &plan.base,
            StartTls::NotOffered,
            Limits::default(),
            NOW,
            &mut SeededEntropy::new(1),
        );
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut session = Session::new(Arc::new(shared), source, Channel::Tls);
        log_in(&mut session, knowledge);
        Twin {
            snapshot: Arc::new(snapshot(&plan, &Rows::new(knowledge, seed, twin).all())),
            session,
            plan,
            next_id: 1_000,
            now: NOW,
        }
    }

    /// Answers a request as the daemon would.
    pub fn answer(&mut self, asked: &Asked) -> Told {
        self.now = self.now.plus_s(1);
        let mut out = BytesMut::new();
        let mut took = Vec::new();
        let limits = *self.session.limits();
        let message = Message::parse(&asked.bytes(), &limits)
            .map(|message| self.session.on_message(&message, Trailing::Nothing, &mut out));
        let (entries, code) = match message {
            Ok(Next::Answered(code)) => (0, code as i64),
            Ok(Next::Run(pending, request)) => self.run(pending, request, &mut out, &mut took),
            _ => panic!("a request that is answered"),
        };
        let cookie = take_cookie(&mut out);
        Told {
            told: out.to_vec(),
            took,
            cookie,
            entries,
            code,
        }
    }

    fn run(
        &mut self,
        pending: Pending,
        request: Request,
        out: &mut BytesMut,
        took: &mut Vec<&'static str>,
    ) -> (usize, i64) {
        let directory = self.plan.rules.directory.clone();
        let asker = asker_now(&directory, &self.snapshot, self.session.asker());
        let mut entries = 0;
        let outcome = match request {
            Request::Search(search) => {
                let (found, outcome) = self.search(asker, search, &pending, out);
                entries = found;
                outcome
            }
            Request::Compare(compare) => {
                Outcome::Answered(directory.compare(&self.snapshot, &asker, &compare))
            }
            Request::Change(change, terms) => Outcome::Changed(self.change(asker, &change, &terms, took)),
            _ => panic!("a search, a comparison or a change"),
        };
        (entries, self.session.on_outcome(pending, outcome, out) as i64)
    }

    fn search(
        &self,
        asker: Asker,
        search: Search,
        pending: &Pending,
        out: &mut BytesMut,
    ) -> (usize, Outcome) {
        let directory = self.plan.rules.directory.clone();
        let mut cursor = SearchCursor::new(directory, self.snapshot.clone(), asker, search, self.now);
        let mut writer = EntryWriter::new(out, pending.id(), pending.values());
        let answer = loop {
            if let TurnEnd::Done(answer) = cursor.run(&mut writer, TURN, self.now) {
                break answer;
            }
        };
        let found = writer.written() as usize;
        (found, Outcome::Searched(answer, cursor.into_end()))
    }

    /// Decides on a change and makes it. `took`: what had to be done on the way.
    fn change(
        &mut self,
        asker: Asker,
        change: &Change,
        terms: &Terms,
        took: &mut Vec<&'static str>,
    ) -> Result<Changed, Refusal> {
        self.next_id += 1;
        let (rules, snapshot) = (&self.plan.rules, self.snapshot.clone());
        let world = World::new(
            &snapshot,
            &rules.directory,
            &rules.principals,
            &rules.changes,
            terms,
            &asker,
        );
        let actor = Actor {
            asker: asker.clone(),
            origin: Origin {
                source: IpAddr::V4(Ipv4Addr::LOCALHOST),
                caller: None,
                service: None,
            },
        };
        let hash = PinHash::new(*b"{SSHA}abcdefgh");
        let (mut hashed, mut proof) = (None, Proof::Missing);
        loop {
            let mut supplies = Supplies {
                now: self.now,
                csn: Csn::default().next(self.now),
                entropy: &mut SeededEntropy::new(self.next_id),
                fresh: Some(EntryId(self.next_id)),
                hash: hashed,
                proof,
            };
            match decide(&world, change, &actor, &mut supplies)? {
                Step::Prove(proven, pin) if pin.same_as(OLD_PIN.as_bytes()) => {
                    took.push("proved");
                    proof = Proof::Given(proven);
                }
                Step::Prove(..) => {
                    took.push("not proved");
                    return Err(Answer::InvalidCredentials.into());
                }
                Step::Hash(NewPin::Given(_) | NewPin::MadeUp(_)) => {
                    took.push("hashed");
                    hashed = Some(&hash);
                }
                Step::Number => panic!("it was given one"),
                Step::Done(decision) => {
                    self.commit(decision.batch.operations);
                    return Ok(Changed {
                        made_up: None,
                        before: decision.copies.before,
                        after: decision.copies.after,
                    });
                }
            }
        }
    }

    fn commit(&mut self, operations: Vec<Operation>) {
        let revision = Revision(self.snapshot.revision().0 + 1);
        let commit = Commit { revision, operations };
        let after = self.snapshot.apply(&[commit], &self.plan.entries.schema);
        self.snapshot = Arc::new(after.unwrap_or_else(|error| panic!("{error}")));
    }
}

/// Most entries are of the index as it is built, and the last ones came after.
fn snapshot(plan: &Plan, rows: &[Row]) -> Snapshot {
    let (built, later) = rows.split_at(rows.len() * 2 / 3);
    let schema = &plan.entries.schema;
    let put = |row: &Row| town::put(schema, row.id, row.parent, &row.rdn, &row.lines);
    let snapshot = town::index_of(plan, built.iter().map(put).collect());
    let commit = Commit {
        revision: Revision(snapshot.revision().0 + 1),
        operations: later.iter().map(put).collect(),
    };
    snapshot
        .apply(&[commit], schema)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn log_in(session: &mut Session, knowledge: Knowledge) {
    let asker = match knowledge {
        Knowledge::Public => return,
        Knowledge::Member => Asker::Member(EntryId(OWN)),
        Knowledge::Service => Asker::Service("lms".into()),
    };
    let frame = request(1, bind(3, ADA, "a-pin"));
    let limits = *session.limits();
    let message = Message::parse(&frame, &limits).unwrap_or_else(|_| panic!("a bind"));
    let mut out = BytesMut::new();
    let Next::Run(pending, _) = session.on_message(&message, Trailing::Nothing, &mut out) else {
        panic!("the directory's to answer");
    };
    session.on_outcome(
        pending,
        Outcome::Authenticated(Verdict::Accepted(asker)),
        &mut out,
    );
}

/// The cookie in an answer, which is wiped there; none if there is none.
fn take_cookie(out: &mut BytesMut) -> Vec<u8> {
    const OID: &[u8] = b"1.2.840.113556.1.4.319";
    let Some(at) = out.windows(OID.len()).position(|part| part == OID) else {
        return Vec::new();
    };
    // The value: an OCTET STRING of a SEQUENCE of an INTEGER of one octet and the cookie, all short.
    let at = at + OID.len() + 2 + 2 + 3;
    let length = usize::from(out[at + 1]);
    assert!(out[at] == 4 && length < 0x80, "a short cookie");
    let cookie = &mut out[at + 2..at + 2 + length];
    let taken = cookie.to_vec();
    cookie.fill(0);
    taken
}
