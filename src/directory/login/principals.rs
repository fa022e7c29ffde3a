//! The accounts of the configuration: the emergency administrator and the relying systems. They have no
//! entry, are never locked (a stranger would cut off every member at once) and change with the configuration
//! alone.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

use crate::directory::login::account::{AccountView, Standing};
use crate::directory::request::Asker;
use crate::record::Revision;
use crate::types::{Ava, Dn, NormalDn, PinHash, Rdn};

/// The accounts of the configuration, by the normal form of their names.
#[derive(Default)]
pub struct Principals(HashMap<NormalDn, Principal>);

struct Principal {
    asker: Asker,
    hash: PinHash,
}

/// Why an account of the configuration cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PrincipalError {
    /// The schema does not know an attribute type of its name, or refuses a value.
    #[error("the name is none that the schema knows")]
    Name,
    /// Another one has its name.
    #[error("the name is taken by another account of the configuration")]
    Taken,
}

impl Principals {
    /// Adds the emergency administrator. `normal` is the schema's normal form of its name. Errors:
    /// [`PrincipalError`].
    pub fn add_root(&mut self, normal: Option<NormalDn>, hash: PinHash) -> Result<(), PrincipalError> {
        self.add(normal, Asker::Root, hash)
    }

    /// Adds a relying system; `normal` is the normal form of its [`service_dn`]. Errors: [`PrincipalError`].
    pub fn add_service(
        &mut self,
        normal: Option<NormalDn>,
        name: Arc<str>,
        hash: PinHash,
    ) -> Result<(), PrincipalError> {
        self.add(normal, Asker::Service(name), hash)
    }

    /// The account with this name in normal form. To be asked before the entries: the emergency
    /// administrator logs in whatever the directory holds.
    pub fn find(&self, normal: &NormalDn) -> Option<AccountView<'_>> {
        self.0.get(normal).map(|principal| AccountView {
            asker: principal.asker.clone(),
            hash: Some(principal.hash.expose()),
            standing: Standing::Enabled,
            revision: Revision::default(),
        })
    }

    fn add(&mut self, normal: Option<NormalDn>, asker: Asker, hash: PinHash) -> Result<(), PrincipalError> {
        let normal = normal.ok_or(PrincipalError::Name)?;
        if self.0.contains_key(&normal) {
            return Err(PrincipalError::Taken);
        }
        self.0.insert(normal, Principal { asker, hash });
        Ok(())
    }
}

/// The name a relying system binds as: `cn=NAME,ou=services,BASE`.
pub fn service_dn(name: &str, base: &Dn) -> Dn {
    let rdn = |attribute: &str, value: &str| Rdn {
        avas: vec![Ava {
            attribute: attribute.into(),
            value: value.as_bytes().into(),
        }],
    };
    let own = [rdn("cn", name), rdn("ou", "services")];
    Dn {
        rdns: own.into_iter().chain(base.rdns.iter().cloned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Subject;

    fn hash() -> PinHash {
        PinHash::new(*b"{SHA}qYjKht1wkdZMXkeuAeMnc6ntTt0=")
    }

    fn normal(name: &str) -> NormalDn {
        NormalDn::from_rdns(name.into())
    }

    fn subject(principals: &Principals, name: &str) -> Option<Subject> {
        principals.find(&normal(name)).map(|account| account.subject())
    }

    #[test]
    fn an_account_is_found_by_its_name_and_has_no_entry() {
        let mut principals = Principals::default();
        principals.add_root(Some(normal("root")), hash()).unwrap();
        principals
            .add_service(Some(normal("mail")), "mail".into(), hash())
            .unwrap();
        assert_eq!(subject(&principals, "root"), Some(Subject::Root));
        assert_eq!(
            subject(&principals, "mail"),
            Some(Subject::Service("mail".into()))
        );
        assert_eq!(subject(&principals, "lms"), None);
        let mail = principals.find(&normal("mail")).unwrap();
        assert!(mail.entry().is_none() && mail.hash.is_some_and(|stored| hash().same_as(stored)));
    }

    #[test]
    fn a_name_that_is_none_or_taken_is_refused() {
        let mut principals = Principals::default();
        assert_eq!(principals.add_root(None, hash()), Err(PrincipalError::Name));
        principals.add_root(Some(normal("x")), hash()).unwrap();
        let taken = principals.add_service(Some(normal("x")), "mail".into(), hash());
        assert_eq!(taken, Err(PrincipalError::Taken));
        assert_eq!(subject(&principals, "x"), Some(Subject::Root));
    }

    #[test]
    fn a_relying_system_is_named_below_the_services() {
        let base = Dn::parse("dc=uni,dc=example").unwrap();
        let dn = service_dn("mail, lists", &base);
        assert_eq!(dn.to_string(), r"cn=mail\, lists,ou=services,dc=uni,dc=example");
    }
}
