//! Every account at one moment: those of the configuration, then those with an entry.

use std::sync::Arc;

use crate::directory::login::account::{AccountView, Accounts, Standing};
use crate::directory::login::principals::Principals;
use crate::directory::request::{Asker, LoginName, Member};
use crate::domain::packed::push_value;
use crate::domain::schema::Schema;
use crate::index::{EntryRef, Snapshot};
use crate::record::{Key, Operation};
use crate::types::{EntryId, PinHash};

/// Who `asker` is in `snapshot`: a member whose entry has been disabled or removed since the log-in is a
/// stranger, however long the connection stays open.
pub fn current(schema: &Schema, snapshot: &Snapshot, asker: &Asker) -> Asker {
    let Asker::Member(member) = asker else {
        return asker.clone();
    };
    match snapshot
        .entry_by_id(member.entry)
        .map(|entry| standing(schema, entry))
    {
        Some(Standing::Enabled) => asker.clone(),
        Some(Standing::Disabled) | None => Asker::Public,
    }
}

fn standing(schema: &Schema, entry: EntryRef<'_>) -> Standing {
    match entry.first_value(schema.well_known().disabled) {
        Some(value) if value.eq_ignore_ascii_case(b"TRUE") => Standing::Disabled,
        _ => Standing::Enabled,
    }
}

/// Every account there is at the moment of a snapshot.
pub struct DirectoryAccounts {
    /// The directory's entries; `None` while they are being loaded.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The schema.
    pub schema: Arc<Schema>,
    /// Those of the configuration; they go before entries of the same name.
    pub principals: Arc<Principals>,
}

impl DirectoryAccounts {
    fn view<'a>(&'a self, entry: EntryRef<'a>) -> AccountView<'a> {
        let member = Member {
            entry: entry.id(),
            dn: entry.dn(),
        };
        AccountView {
            asker: Asker::Member(Arc::new(member)),
            hash: entry.first_value(self.schema.well_known().user_password),
            standing: standing(&self.schema, entry),
            // Everything here was read at this revision, so a guard on it is as strict as one on the entry's own.
            revision: entry.snapshot().revision(),
        }
    }
}

impl Accounts for DirectoryAccounts {
    fn find(&self, name: &LoginName) -> Option<AccountView<'_>> {
        match name {
            LoginName::Dn(dn) => {
                let configured = self
                    .schema
                    .normal_dn(dn)
                    .and_then(|normal| self.principals.find(&normal));
                configured.or_else(|| Some(self.view(self.snapshot.as_ref()?.entry_by_dn(dn, &self.schema)?)))
            }
            LoginName::Uid(uid) => {
                Some(self.view(self.snapshot.as_ref()?.entry_by_uid(uid.as_str(), &self.schema)?))
            }
        }
    }

    fn is_gone(&self, entry: EntryId) -> bool {
        let snapshot = self.snapshot.as_ref();
        snapshot.is_some_and(|snapshot| snapshot.entry_by_id(entry).is_none())
    }

    fn with_hash(&self, entry: EntryId, hash: &PinHash) -> Option<Operation> {
        let mut stored = self
            .snapshot
            .as_ref()?
            .entry_by_id(entry)?
            .to_stored(&self.schema)?;
        let name = self.schema.name(self.schema.well_known().user_password);
        let password = stored
            .attributes
            .iter_mut()
            .find(|attribute| &*attribute.name == name)?;
        password.encoded.clear();
        push_value(&mut password.encoded, hash.expose());
        Some(Operation::Put {
            key: Key::entry(entry),
            value: stored.encode().into(),
            expires: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::testing::member;
    use crate::index::testing::{Row, schema, snapshot};

    #[test]
    fn a_member_who_is_disabled_or_gone_is_a_stranger_at_once() {
        let schema = schema();
        let person = [
            "objectClass: person",
            "objectClass: beadleAccount",
            "cn: a",
            "sn: a",
        ];
        let disabled = [&person[..], &["beadleDisabled: TRUE"]].concat();
        let rows = [
            Row(1, 0, "dc=uni", &["objectClass: organization", "o: U"]),
            Row(2, 1, "cn=a", &person),
            Row(3, 1, "cn=b", &disabled),
        ];
        let snapshot = snapshot(schema, &rows);
        let is_member = |entry| {
            let asker = member(entry, "cn=a,dc=uni,dc=example");
            matches!(current(schema, &snapshot, &asker), Asker::Member(_))
        };
        assert!(is_member(2));
        assert!(!is_member(3) && !is_member(4));
        assert!(matches!(current(schema, &snapshot, &Asker::Root), Asker::Root));
    }
}
