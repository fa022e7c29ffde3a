//! User-Name (RFC 2865 section 5.1): which ones can be a UID at all.

use thiserror::Error;

use crate::types::Uid;

/// Why a User-Name can be no UID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UserNameError {
    /// Empty, too long, not UTF-8, or with control characters ([`Uid::parse`]).
    #[error("not a UID")]
    NotAUid,
    /// White space anywhere.
    #[error("white space in a User-Name")]
    WhiteSpace,
    /// A realm that is none (RFC 7542 section 2.2): two `@`, no dot, an empty label.
    #[error("a malformed realm")]
    Realm,
}

/// The UID that a User-Name is. A realm stays part of it: none is stripped.
///
/// What cannot be a name is refused here, before anything is looked up or counted, as eduroam asks of
/// every home server.
pub fn parse(user_name: &[u8]) -> Result<Uid, UserNameError> {
    let uid = Uid::parse(user_name).ok_or(UserNameError::NotAUid)?;
    if uid.as_str().contains(char::is_whitespace) {
        return Err(UserNameError::WhiteSpace);
    }
    match uid.as_str().split_once('@') {
        Some((_, realm)) if !is_realm(realm) => Err(UserNameError::Realm),
        _ => Ok(uid),
    }
}

fn is_realm(realm: &str) -> bool {
    realm.contains('.') && !realm.contains('@') && realm.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user_name: &str, expected: Option<UserNameError>) {
        assert_eq!(parse(user_name.as_bytes()).err(), expected, "{user_name:?}");
    }

    #[test]
    fn names_with_and_without_a_realm_pass() {
        check("u3001234", None);
        check("ada.lovelace", None);
        check("ada@uni.example", None);
        check("李小龙", None);
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        check("", Some(UserNameError::NotAUid));
        check("a\0b", Some(UserNameError::NotAUid));
        check("ada ", Some(UserNameError::WhiteSpace));
        check("ada lovelace", Some(UserNameError::WhiteSpace));
        for realm in [
            "ada@",
            "ada@uni",
            "ada@uni..example",
            "ada@.uni.example",
            "ada@uni.example.",
            "a@b@c.d",
        ] {
            check(realm, Some(UserNameError::Realm));
        }
        assert!(parse(b"\xffada").is_err());
    }
}
