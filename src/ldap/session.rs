//! One LDAP connection without its socket: messages in, answers or [`Request`]s out.
//!
//! A message that the directory must answer comes back as [`Next::Run`] with a [`Pending`], which is used
//! up by [`Session::on_outcome`]: every request is answered exactly once. Messages are given in their order,
//! each only after the one before it has been answered, so a bind never races with a search.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;

use crate::directory::changes::Terms;
use crate::directory::request::{
    Asker, Authenticate, Compare, LoginName, Outcome, Request, SearchEnd, Verdict,
};
use crate::ldap::bind;
use crate::ldap::body;
use crate::ldap::channel::Channel;
use crate::ldap::control::{ControlError, Criticality, RequestControls, password_policy, pre_post};
use crate::ldap::envelope::{Message, MessageId, Refusal};
use crate::ldap::extended::{self, PASSWORD_MODIFY, START_TLS, WHO_AM_I};
use crate::ldap::last_base::LastBase;
use crate::ldap::limits::MessageLimits;
use crate::ldap::log_in::LogIn;
use crate::ldap::next::{Next, Pending, Purpose, Trailing};
use crate::ldap::operation::Operation;
use crate::ldap::result::{self, LdapResult, ResultCode};
use crate::ldap::root_dse::StartTls;
use crate::ldap::sasl;
use crate::ldap::search::{self, Asked, Asking};
use crate::ldap::shared::Shared;
use crate::ldap::update;
use crate::types::{Dn, Pin};

/// The state of one connection.
pub struct Session {
    shared: Arc<Shared>,
    source: IpAddr,
    channel: Channel,
    /// Who the client has proved to be (RFC 4513 section 4).
    asker: Asker,
    last_base: LastBase,
}

impl Session {
    /// A fresh connection from `source`.
    pub fn new(shared: Arc<Shared>, source: IpAddr, channel: Channel) -> Session {
        Session {
            shared,
            source,
            channel,
            asker: Asker::Public,
            last_base: LastBase::default(),
        }
    }

    /// How large and intricate the next message may be.
    pub fn limits(&self) -> &MessageLimits {
        match self.asker {
            Asker::Public => &self.shared.limits.anonymous,
            _ => &self.shared.limits.authenticated,
        }
    }

    /// Who asks.
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// The connection is TLS now. Whoever had logged in before has not any more (RFC 4513 section 3.1.1
    /// leaves that to the server; what was said in clear proves nothing).
    pub fn on_tls(&mut self) {
        self.channel = Channel::Tls;
        self.asker = Asker::Public;
    }

    /// Answers a frame that is no message.
    pub fn on_refusal(&mut self, refusal: Refusal, out: &mut BytesMut) -> Next {
        match refusal {
            Refusal::Disconnect => {
                let result = LdapResult::with_diagnostic(ResultCode::ProtocolError, "not an LDAP message");
                result::put_notice_of_disconnection(out, &result);
                Next::Close
            }
            Refusal::LimitExceeded(id, operation) => {
                let result =
                    LdapResult::with_diagnostic(ResultCode::AdminLimitExceeded, "too intricate a request");
                respond(out, id, operation, &result)
            }
        }
    }

    /// Takes one message. Answers are appended to `out`.
    pub fn on_message(&mut self, message: &Message<'_>, trailing: Trailing, out: &mut BytesMut) -> Next {
        if message.operation == Operation::Bind {
            // RFC 4511 section 4.2.1: whatever comes of it, the old identity is gone.
            self.asker = Asker::Public;
        }
        let controls = match RequestControls::read(&message.controls, message.operation) {
            Ok(controls) => controls,
            Err(error) => return answer(out, message, &error.into()),
        };
        match message.operation {
            Operation::Search => self.search(message, &controls, out),
            Operation::Bind => self.bind(message, &controls, out),
            Operation::Compare => self.compare(message, &controls, out),
            Operation::Extended => self.extended(message, &controls, trailing, out),
            Operation::Unbind => Next::Close,
            Operation::Abandon => Next::Unanswered,
            Operation::Modify | Operation::Add | Operation::Delete | Operation::ModifyDn => {
                self.write(message, &controls, out)
            }
        }
    }

    /// Takes the directory's answer to `pending` and appends the response. Returns its code.
    pub fn on_outcome(&mut self, pending: Pending, outcome: Outcome, out: &mut BytesMut) -> ResultCode {
        let (id, operation) = (pending.id, pending.operation());
        let controls = self.response_controls(&pending, &outcome);
        match (&pending.purpose, &outcome) {
            (Purpose::WhoAmI, Outcome::Identified(name)) => {
                extended::put_who_am_i_response(out, id, &authz_id(name.as_deref()));
                return ResultCode::Success;
            }
            (Purpose::PasswordModify, Outcome::Changed(Ok(changed))) => {
                extended::put_password_modify_response(out, id, changed.made_up.as_ref(), &controls);
                return ResultCode::Success;
            }
            _ => {}
        }
        let mut why: Box<str> = Box::default();
        let (code, matched) = match (pending.purpose, outcome) {
            (Purpose::Write(_), Outcome::Changed(Ok(_))) => (ResultCode::Success, None),
            (Purpose::Write(_) | Purpose::PasswordModify, Outcome::Changed(Err(refusal))) => {
                why = refusal.why;
                (
                    result::code(&refusal.answer),
                    result::matched_dn(&refusal.answer).map(ToString::to_string),
                )
            }
            (Purpose::Bind, Outcome::Authenticated(verdict)) => (self.on_verdict(verdict), None),
            (Purpose::Search(_), Outcome::Searched(answer, _)) | (_, Outcome::Answered(answer)) => (
                result::code(&answer),
                result::matched_dn(&answer).map(ToString::to_string),
            ),
            // A runner that mixes up its outcomes: nobody gets in by it.
            (
                _,
                Outcome::Authenticated(_)
                | Outcome::Identified(_)
                | Outcome::Searched(..)
                | Outcome::Changed(_),
            ) => (ResultCode::Other, None),
        };
        let matched_dn = matched.as_deref().unwrap_or_default();
        let result = LdapResult {
            code: code.clone(),
            matched_dn,
            diagnostic: &why,
        };
        respond_with(out, id, operation, &result, &controls);
        code
    }

    fn response_controls(&self, pending: &Pending, outcome: &Outcome) -> BytesMut {
        let mut controls = match (&pending.purpose, outcome) {
            (Purpose::Search(reply), Outcome::Searched(_, end)) => reply.controls(&self.shared, end),
            (Purpose::Search(reply), _) => reply.controls(&self.shared, &SearchEnd::default()),
            _ => BytesMut::new(),
        };
        if let Outcome::Changed(Ok(changed)) = outcome {
            pre_post::put_responses(&mut controls, changed);
        }
        if pending.password_policy {
            password_policy::put_response(&mut controls, outcome);
        }
        controls
    }

    fn on_verdict(&mut self, verdict: Verdict) -> ResultCode {
        match verdict {
            Verdict::Accepted(asker) => {
                self.asker = asker;
                ResultCode::Success
            }
            Verdict::Refused => ResultCode::InvalidCredentials,
            Verdict::Busy => ResultCode::Busy,
        }
    }

    fn bind(&mut self, message: &Message<'_>, controls: &RequestControls<'_>, out: &mut BytesMut) -> Next {
        let Ok(request) = bind::decode(message.body) else {
            return refuse(out, message, ResultCode::ProtocolError, "malformed bind request");
        };
        match bind::check(&request, self.channel, &self.shared) {
            Ok(LogIn::Anonymous) => answer(out, message, &LdapResult::bare(ResultCode::Success)),
            Ok(LogIn::WithPin(name, pin)) => run(message, controls, Purpose::Bind, self.log_in(name, pin)),
            Ok(LogIn::External(user)) => {
                run(message, controls, Purpose::Bind, Request::AuthenticateLocal(user))
            }
            Ok(LogIn::Challenge) => sasl::put_empty_challenge(out, message),
            Err(refused) => answer(out, message, &refused),
        }
    }

    fn log_in(&self, name: LoginName, pin: &[u8]) -> Request {
        Request::Authenticate(Authenticate {
            name,
            pin: Pin::new(pin),
            service: None,
            source: self.source,
            caller: None,
        })
    }

    fn search(&mut self, message: &Message<'_>, controls: &RequestControls<'_>, out: &mut BytesMut) -> Next {
        let asking = Asking {
            asker: &self.asker,
            channel: self.channel,
            controls,
        };
        match search::ask(message, &asking, &self.shared, &mut self.last_base, out) {
            Ok(Asked::Directory(request, reply)) => run(
                message,
                controls,
                Purpose::Search(reply),
                Request::Search(request),
            ),
            Ok(Asked::Answered(code, controls)) => {
                let result = LdapResult::bare(code);
                respond_with(out, message.id, message.operation, &result, &controls)
            }
            Err(refused) => answer(out, message, &refused),
        }
    }

    fn compare(&mut self, message: &Message<'_>, controls: &RequestControls<'_>, out: &mut BytesMut) -> Next {
        let assertion = match search::assertion(controls, &self.shared) {
            Ok(assertion) => assertion,
            Err(refused) => return answer(out, message, &refused),
        };
        let Ok(request) = body::compare(message) else {
            return refuse(
                out,
                message,
                ResultCode::ProtocolError,
                "malformed compare request",
            );
        };
        let Ok(dn) = Dn::parse(&request.dn) else {
            return refuse(
                out,
                message,
                ResultCode::InvalidDNSyntax,
                "not a distinguished name",
            );
        };
        let description = request.atype.into_bytes().into();
        let compare = Compare {
            dn,
            description,
            value: request.val.into(),
            assertion,
        };
        match search::compare_own(&compare, self.channel, &self.shared) {
            Some(own) => answer(out, message, &LdapResult::bare(result::code(&own))),
            None => run(message, controls, Purpose::Compare, Request::Compare(compare)),
        }
    }

    fn write(&mut self, message: &Message<'_>, controls: &RequestControls<'_>, out: &mut BytesMut) -> Next {
        let both = update::terms(controls, &self.shared)
            .and_then(|terms| Ok(Request::Change(update::decode(message)?, terms)));
        match both {
            Ok(request) => run(message, controls, Purpose::Write(message.operation), request),
            Err(refused) => answer(out, message, &refused),
        }
    }

    fn extended(
        &mut self,
        message: &Message<'_>,
        controls: &RequestControls<'_>,
        trailing: Trailing,
        out: &mut BytesMut,
    ) -> Next {
        let Ok((name, value)) = extended::decode(message.body) else {
            return refuse(
                out,
                message,
                ResultCode::ProtocolError,
                "malformed extended request",
            );
        };
        match (std::str::from_utf8(name).unwrap_or_default(), value) {
            (PASSWORD_MODIFY, value) => match update::set_pin(value) {
                Ok(change) => {
                    let request = Request::Change(change, Terms::default());
                    run(message, controls, Purpose::PasswordModify, request)
                }
                Err(refused) => answer(out, message, &refused),
            },
            // It is served for Password Modify alone.
            _ if controls.password_policy == Some(Criticality::Critical) => {
                answer(out, message, &ControlError::Unavailable.into())
            }
            (WHO_AM_I, None) => run(message, controls, Purpose::WhoAmI, Request::Identify),
            (START_TLS, None) => self.start_tls(message.id, trailing, out),
            (WHO_AM_I | START_TLS, Some(_)) => refuse(
                out,
                message,
                ResultCode::ProtocolError,
                "this operation takes no value",
            ),
            _ => refuse(
                out,
                message,
                ResultCode::ProtocolError,
                "no such extended operation",
            ),
        }
    }

    fn start_tls(&mut self, id: MessageId, trailing: Trailing, out: &mut BytesMut) -> Next {
        let (code, why) = match (self.shared.start_tls, self.channel, trailing) {
            (StartTls::NotOffered, ..) => (ResultCode::ProtocolError, "no such extended operation"),
            (_, Channel::Tls, _) => (ResultCode::OperationsError, "TLS is up already"),
            // Whatever follows in clear must not be taken for something said under TLS.
            (_, _, Trailing::Pipelined) => (ResultCode::OperationsError, "wait for the answer to StartTLS"),
            _ => (ResultCode::Success, ""),
        };
        extended::put_start_tls_response(out, id, &LdapResult::with_diagnostic(code.clone(), why));
        if code == ResultCode::Success {
            Next::StartTls
        } else {
            Next::Answered(code)
        }
    }
}

fn run(message: &Message<'_>, controls: &RequestControls<'_>, purpose: Purpose, request: Request) -> Next {
    let pending = Pending {
        id: message.id,
        password_policy: controls.password_policy.is_some(),
        purpose,
    };
    Next::Run(pending, request)
}

/// An authzId (RFC 4513 section 5.2.1.8); empty of a stranger.
fn authz_id(name: Option<&str>) -> String {
    name.map(|name| format!("dn:{name}")).unwrap_or_default()
}

fn refuse(out: &mut BytesMut, message: &Message<'_>, code: ResultCode, why: &str) -> Next {
    answer(out, message, &LdapResult::with_diagnostic(code, why))
}

fn answer(out: &mut BytesMut, message: &Message<'_>, result: &LdapResult<'_>) -> Next {
    respond(out, message.id, message.operation, result)
}

fn respond(out: &mut BytesMut, id: MessageId, operation: Operation, result: &LdapResult<'_>) -> Next {
    respond_with(out, id, operation, result, &[])
}

fn respond_with(
    out: &mut BytesMut,
    id: MessageId,
    operation: Operation,
    result: &LdapResult<'_>,
    controls: &[u8],
) -> Next {
    let Some(response_tag) = operation.response_tag() else {
        return Next::Unanswered;
    };
    result::put_controlled(out, id, response_tag, result, &[], controls);
    Next::Answered(result.code.clone())
}
