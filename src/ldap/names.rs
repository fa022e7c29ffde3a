//! What clients may give instead of a distinguished name, where the configuration allows it: for appliances that can
//! do nothing else.

use std::sync::Arc;

use crate::directory::request::{LoginName, Scope, SearchBase};
use crate::types::{Dn, MailAddress, Uid};

/// How names that are none are read. By default they are not.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// What a simple bind may give as its name. Of several that fit, the first that an account has is meant.
    pub bind: Vec<BindName>,
    /// Where a search looks whose base is the empty name, unless it is for the root DSE itself.
    pub default_search_base: Option<Dn>,
}

/// One thing that a simple bind may give as its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindName {
    /// A UID.
    Uid,
    /// A mail address of the account.
    Mail,
    /// A UID, `@` and this realm, in capital or small letters.
    Realm(Box<str>),
}

impl Names {
    /// Where a search of `base` looks.
    pub(super) fn search_base(&self, base: Arc<SearchBase>, scope: Scope) -> Arc<SearchBase> {
        match &self.default_search_base {
            Some(default) if base.dn().rdns.is_empty() && scope != Scope::Base => {
                Arc::new(default.clone().into())
            }
            _ => base,
        }
    }

    /// Whose account `text`, which is no distinguished name, is meant to be; `None` if it is nothing that is allowed.
    pub(super) fn read(&self, text: &str) -> Option<LoginName> {
        let mut meant: Vec<LoginName> = self.bind.iter().filter_map(|way| way.read(text)).collect();
        match meant.len() {
            0 | 1 => meant.pop(),
            _ => Some(LoginName::FirstOf(meant)),
        }
    }
}

impl BindName {
    fn read(&self, text: &str) -> Option<LoginName> {
        match self {
            BindName::Uid => Uid::parse(text.as_bytes()).map(LoginName::Uid),
            BindName::Mail => MailAddress::parse(text).map(LoginName::Mail),
            BindName::Realm(realm) => {
                let (uid, given) = text.rsplit_once('@')?;
                let uid = Uid::parse(uid.as_bytes())?;
                given.eq_ignore_ascii_case(realm).then_some(LoginName::Uid(uid))
            }
        }
    }
}
