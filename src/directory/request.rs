//! What every protocol may ask, and what it hears back.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use crate::directory::changes::{Change, Terms};
use crate::domain::audit::Subject;
use crate::domain::filter::Filter;
use crate::domain::packed::AttributeView;
use crate::domain::schema::Schema;
use crate::domain::sort::{Rank, SortKey};
use crate::types::{
    AttributeType, Caller, Dn, EntryId, LocalUser, MailAddress, NormalDn, NormalDnRef, Pin, SourceGroup, Uid,
};

/// Who asks: decides what may be read.
#[derive(Clone, Debug)]
pub enum Asker {
    /// A stranger.
    Public,
    /// A member who has logged in, by the entry that is the account.
    Member(EntryId),
    /// A relying system from `[[ldap.service]]`, by its name.
    Service(Arc<str>),
    /// The emergency administrator of `[ldap.root]`.
    Root,
    /// A user of this machine who is an administrator, and may what [`Asker::Root`] may.
    Operator(LocalUser),
}

impl Asker {
    /// Whether no rule and no limit of the directory but the time holds for them.
    pub fn is_administrator(&self) -> bool {
        matches!(self, Asker::Root | Asker::Operator(_))
    }

    /// How the audit log names them.
    pub fn subject(&self) -> Subject {
        match self {
            Asker::Member(entry) => Subject::Entry(*entry),
            Asker::Service(name) => Subject::Service(name.clone()),
            Asker::Root => Subject::Root,
            Asker::Operator(user) => Subject::Operator(user.user),
            Asker::Public => Subject::Nobody,
        }
    }
}

/// Whose PIN is offered.
#[derive(Debug)]
pub enum LoginName {
    /// By the entry's name in its normal form: an LDAP simple bind. Also names root and services.
    Dn(NormalDn),
    /// By UID: RADIUS and the web.
    Uid(Uid),
    /// By a mail address of the entry.
    Mail(MailAddress),
    /// By the first of these that is an account's: what was typed can be read in more than one way.
    FirstOf(Vec<LoginName>),
    /// By a name that no entry can have, such as one of an attribute type the schema does not know: refused after as
    /// much work as every other.
    Nobody,
}

/// A log-in. Has no `Debug`.
pub struct Authenticate {
    /// Who.
    pub name: LoginName,
    /// The PIN offered.
    pub pin: Pin,
    /// The relying service on whose behalf, such as `vpn`; `None` for a plain LDAP bind.
    pub service: Option<Arc<str>>,
    /// Where the request came from, for the audit log.
    pub source: IpAddr,
    /// On whose behalf, if a source that has proved itself says so.
    pub caller: Option<Caller>,
}

impl Authenticate {
    /// Whose guess it counts as: the caller's, for behind one VPN concentrator are all members and every stranger.
    pub fn source_group(&self) -> SourceGroup {
        match self.caller {
            Some(caller) => caller.into(),
            None => self.source.into(),
        }
    }
}

/// What a log-in comes to. One word for every refusal (DESIGN invariant 3): the reason is in the audit
/// event, never here.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The PIN is right and the account may log in.
    Accepted(Asker),
    /// Anything else.
    Refused,
    /// Too many log-ins wait for the hash pool, or the index is not loaded: try again.
    Busy,
}

/// How far a search looks (RFC 4511 section 4.5.1.2; `Subordinate` from draft-sermersheim-ldap-subordinate-scope).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The base entry only.
    Base,
    /// Its children.
    One,
    /// The base and everything below.
    Subtree,
    /// Everything below, without the base.
    Subordinate,
}

/// Which attributes an answer carries (RFC 4511 section 4.5.1.8, RFC 3673, RFC 4529).
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `*`, or nothing asked for at all: all user attributes.
    pub all_user: bool,
    /// `+`: all operational attributes.
    pub all_operational: bool,
    /// Those asked for by name (resolved; subtypes and options below them included) with the options asked for.
    pub named: Vec<(AttributeType, Box<str>)>,
}

/// A search. Has no `Debug`: filters hold values.
pub struct Search {
    /// Where it starts. The empty name is not a search but the root DSE; sessions answer it themselves.
    pub base: Arc<SearchBase>,
    /// How far it looks.
    pub scope: Scope,
    /// The filter.
    pub filter: Filter,
    /// The attributes an answer carries.
    pub selection: Selection,
    /// The most entries the asker wants; 0 leaves it to the directory's own limit.
    pub entries_max: u32,
    /// The most seconds the asker wants to wait; 0 leaves it to the directory's own limit.
    pub time_limit_s: u32,
    /// What controls ask for.
    pub controls: SearchControls,
}

/// Where searches start. Its normal form is found once.
pub struct SearchBase {
    dn: Dn,
    normal: OnceLock<Option<NormalDn>>,
}

impl From<Dn> for SearchBase {
    fn from(dn: Dn) -> SearchBase {
        SearchBase {
            dn,
            normal: OnceLock::new(),
        }
    }
}

impl SearchBase {
    /// The name.
    pub fn dn(&self) -> &Dn {
        &self.dn
    }

    /// Its normal form; `None` if the schema cannot read it. `schema` is the same each time.
    pub fn normal(&self, schema: &Schema) -> Option<NormalDnRef<'_>> {
        let normal = self.normal.get_or_init(|| schema.normal_dn(&self.dn));
        normal.as_ref().map(NormalDn::as_ref)
    }
}

/// What may be asked of a search beyond RFC 4511.
#[derive(Default)]
pub struct SearchControls {
    /// What must be true of the base as the asker sees it (RFC 4528).
    pub assertion: Option<Box<Filter>>,
    /// The order of the entries (RFC 2891).
    pub sort: Option<Box<Sort>>,
    /// A page of the result only (RFC 2696).
    pub page: Option<Box<Page>>,
}

/// The order of a result. Has no `Debug`.
pub struct Sort {
    /// By what, the first key first. Values that the asker may not read are not there.
    pub keys: Vec<SortKey>,
    /// Whether unsorted is no answer.
    pub is_critical: bool,
}

/// A page of a result. Each is of the moment it is asked for; an entry that is there all the time is in one of them.
pub struct Page {
    /// The most entries it may have.
    pub entries_max: NonZeroU32,
    /// Where the page before ended; `None` for the first.
    pub from: Option<PageMark>,
}

/// Where a page has ended and the next begins.
#[derive(Clone, PartialEq, Eq)]
pub struct PageMark {
    /// Behind what.
    pub position: Position,
    /// How many entries all pages so far had.
    pub given: u64,
}

/// A place between the entries of a result, whether or not there is an entry there by now.
#[derive(Clone, PartialEq, Eq)]
pub enum Position {
    /// Of an unsorted one: behind this one and all with lower ids.
    After(EntryId),
    /// Of a sorted one: behind all up to here.
    Behind(Rank),
}

/// What became of the order that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortEnd {
    /// The entries came in it.
    Sorted,
    /// There were too many entries to sort.
    TooMany,
    /// Too many others are sorting.
    Busy,
}

/// What there is to say of a search that has ended, beside its answer.
#[derive(Default)]
pub struct SearchEnd {
    /// There are more entries, and this is where the next page begins.
    pub more: Option<PageMark>,
    /// What became of the order, if one was asked for and the search came so far.
    pub sort: Option<SortEnd>,
}

/// A comparison (RFC 4511 section 4.10). Has no `Debug`.
pub struct Compare {
    /// The entry.
    pub dn: Dn,
    /// The attribute description as written.
    pub description: Box<[u8]>,
    /// The value to compare with.
    pub value: Box<[u8]>,
    /// What must be true of the entry as the asker sees it (RFC 4528).
    pub assertion: Option<Box<Filter>>,
}

/// What a protocol asks the directory.
pub enum Request {
    /// A log-in.
    Authenticate(Authenticate),
    /// A log-in of a user of this machine, whom the system has identified: no PIN is asked for.
    AuthenticateLocal(LocalUser),
    /// A search; its entries go into an [`EntrySink`].
    Search(Search),
    /// A comparison.
    Compare(Compare),
    /// A change.
    Change(Change, Terms),
    /// How the asker is called by now: a member who has been disabled or removed since the log-in is a stranger.
    Identify,
}

/// How a request ended, short of a log-in's [`Verdict`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// Done, nothing more to say.
    Success,
    /// Compare: the entry has the value.
    True,
    /// Compare: the entry does not have it.
    False,
    /// No such entry that the asker may know of; the deepest ancestor the asker may know of, if any.
    NoSuchEntry(Option<Dn>),
    /// The entry has no such attribute that the asker may know of.
    NoSuchAttribute,
    /// The schema knows no such attribute.
    UndefinedAttribute,
    /// The attribute cannot be compared so.
    InappropriateMatching,
    /// The value is none of the attribute's syntax.
    InvalidSyntax,
    /// The asker may not do that.
    InsufficientAccess,
    /// A search found more entries than the asker or the directory allows.
    SizeLimitExceeded,
    /// A search had to look at more entries than the directory allows.
    AdminLimitExceeded,
    /// A search took longer than the asker or the directory allows.
    TimeLimitExceeded,
    /// What the asker took to be true of an entry is not.
    AssertionFailed,
    /// A search that only makes sense sorted could not be sorted.
    NotSorted,
    /// The directory cannot answer now.
    Busy,
    /// The store refuses writes.
    Unavailable,
    /// Strangers change nothing.
    AuthRequired,
    /// The PIN that was to prove who asks is wrong, or the account may not log in.
    InvalidCredentials,
    /// What was asked makes no sense, whatever the directory holds.
    Malformed,
    /// A text is no name.
    InvalidName,
    /// An entry has the name already.
    AlreadyExists,
    /// There are entries below.
    NotLeaf,
    /// The object classes do not allow the entry to be like that.
    ClassViolation,
    /// An entry stays of its structural class (RFC 4512 section 2.4.2).
    ClassChange,
    /// The entry would not have the values that it is named by.
    NamingViolation,
    /// A rule about values: their number, their uniqueness, who keeps them.
    Constraint,
    /// The value is there already.
    ValueExists,
    /// The directory does not do that.
    Unwilling,
}

/// Why a change did not happen. Tells nothing that the asker may not know.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// In one word.
    pub answer: Answer,
    /// For the person who reads the client's messages; may be empty.
    pub why: Box<str>,
    /// If it is a matter of a PIN that was to be set: why, in a word that programs understand.
    pub pin: Option<PinFault>,
}

impl Refusal {
    /// A refusal with a word of explanation.
    pub fn because(answer: Answer, why: impl Into<Box<str>>) -> Refusal {
        let (why, pin) = (why.into(), None);
        Refusal { answer, why, pin }
    }

    /// The same, for this fault of a PIN.
    pub fn for_pin(self, fault: PinFault) -> Refusal {
        let pin = Some(fault);
        Refusal { pin, ..self }
    }
}

/// Why a PIN was not set. Only told to who may set it, or to its owner, who has logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinFault {
    /// The account is locked, so that the present PIN was not looked at.
    Locked,
    /// Who asks may not set it.
    NotAllowed,
    /// The owner has not shown the present one.
    OldMissing,
    /// It has fewer bytes than a PIN must have.
    TooShort,
    /// It is none that anybody could log in with, for another reason.
    Unusable,
}

/// What there is to say of a change that has happened.
#[derive(Default)]
pub struct Changed {
    /// The PIN that was made up, if one was.
    pub made_up: Option<Pin>,
    /// The entry as it was, if that was asked for.
    pub before: Option<EntryCopy>,
    /// The entry as it is now, if that was asked for.
    pub after: Option<EntryCopy>,
}

/// An entry as it was at one moment: what the asker had asked for and may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryCopy {
    /// Its name as text (RFC 4514).
    pub dn: Box<str>,
    /// Its attributes.
    pub attributes: Vec<AttributeCopy>,
}

/// One attribute of an [`EntryCopy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeCopy {
    /// Its description.
    pub description: Box<str>,
    /// Its values as in [`AttributeView::encoded`].
    pub encoded: Box<[u8]>,
}

impl From<Answer> for Refusal {
    fn from(answer: Answer) -> Refusal {
        Refusal::because(answer, "")
    }
}

/// What a request comes to.
pub enum Outcome {
    /// Of [`Request::Authenticate`] and [`Request::AuthenticateLocal`].
    Authenticated(Verdict),
    /// Of [`Request::Search`], after the last entry.
    Searched(Answer, SearchEnd),
    /// Of [`Request::Compare`].
    Answered(Answer),
    /// Of [`Request::Change`]: it is stored and can be seen.
    Changed(Result<Changed, Refusal>),
    /// Of [`Request::Identify`]: the name of the asker as text (RFC 4514), `None` of a stranger.
    Identified(Option<String>),
}

/// One entry of a search result, already cut down to what the asker may read and asked for.
pub trait FoundEntry {
    /// The length in bytes of the name [`FoundEntry::write_dn`] writes.
    fn dn_len(&self) -> usize;
    /// Hands the entry's name as text (RFC 4514) to `part`, piece by piece.
    fn write_dn(&self, part: &mut dyn FnMut(&[u8]));
    /// The canonical name of an attribute type.
    fn name(&self, kind: AttributeType) -> &str;
    /// The attributes to send; computed ones included. May be called twice (to measure, to write) and
    /// yields the same both times.
    fn each_attribute(&self, each: &mut dyn FnMut(AttributeView<'_>));
}

/// Where a search puts its entries.
pub trait EntrySink {
    /// Takes one entry. `Break` means taken, but no more for now: the search pauses and can go on later.
    fn entry(&mut self, entry: &dyn FoundEntry) -> ControlFlow<()>;
}
