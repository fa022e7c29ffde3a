//! Paged results (RFC 2696), without anything kept for a client between its pages: the cookie says where to go on.
//!
//! It is sealed, so that it tells nothing of the entries between two pages, and good only for who got it, on whatever
//! connection, and for the search it was given for, until the daemon starts anew.

use bytes::BytesMut;

use super::{ControlError, put_control};
use crate::directory::request::{Asker, PageMark, Position};
use crate::domain::seal::{Purpose, SealKey};
use crate::domain::sort::Rank;
use crate::ldap::ber::{self, Reader};
use crate::types::EntryId;

/// The OID of request and response.
pub const OID: &str = "1.2.840.113556.1.4.319";

/// What kind of position a cookie holds.
const AFTER: u8 = 0;
const BEHIND: u8 = 1;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagedResults<'a> {
    /// The most entries of the page; 0 for no entries, and no more pages.
    pub size: u32,
    /// The cookie of the page before; empty for the first.
    pub cookie: &'a [u8],
}

impl<'a> PagedResults<'a> {
    /// Reads `realSearchControlValue`. Errors: [`ControlError::Malformed`].
    pub(super) fn parse(value: &'a [u8]) -> Result<PagedResults<'a>, ControlError> {
        let mut outer = Reader::new(value);
        let mut reader = Reader::new(outer.expect(ber::SEQUENCE)?);
        let size = reader.integer(ber::INTEGER)?;
        let cookie = reader.expect(ber::OCTET_STRING)?;
        if !reader.is_empty() || !outer.is_empty() {
            return Err(ControlError::Malformed);
        }
        Ok(PagedResults { size, cookie })
    }
}

/// Appends the response control. How many entries there are in all is never told: 0 is "unknown".
pub fn put_response(out: &mut BytesMut, cookie: &[u8]) {
    let mut content = BytesMut::new();
    ber::put_integer(&mut content, ber::INTEGER, 0);
    ber::put_element(&mut content, ber::OCTET_STRING, cookie);
    let mut value = BytesMut::new();
    ber::put_element(&mut value, ber::SEQUENCE, &content);
    put_control(out, OID, &value);
}

/// What the cookies of `asker` are good for: the search that `query` is, in parts.
pub fn purpose(key: &SealKey, asker: &Asker, query: &[&[u8]]) -> Purpose {
    let (id, user);
    let (kind, name): (&[u8], &[u8]) = match asker {
        Asker::Public => (b"public", b""),
        Asker::Member(entry) => {
            id = entry.to_bytes();
            (b"member", &id)
        }
        Asker::Service(name) => (b"service", name.as_bytes()),
        Asker::Root => (b"root", b""),
        Asker::Operator(operator) => {
            user = operator.user.to_be_bytes();
            (b"operator", &user)
        }
    };
    key.purpose(&[&[b"page", kind, name], query].concat())
}

/// The cookie of a page that ends at `mark`.
pub fn cookie(key: &SealKey, purpose: &Purpose, mark: &PageMark) -> Vec<u8> {
    let mut content = mark.given.to_be_bytes().to_vec();
    match &mark.position {
        Position::After(id) => {
            content.push(AFTER);
            content.extend_from_slice(&id.to_bytes());
        }
        Position::Behind(rank) => {
            content.push(BEHIND);
            content.extend_from_slice(rank.as_bytes());
        }
    }
    key.seal(purpose, &content)
}

/// Where a page has ended; `None` if `cookie` is none of ours, of another asker or for another search.
pub fn mark(key: &SealKey, purpose: &Purpose, cookie: &[u8]) -> Option<PageMark> {
    let content = key.open(purpose, cookie)?;
    let (given, position) = content.split_first_chunk()?;
    let position = match position.split_first()? {
        (&AFTER, id) => Position::After(EntryId(u64::from_be_bytes(id.try_into().ok()?))),
        (&BEHIND, rank) => Position::Behind(Rank::from_bytes(rank)),
        _ => return None,
    };
    Some(PageMark {
        given: u64::from_be_bytes(*given),
        position,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeededEntropy;

    #[test]
    fn a_request_is_a_size_and_a_cookie_and_nothing_else() {
        let check = |value: &[u8], expected| assert_eq!(PagedResults::parse(value), expected, "{value:?}");
        let read = |size, cookie| Ok(PagedResults { size, cookie });
        check(&[0x30, 5, 2, 1, 9, 4, 0], read(9, b""));
        check(&[0x30, 6, 2, 1, 0, 4, 1, 7], read(0, &[7]));
        for wrong in [
            &[0x30, 5, 2, 1, 0xff, 4, 0][..],
            &[0x30, 3, 2, 1, 9],
            &[0x30, 5, 2, 1, 9, 4, 1],
            &[0x30, 7, 2, 1, 9, 4, 0, 4, 0],
            &[0x30, 5, 2, 1, 9, 4, 0, 0],
            &[0x31, 5, 2, 1, 9, 4, 0],
        ] {
            check(wrong, Err(ControlError::Malformed));
        }
    }

    #[test]
    fn a_cookie_is_good_for_one_asker_and_one_search() {
        let key = SealKey::new(&mut SeededEntropy::new(1));
        let made = PageMark {
            position: Position::After(EntryId(77)),
            given: 1000,
        };
        let of = |asker: &Asker, query: &[u8]| purpose(&key, asker, &[query]);
        let ada = Asker::Member(EntryId(4));
        let cookie = cookie(&key, &of(&ada, b"q"), &made);
        assert!(mark(&key, &of(&ada, b"q"), &cookie) == Some(made));
        for asker in [
            Asker::Public,
            Asker::Root,
            Asker::Member(EntryId(5)),
            Asker::Service("lms".into()),
        ] {
            assert!(mark(&key, &of(&asker, b"q"), &cookie).is_none());
        }
        assert!(mark(&key, &of(&ada, b"r"), &cookie).is_none());
        assert!(mark(&key, &of(&ada, b"q"), b"rubbish").is_none());
    }
}
