//! Searches and comparisons: which are the server's own to answer, and which go to the directory.

use std::num::NonZeroU32;

use bytes::BytesMut;

use crate::directory::request::{
    Answer, Asker, Compare, EntrySink, Page, Scope, Search, SearchControls, SearchEnd, Sort, SortEnd,
};
use crate::domain::effort::Effort;
use crate::domain::filter::{Filter, Truth};
use crate::domain::packed::Attributes;
use crate::domain::seal::Purpose;
use crate::ldap::channel::Channel;
use crate::ldap::control::paged::{self, PagedResults};
use crate::ldap::control::sort::{self, SortRequest};
use crate::ldap::control::{Criticality, RequestControls};
use crate::ldap::entry_writer::EntryWriter;
use crate::ldap::envelope::{Message, MessageId};
use crate::ldap::last_base::LastBase;
use crate::ldap::own_entry::OwnEntry;
use crate::ldap::result::{LdapResult, ResultCode};
use crate::ldap::search_request::{self, SearchRequestError, Values};
use crate::ldap::selection::{self, SelectionError};
use crate::ldap::shared::Shared;
use crate::ldap::subschema::is_subschema;
use crate::types::{AttributeSet, Dn};

/// What became of a search request.
pub enum Asked {
    /// The directory's to answer.
    Directory(Search, SearchReply),
    /// Answered: the entry, if there is one, has been appended, and SearchResultDone has this code and these controls.
    Answered(ResultCode, BytesMut),
}

/// How a search is answered.
pub struct SearchReply {
    /// Whether with values.
    pub values: Values,
    /// In pages: what the cookies are good for.
    paging: Option<Purpose>,
    sorting: Sorting,
}

enum Sorting {
    /// In any order.
    Any,
    /// In the order that was asked for, if the directory can.
    Asked,
    /// In any order, and this control says why.
    Refused(Box<[u8]>),
}

impl SearchReply {
    /// The controls of SearchResultDone, one after the other. A client that asks for pages is always told whether there
    /// is another, whatever has become of this one.
    pub fn controls(&self, shared: &Shared, end: &SearchEnd) -> BytesMut {
        let mut controls = BytesMut::new();
        if let Some(purpose) = &self.paging {
            let more = end.more.as_ref();
            let cookie = more.map(|mark| paged::cookie(&shared.seal_key, purpose, mark));
            paged::put_response(&mut controls, &cookie.unwrap_or_default());
        }
        match (&self.sorting, end.sort) {
            (Sorting::Asked, Some(end)) => controls.extend_from_slice(&sort::ended(end)),
            (Sorting::Refused(why), _) => controls.extend_from_slice(why),
            (Sorting::Any | Sorting::Asked, _) => {}
        }
        controls
    }
}

/// Who asks, over what, with which controls.
pub struct Asking<'a> {
    /// Who.
    pub asker: &'a Asker,
    /// Over what.
    pub channel: Channel,
    /// With which controls.
    pub controls: &'a RequestControls<'a>,
}

/// Reads a search; one for the root DSE or the subschema subentry is answered into `out`.
pub(super) fn ask(
    message: &Message<'_>,
    asking: &Asking<'_>,
    shared: &Shared,
    last_base: &mut LastBase,
    out: &mut BytesMut,
) -> Result<Asked, LdapResult<'static>> {
    let request = search_request::decode(message.body, &*shared.schema).map_err(undecodable)?;
    let selection = selection::decode(request.attributes, &shared.schema).map_err(unselectable)?;
    let base = last_base.read(request.base).ok_or_else(not_a_dn)?;
    let paging = asking.controls.paged.map(|paged| {
        let sort = asking.controls.sort.as_ref();
        let sort = sort.map_or(&[][..], |sort| sort.value);
        let query = [request.base, &[request.scope as u8], request.what, sort];
        (paged, paged::purpose(&shared.seal_key, asking.asker, &query))
    });
    let (sort, sorting) = sorting(asking.controls.sort.as_ref(), shared);
    let reply = SearchReply {
        values: request.values,
        paging: paging.map(|(_, purpose)| purpose),
        sorting,
    };
    if asking.controls.sort.as_ref().is_some_and(is_critical) && matches!(reply.sorting, Sorting::Refused(_))
    {
        return Ok(answered(ResultCode::UnavailableCriticalExtension, &reply, shared));
    }
    let page = match paging {
        Some((paged, purpose)) => Some(page(&paged, &purpose, shared)?),
        None => None,
    };
    if let Some(None) = page {
        // RFC 2696 section 3: no more pages are wanted.
        return Ok(answered(ResultCode::Success, &reply, shared));
    }
    let search = Search {
        base: shared.names.search_base(base, request.scope),
        scope: request.scope,
        filter: request.filter,
        selection,
        entries_max: request.size_limit,
        time_limit_s: request.time_limit_s,
        controls: SearchControls {
            assertion: assertion(asking.controls, shared)?,
            sort,
            page: page.flatten().map(Box::new),
        },
    };
    match own_entry(search.base.dn(), asking.channel, shared) {
        None => Ok(Asked::Directory(search, reply)),
        Some(own) => {
            let code = answer_own(own, &search, shared, message.id, request.values, out);
            Ok(answered(code, &reply, shared))
        }
    }
}

fn answered(code: ResultCode, reply: &SearchReply, shared: &Shared) -> Asked {
    let end = SearchEnd {
        more: None,
        sort: Some(SortEnd::Sorted),
    };
    Asked::Answered(code, reply.controls(shared, &end))
}

/// How to sort, and how to answer that. The keys' errors are the control's to tell.
fn sorting(asked: Option<&SortRequest<'_>>, shared: &Shared) -> (Option<Box<Sort>>, Sorting) {
    let Some(asked) = asked else {
        return (None, Sorting::Any);
    };
    match asked.keys(&shared.schema) {
        Ok(keys) => {
            let is_critical = is_critical(asked);
            (Some(Box::new(Sort { keys, is_critical })), Sorting::Asked)
        }
        Err(why) => (None, Sorting::Refused(Box::from(&*why))),
    }
}

fn is_critical(sort: &SortRequest<'_>) -> bool {
    sort.criticality == Criticality::Critical
}

/// The filter of an assertion control. Errors: as of any other broken control.
pub fn assertion(
    controls: &RequestControls<'_>,
    shared: &Shared,
) -> Result<Option<Box<Filter>>, LdapResult<'static>> {
    let filter = controls
        .assertion
        .map(|assertion| assertion.filter(&shared.schema));
    Ok(filter.transpose()?.map(Box::new))
}

/// The page that is asked for; `None` of no entries. Errors: as slapd has it, for a cookie that is none.
fn page(
    paged: &PagedResults<'_>,
    purpose: &Purpose,
    shared: &Shared,
) -> Result<Option<Page>, LdapResult<'static>> {
    let from = match paged.cookie {
        [] => None,
        cookie => Some(paged::mark(&shared.seal_key, purpose, cookie).ok_or_else(not_a_cookie)?),
    };
    Ok(NonZeroU32::new(paged.size).map(|entries_max| Page { entries_max, from }))
}

fn not_a_cookie() -> LdapResult<'static> {
    LdapResult::with_diagnostic(ResultCode::ProtocolError, "the cookie is not of this search")
}

/// Compares with an entry of the server's own; `None` if `compare` is about another entry.
pub fn compare_own(compare: &Compare, channel: Channel, shared: &Shared) -> Option<Answer> {
    let own = own_entry(&compare.dn, channel, shared)?;
    let truth = |filter: &Filter| {
        let effort = Effort::of(OWN_LOOKS_MAX);
        filter.truth(&shared.schema, own, &AttributeSet::ALL, &effort)
    };
    let asserted = compare.assertion.as_deref().map(truth);
    if asserted.is_some_and(|truth| truth != Truth::True) {
        return Some(Answer::AssertionFailed);
    }
    let filter = Filter::equality(&shared.schema, &compare.description, &compare.value);
    let kind = shared.schema.attribute(&compare.description);
    let has = |kind| own.attributes().any(|attribute| attribute.kind == kind);
    Some(match (kind, truth(&filter)) {
        (None, _) => Answer::UndefinedAttribute,
        (Some(kind), _) if !has(kind) => Answer::NoSuchAttribute,
        (_, Truth::True) => Answer::True,
        (_, Truth::False) => Answer::False,
        (_, Truth::Undefined) => Answer::InappropriateMatching,
    })
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
    match (search.scope, search.base.dn().rdns.is_empty()) {
        (Scope::Base, _) | (Scope::Subtree, false) => {
            let effort = Effort::of(OWN_LOOKS_MAX);
            let truth = |filter: &Filter| filter.truth(&shared.schema, own, &AttributeSet::ALL, &effort);
            let asserted = search.controls.assertion.as_deref().map(truth);
            let truth = truth(&search.filter);
            if effort.is_exceeded() {
                return ResultCode::AdminLimitExceeded;
            }
            if asserted.is_some_and(|truth| truth != Truth::True) {
                return ResultCode::AssertionFailed;
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
