//! The accounts of the configuration: the emergency administrator and the relying systems. They have no
//! entry, are never locked (a stranger would cut off every member at once) and change with the configuration
//! alone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use thiserror::Error;

use crate::directory::login::account::{AccountView, Standing};
use crate::directory::request::Asker;
use crate::domain::schema::Schema;
use crate::record::Revision;
use crate::types::{Ava, Dn, NormalDn, PinHash, Rdn};

/// The accounts of the configuration, by the normal form of their names.
#[derive(Default)]
pub struct Principals(HashMap<NormalDn, Principal>);

struct Principal {
    asker: Asker,
    dn: Dn,
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
    /// Adds the emergency administrator, who is called `dn`. Errors: [`PrincipalError`].
    pub fn add_root(&mut self, dn: Dn, hash: PinHash, schema: &Schema) -> Result<(), PrincipalError> {
        let asker = Asker::Root;
        self.add(Principal { asker, dn, hash }, schema)
    }

    /// Adds the relying system `name` below `base`, as [`service_dn`] calls it. Errors: [`PrincipalError`].
    pub fn add_service(
        &mut self,
        name: Arc<str>,
        base: &Dn,
        hash: PinHash,
        schema: &Schema,
    ) -> Result<(), PrincipalError> {
        let dn = service_dn(&name, base);
        let asker = Asker::Service(name);
        self.add(Principal { asker, dn, hash }, schema)
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

    /// What `asker` is called, if it is one of these.
    pub fn name_of(&self, asker: &Asker) -> Option<&Dn> {
        let is_same = |principal: &&Principal| match (&principal.asker, asker) {
            (Asker::Root, Asker::Root) => true,
            (Asker::Service(name), Asker::Service(asked)) => name == asked,
            _ => false,
        };
        self.0.values().find(is_same).map(|principal| &principal.dn)
    }

    fn add(&mut self, principal: Principal, schema: &Schema) -> Result<(), PrincipalError> {
        let normal = schema.normal_dn(&principal.dn).ok_or(PrincipalError::Name)?;
        match self.0.entry(normal) {
            Entry::Occupied(_) => Err(PrincipalError::Taken),
            Entry::Vacant(free) => {
                free.insert(principal);
                Ok(())
            }
        }
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
    use crate::index::testing::schema;

    fn hash() -> PinHash {
        PinHash::new(*b"{SHA}qYjKht1wkdZMXkeuAeMnc6ntTt0=")
    }

    const BASE: &str = "dc=uni,dc=example";

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    fn subject(principals: &Principals, name: &str) -> Option<Subject> {
        let normal = schema().normal_dn(&dn(name)).unwrap();
        principals.find(&normal).map(|account| account.subject())
    }

    #[test]
    fn an_account_is_found_by_its_name_and_has_no_entry() {
        let mut principals = Principals::default();
        let root = format!("cn=admin,{BASE}");
        principals.add_root(dn(&root), hash(), schema()).unwrap();
        principals
            .add_service("mail".into(), &dn(BASE), hash(), schema())
            .unwrap();
        assert_eq!(subject(&principals, &root.to_uppercase()), Some(Subject::Root));
        let mail = format!("cn=mail,ou=services,{BASE}");
        assert_eq!(subject(&principals, &mail), Some(Subject::Service("mail".into())));
        assert_eq!(subject(&principals, "cn=lms,ou=services,dc=uni"), None);
        let normal = schema().normal_dn(&dn(&mail)).unwrap();
        let account = principals.find(&normal).unwrap();
        assert!(account.entry().is_none() && account.hash.is_some_and(|stored| hash().same_as(stored)));
        let called = |asker| principals.name_of(&asker).map(ToString::to_string);
        assert_eq!(called(Asker::Root), Some(root));
        assert_eq!(called(Asker::Service("mail".into())), Some(mail));
        assert_eq!(called(Asker::Service("lms".into())), None);
    }

    #[test]
    fn a_name_that_is_none_or_taken_is_refused() {
        let mut principals = Principals::default();
        let mut add = |name: &str| principals.add_root(dn(name), hash(), schema());
        assert_eq!(add("nosuch=x"), Err(PrincipalError::Name));
        add("cn=mail,ou=services,dc=uni").unwrap();
        let taken = principals.add_service("Mail".into(), &dn("dc=uni"), hash(), schema());
        assert_eq!(taken, Err(PrincipalError::Taken));
        assert_eq!(
            subject(&principals, "cn=mail,ou=services,dc=uni"),
            Some(Subject::Root)
        );
    }

    #[test]
    fn a_relying_system_is_named_below_the_services() {
        let base = Dn::parse("dc=uni,dc=example").unwrap();
        let dn = service_dn("mail, lists", &base);
        assert_eq!(dn.to_string(), r"cn=mail\, lists,ou=services,dc=uni,dc=example");
    }
}
