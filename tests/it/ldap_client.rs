//! Requests as a client writes them and answers as it reads them, by another codec than ours.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::BytesMut;
use ldap3_lber::{Parser, write};
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::*;

/// A whole request without controls.
pub fn request(id: i32, op: LdapOp) -> Vec<u8> {
    controlled(id, op, Vec::new())
}

/// A whole request with controls.
pub fn controlled(id: i32, op: LdapOp, controls: Vec<LdapControl>) -> Vec<u8> {
    let mut out = BytesMut::new();
    let message = LdapMsg::new_with_ctrls(id, op, controls);
    write::encode_into(&mut out, message.into()).expect("memory takes everything");
    out.to_vec()
}

/// A control nobody knows.
pub fn unknown_control(criticality: bool) -> LdapControl {
    LdapControl::Unknown {
        oid: "1.2.3.4.5".to_owned(),
        criticality,
        value: None,
    }
}

/// A simple bind.
pub fn bind(version: u8, dn: &str, pin: &str) -> LdapOp {
    LdapOp::BindRequest(LdapBindRequest {
        version: version.into(),
        dn: dn.to_owned(),
        cred: LdapBindCred::Simple(pin.to_owned()),
    })
}

/// A search for everything that has an object class.
pub fn search(base: &str, scope: LdapSearchScope, attributes: &[&str]) -> LdapSearchRequest {
    LdapSearchRequest {
        base: base.to_owned(),
        scope,
        aliases: LdapDerefAliases::Never,
        sizelimit: 0,
        timelimit: 0,
        typesonly: false,
        filter: LdapFilter::Present("objectClass".to_owned()),
        attrs: attributes.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// A comparison.
pub fn compare(dn: &str, description: &str, value: &str) -> LdapOp {
    LdapOp::CompareRequest(LdapCompareRequest {
        dn: dn.to_owned(),
        atype: description.to_owned(),
        val: value.as_bytes().to_vec(),
    })
}

/// An extended request without a value.
pub fn extended(oid: &str) -> LdapOp {
    LdapOp::ExtendedRequest(LdapExtendedRequest {
        name: oid.to_owned(),
        value: None,
    })
}

/// The first whole answer in `bytes` and what is behind it; `None` if there is none yet.
pub fn first_answer(bytes: &[u8]) -> Option<(LdapMsg, &[u8])> {
    let (rest, tag) = Parser::default().parse(bytes).ok()?;
    Some((LdapMsg::try_from(tag).expect("an LDAP message"), rest))
}

/// All answers in `bytes`, which must hold nothing else.
pub fn answers(mut bytes: &[u8]) -> Vec<LdapMsg> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (message, rest) = first_answer(bytes).expect("a whole answer");
        all.push(message);
        bytes = rest;
    }
    all
}

/// The word for an answer's kind and its result code.
pub fn told(message: &LdapMsg) -> (i32, &'static str, i64) {
    let (kind, result) = match &message.op {
        LdapOp::BindResponse(response) => ("bind", response.res.code.clone()),
        LdapOp::SearchResultDone(result) => ("done", result.code.clone()),
        LdapOp::SearchResultEntry(_) => ("entry", LdapResultCode::Success),
        LdapOp::ModifyResponse(result) => ("modify", result.code.clone()),
        LdapOp::AddResponse(result) => ("add", result.code.clone()),
        LdapOp::DelResponse(result) => ("delete", result.code.clone()),
        LdapOp::ModifyDNResponse(result) => ("modify_dn", result.code.clone()),
        LdapOp::CompareResult(result) => ("compare", result.code.clone()),
        LdapOp::ExtendedResponse(response) => ("extended", response.res.code.clone()),
        _ => ("another", LdapResultCode::Other),
    };
    (message.msgid, kind, result as i64)
}

/// A client on a connection of its own that reads its answers one by one.
pub struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn of(address: &str) -> Client {
        let stream = TcpStream::connect(address).expect("it listens");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("a time limit");
        Client {
            stream,
            input: Vec::new(),
        }
    }

    /// Sends requests; `Break` where nobody reads any more.
    pub fn ask(&mut self, requests: &[u8]) -> ControlFlow<()> {
        match self.stream.write_all(requests) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// The kind and code of the next answer; `Break` when the connection has ended.
    pub fn answer(&mut self) -> ControlFlow<(), (&'static str, i64)> {
        loop {
            if let Some((message, rest)) = first_answer(&self.input) {
                let (kept, (_, kind, code)) = (rest.len(), told(&message));
                self.input.drain(..self.input.len() - kept);
                return ControlFlow::Continue((kind, code));
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) | Err(_) => return ControlFlow::Break(()),
                Ok(length) => self.input.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Binds, and gives the answer.
    pub fn log_in(&mut self, dn: &str, pin: &str) -> ControlFlow<(), (&'static str, i64)> {
        self.ask(&request(1, bind(3, dn, pin)))?;
        self.answer()
    }
}
