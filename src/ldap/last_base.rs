//! The base that a client has searched last: most search the same one again and again, and reading a name costs a tenth of a
//! search by UID.

use std::sync::Arc;

use crate::directory::request::SearchBase;
use crate::ldap::shared::parse_dn;

/// The longest name that is remembered, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// What a connection's client has searched last.
#[derive(Default)]
pub(super) struct LastBase(Option<(Box<[u8]>, Arc<SearchBase>)>);

impl LastBase {
    /// The base that `text` off the wire names; `None` if it is no distinguished name.
    pub(super) fn read(&mut self, text: &[u8]) -> Option<Arc<SearchBase>> {
        if let Some((known, base)) = &self.0
            && **known == *text
        {
            return Some(base.clone());
        }
        let base = Arc::new(SearchBase::from(parse_dn(text)?));
        if text.len() <= TEXT_BYTES_MAX {
            self.0 = Some((text.into(), base.clone()));
        }
        Some(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_once_until_there_is_another() {
        let mut last = LastBase::default();
        let mut read = |text: &str| last.read(text.as_bytes());
        let first = read("dc=uni").unwrap();
        assert!(Arc::ptr_eq(&first, &read("dc=uni").unwrap()));
        let other = read("DC=uni").unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
        assert_eq!(other.dn().to_string(), "DC=uni");
        assert!(read("nonsense").is_none());
        assert!(Arc::ptr_eq(&other, &read("DC=uni").unwrap()));
        let long = format!("cn={}", "x".repeat(TEXT_BYTES_MAX));
        assert!(!Arc::ptr_eq(&read(&long).unwrap(), &read(&long).unwrap()));
    }
}
