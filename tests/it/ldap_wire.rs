//! A client on the daemon's Unix socket, one request at a time, without a process for each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::*;

use crate::ldap_client::{controlled, first_answer, search, told};

/// After this long in silence a conversation counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a client hears while the index is being built.
const BUSY: i64 = 51;

/// Attributes and their values, by name.
pub type Attributes = BTreeMap<String, BTreeSet<String>>;
/// Entries by name.
pub type Content = BTreeMap<String, Attributes>;

/// A connection of the user that the daemon runs as: an administrator.
pub struct Wire {
    stream: UnixStream,
    read: Vec<u8>,
    id: i32,
}

impl Wire {
    /// Connects, and logs in by EXTERNAL.
    pub fn connect(socket: &Path) -> Wire {
        let mut wire = Wire::stranger(socket);
        let cred = LdapBindCred::SASL(SaslCredentials {
            mechanism: "EXTERNAL".to_owned(),
            credentials: Vec::new(),
        });
        let bind = LdapOp::BindRequest(LdapBindRequest {
            version: 3,
            dn: String::new(),
            cred,
        });
        while wire.code(bind.clone()) == BUSY {}
        wire
    }

    /// Connects only.
    pub fn stranger(socket: &Path) -> Wire {
        let stream = UnixStream::connect(socket).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        Wire {
            stream,
            read: Vec::new(),
            id: 0,
        }
    }

    /// Numbers the next message so.
    pub fn number(&mut self, id: i32) {
        self.id = id - 1;
    }

    /// The result code of a request. Errors: the other end has gone.
    pub fn ask(&mut self, op: LdapOp) -> io::Result<i64> {
        self.ask_with(op, Vec::new())
    }

    /// The same with controls.
    pub fn ask_with(&mut self, op: LdapOp, controls: Vec<LdapControl>) -> io::Result<i64> {
        self.id += 1;
        self.send(&controlled(self.id, op, controls))?;
        let answer = self.answer()?;
        let (id, _, code) = told(&answer);
        assert_eq!(id, self.id);
        Ok(code)
    }

    /// The result code of a request to a daemon that stays.
    pub fn code(&mut self, op: LdapOp) -> i64 {
        self.ask(op).expect("it answers")
    }

    /// Sends bytes. Errors: the other end has gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub fn end(&mut self) {
        // The other end may have gone before.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next answer. Errors: the other end has gone.
    pub fn answer(&mut self) -> io::Result<LdapMsg> {
        loop {
            if let Some((answer, rest)) = first_answer(&self.read) {
                self.read = rest.to_vec();
                return Ok(answer);
            }
            let mut piece = [0; 65_536];
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.read.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// The entries a search finds, and its result code. Errors: the other end has gone.
    pub fn search(&mut self, request: LdapSearchRequest) -> io::Result<(Content, i64)> {
        self.id += 1;
        self.send(&controlled(self.id, LdapOp::SearchRequest(request), Vec::new()))?;
        let mut found = Content::new();
        loop {
            let answer = self.answer()?;
            match answer.op {
                LdapOp::SearchResultEntry(entry) => {
                    drop(found.insert(entry.dn, attributes(entry.attributes)))
                }
                LdapOp::SearchResultDone(done) => return Ok((found, done.code as i64)),
                _ => panic!("an entry or the end"),
            }
        }
    }

    /// The names of everything below `base` that a filter finds.
    pub fn names(&mut self, base: &str, filter: LdapFilter) -> BTreeSet<String> {
        let request = LdapSearchRequest {
            filter,
            ..search(base, LdapSearchScope::Subtree, &["1.1"])
        };
        let (found, code) = self.search(request).expect("it answers");
        assert_eq!(code, 0);
        found.into_keys().collect()
    }

    /// The values of an attribute of one entry, sorted; none of an entry that is not there.
    pub fn values(&mut self, dn: &str, attribute: &str) -> Vec<String> {
        let request = search(dn, LdapSearchScope::Base, &[attribute]);
        let (found, _) = self.search(request).expect("it answers");
        let values = found.get(dn).and_then(|entry| entry.get(attribute));
        values.into_iter().flatten().cloned().collect()
    }

    /// Everything below `base`: user attributes and `memberOf`.
    pub fn content(&mut self, base: &str) -> Content {
        let request = search(base, LdapSearchScope::Subtree, &["*", "memberOf"]);
        let (found, code) = self.search(request).expect("it answers");
        assert_eq!(code, 0);
        found
    }
}

fn attributes(given: Vec<LdapPartialAttribute>) -> Attributes {
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    let pair = |given: LdapPartialAttribute| (given.atype, given.vals.into_iter().map(text).collect());
    given.into_iter().map(pair).collect()
}

/// An add.
pub fn add(dn: &str, attributes: &[(&str, &[&str])]) -> LdapOp {
    let attributes = attributes.iter().map(|(name, values)| partial(name, values));
    LdapOp::AddRequest(LdapAddRequest {
        dn: dn.to_owned(),
        attributes: attributes.collect(),
    })
}

/// A modify.
pub fn modify(dn: &str, changes: Vec<LdapModify>) -> LdapOp {
    LdapOp::ModifyRequest(LdapModifyRequest {
        dn: dn.to_owned(),
        changes,
    })
}

/// One modification.
pub fn step(operation: LdapModifyType, name: &str, values: &[&str]) -> LdapModify {
    LdapModify {
        operation,
        modification: partial(name, values),
    }
}

/// A new name that replaces the old one, here or below `superior`.
pub fn rename(dn: &str, rdn: &str, superior: Option<&str>) -> LdapOp {
    LdapOp::ModifyDNRequest(LdapModifyDNRequest {
        dn: dn.to_owned(),
        newrdn: rdn.to_owned(),
        deleteoldrdn: true,
        new_superior: superior.map(str::to_owned),
    })
}

/// A delete.
pub fn delete(dn: &str) -> LdapOp {
    LdapOp::DelRequest(dn.to_owned())
}

fn partial(name: &str, values: &[&str]) -> LdapPartialAttribute {
    LdapPartialAttribute {
        atype: name.to_owned(),
        vals: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
    }
}
