//! Every account at one moment: those of the configuration, then those with an entry.

use crate::directory::login::account::{AccountView, Standing};
use crate::directory::login::principals::Principals;
use crate::directory::request::{Asker, LoginName};
use crate::domain::packed::push_value;
use crate::domain::schema::Schema;
use crate::index::{EntryRef, Snapshot};
use crate::record::{Key, Operation};
use crate::types::{EntryId, PinHash};

/// Who `asker` is in `snapshot`: a member whose entry has been disabled or removed since the log-in is a stranger,
/// however long the connection stays open.
pub fn current(schema: &Schema, snapshot: &Snapshot, asker: &Asker) -> Asker {
    let Asker::Member(entry) = asker else {
        return asker.clone();
    };
    match snapshot.entry_by_id(*entry).map(|entry| standing(schema, entry)) {
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

/// Every account there is at the moment of a snapshot: those of the configuration and those with an entry.
#[derive(Clone, Copy)]
pub struct Accounts<'a> {
    /// The directory's entries.
    pub snapshot: &'a Snapshot,
    /// The schema.
    pub schema: &'a Schema,
    /// Those of the configuration; they go before entries of the same name.
    pub principals: &'a Principals,
}

impl<'a> Accounts<'a> {
    /// The account with this name, whatever its state. A UID or address that more than one entry has, and a name of no
    /// entry, are `None`.
    pub fn find(&self, name: &LoginName) -> Option<AccountView<'a>> {
        let entry = match name {
            LoginName::Dn(normal) => {
                if let Some(configured) = self.principals.find(normal) {
                    return Some(configured);
                }
                self.snapshot.entry_by_normal_dn(normal.as_ref())
            }
            LoginName::Uid(uid) => self.snapshot.entry_by_uid(uid.as_str(), self.schema),
            LoginName::Mail(mail) => self.snapshot.entry_by_mail(mail.as_str(), self.schema),
            LoginName::FirstOf(names) => return names.iter().find_map(|name| self.find(name)),
            LoginName::Nobody => None,
        };
        entry.map(|entry| self.view(entry))
    }

    /// Whether there is no entry `entry`.
    pub fn is_gone(&self, entry: EntryId) -> bool {
        // One that is set aside may come back, and its lock with it.
        self.snapshot.entry_by_id(entry).is_none() && !self.snapshot.quarantine().has(entry)
    }

    /// How `asker` is called, as text (RFC 4514); `None` of a stranger, and of a member who is one by now.
    pub fn name_of(&self, asker: &Asker) -> Option<String> {
        match current(self.schema, self.snapshot, asker) {
            Asker::Member(entry) => Some(self.snapshot.entry_by_id(entry)?.dn_text()),
            Asker::Operator(user) => Some(user.dn_text()),
            configured => self.principals.name_of(&configured).map(ToString::to_string),
        }
    }

    /// The operation that writes the entry `entry` as it stands in this snapshot, with its PIN's hash replaced and
    /// nothing else changed; `None` if there is no such entry.
    pub fn with_hash(&self, entry: EntryId, hash: &PinHash) -> Option<Operation> {
        let mut stored = self.snapshot.entry_by_id(entry)?.to_stored(self.schema)?;
        let name = self.schema.name(self.schema.well_known().user_password);
        let password = stored
            .attributes
            .iter_mut()
            .find(|attribute| &*attribute.name == name)?;
        password.encoded.clear();
        push_value(&mut password.encoded, hash.expose());
        Some(Operation::put(Key::entry(entry), stored.encode()))
    }

    fn view(&self, entry: EntryRef<'a>) -> AccountView<'a> {
        AccountView {
            asker: Asker::Member(entry.id()),
            hash: entry.first_value(self.schema.well_known().user_password),
            standing: standing(self.schema, entry),
            // Everything here was read at this revision, so a guard on it is as strict as one on the entry's own.
            revision: self.snapshot.revision(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::testing::{Row, schema, snapshot};
    use crate::types::{MailAddress, Uid};

    #[test]
    fn a_name_that_can_be_read_in_two_ways_is_the_first_that_an_account_has() {
        let schema = schema();
        let person = |uid, mail| ["objectClass: inetOrgPerson", "cn: a", "sn: a", uid, mail];
        let rows = [
            Row(1, 0, "dc=uni", &["objectClass: organization", "o: U"]),
            Row(2, 1, "cn=a", &person("uid: ada", "mail: bob@uni")),
            Row(3, 1, "cn=b", &person("uid: bob", "mail: a.lovelace@uni")),
            Row(4, 1, "cn=c", &person("uid: eve", "mail: all@uni")),
            Row(5, 1, "cn=d", &person("uid: fay", "mail: All@uni")),
        ];
        let snapshot = snapshot(schema, &rows);
        let accounts = Accounts {
            snapshot: &snapshot,
            schema,
            principals: &Principals::default(),
        };
        let uid = |uid: &str| LoginName::Uid(Uid::parse(uid.as_bytes()).unwrap());
        let mail = |mail: &str| LoginName::Mail(MailAddress::parse(mail).unwrap());
        let found = |name| accounts.find(&name).and_then(|account| account.entry());
        let first_of = |uid_text, mail_text| found(LoginName::FirstOf(vec![uid(uid_text), mail(mail_text)]));
        assert_eq!(first_of("bob", "bob@uni"), Some(EntryId(3)));
        assert_eq!(first_of("a.lovelace", "A.Lovelace@UNI"), Some(EntryId(3)));
        assert_eq!(first_of("nobody", "nobody@uni"), None);
        assert_eq!(found(mail("bob@uni")), Some(EntryId(2)));
        assert_eq!(found(mail("all@uni")), None, "two have it");
    }

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
            let asker = Asker::Member(EntryId(entry));
            matches!(current(schema, &snapshot, &asker), Asker::Member(_))
        };
        assert!(is_member(2));
        assert!(!is_member(3) && !is_member(4));
        assert!(matches!(current(schema, &snapshot, &Asker::Root), Asker::Root));
    }
}
