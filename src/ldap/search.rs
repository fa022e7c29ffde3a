//! Searches and comparisons: which are the server's own to answer, and which go to the directory.

use bytes::BytesMut;

use crate::directory::request::{Answer, Compare, EntrySink, Scope, Search};
use crate::domain::effort::Effort;
use crate::domain::filter::{Filter, Truth};
use crate::domain::packed::Attributes;
use crate::ldap::channel::Channel;
use crate::ldap::entry_writer::EntryWriter;
use crate::ldap::envelope::{Message, MessageId};
use crate::ldap::own_entry::OwnEntry;
use crate::ldap::result::{LdapResult, ResultCode};
use crate::ldap::search_request::{self, SearchRequestError, Values};
use crate::ldap::selection::{self, SelectionError};
use crate::ldap::shared::{Shared, parse_dn};
use crate::ldap::subschema::is_subschema;
use crate::types::{AttributeSet, Dn};

/// What became of a search request.
pub enum Asked {
    /// The directory's to answer.
    Directory(Search, Values),
    /// Answered: the entry, if there is one, has been appended, and this is the code of SearchResultDone.
    Answered(ResultCode),
}

/// Reads a search; one for the root DSE or the subschema subentry is answered into `out`.
pub fn ask(
    message: &Message<'_>,
    channel: Channel,
    shared: &Shared,
    out: &mut BytesMut,
) -> Result<Asked, LdapResult<'static>> {
    let request = search_request::decode(message.body, &*shared.schema).map_err(undecodable)?;
    let selection = selection::decode(request.attributes, &shared.schema).map_err(unselectable)?;
    let base = parse_dn(request.base).ok_or_else(not_a_dn)?;
    let search = Search {
        base: shared.names.search_base(base, request.scope),
        scope: request.scope,
        filter: request.filter,
        selection,
        entries_max: request.size_limit,
        time_limit_s: request.time_limit_s,
    };
    match own_entry(&search.base, channel, shared) {
        None => Ok(Asked::Directory(search, request.values)),
        Some(own) => Ok(Asked::Answered(answer_own(
            own,
            &search,
            shared,
            message.id,
            request.values,
            out,
        ))),
    }
}

/// Compares with an entry of the server's own; `None` if `compare` is about another entry.
pub fn compare_own(compare: &Compare, channel: Channel, shared: &Shared) -> Option<Answer> {
    let own = own_entry(&compare.dn, channel, shared)?;
    let filter = Filter::equality(&shared.schema, &compare.description, &compare.value);
    let kind = shared.schema.attribute(&compare.description);
    let has = |kind| own.attributes().any(|attribute| attribute.kind == kind);
    Some(
        match (
            kind,
            filter.truth(&shared.schema, own, &AttributeSet::ALL, &Effort::unlimited()),
        ) {
            (None, _) => Answer::UndefinedAttribute,
            (Some(kind), _) if !has(kind) => Answer::NoSuchAttribute,
            (_, Truth::True) => Answer::True,
            (_, Truth::False) => Answer::False,
            (_, Truth::Undefined) => Answer::InappropriateMatching,
        },
    )
}

fn not_a_dn() -> LdapResult<'static> {
    LdapResult::with_diagnostic(ResultCode::InvalidDNSyntax, "not a distinguished name")
}

fn undecodable(error: SearchRequestError) -> LdapResult<'static> {
    match error {
        SearchRequestError::Malformed => {
            LdapResult::with_diagnostic(ResultCode::ProtocolError, "malformed search request")
        }
        SearchRequestError::FilterTooDeep => {
            LdapResult::with_diagnostic(ResultCode::AdminLimitExceeded, "filter nested too deep")
        }
    }
}

fn unselectable(error: SelectionError) -> LdapResult<'static> {
    match error {
        SelectionError::Malformed => {
            LdapResult::with_diagnostic(ResultCode::ProtocolError, "malformed attribute selection")
        }
        SelectionError::TooMany => {
            LdapResult::with_diagnostic(ResultCode::AdminLimitExceeded, "too many attributes asked for")
        }
    }
}

fn own_entry<'a>(dn: &Dn, channel: Channel, shared: &'a Shared) -> Option<&'a OwnEntry> {
    if dn.rdns.is_empty() {
        Some(shared.root_dse(channel))
    } else if is_subschema(dn) {
        Some(&shared.subschema)
    } else {
        None
    }
}

/// The most looks ([`Effort`]) at an entry of the server's own: a filter of a hundred items on all the attribute
/// types of the schema.
const OWN_LOOKS_MAX: u64 = 1 << 17;

fn answer_own(
    own: &OwnEntry,
    search: &Search,
    shared: &Shared,
    id: MessageId,
    values: Values,
    out: &mut BytesMut,
) -> ResultCode {
    match (search.scope, search.base.rdns.is_empty()) {
        (Scope::Base, _) | (Scope::Subtree, false) => {
            let effort = Effort::of(OWN_LOOKS_MAX);
            let truth = search
                .filter
                .truth(&shared.schema, own, &AttributeSet::ALL, &effort);
            if effort.is_exceeded() {
                return ResultCode::AdminLimitExceeded;
            }
            if truth == Truth::True {
                let _ = EntryWriter::new(out, id, values).entry(&own.selected(&search.selection));
            }
            ResultCode::Success
        }
        (_, false) => ResultCode::Success,
        // The root has no children of its own: naming contexts are searched by their names.
        (_, true) => ResultCode::NoSuchObject,
    }
}
