//! What somebody may do with an entry, and why, for who administers the rules.

use std::fmt::Write;

use thiserror::Error;

use crate::directory::ask::directory::Directory;
use crate::directory::request::Asker;
use crate::domain::access::{Reason, Right, View};
use crate::index::{EntryRef, Snapshot};
use crate::types::{AttributeType, Dn};

/// What is to be explained.
pub struct Explain<'a> {
    /// Who asks: `public`, `root`, `service NAME` or a member's DN.
    pub who: &'a str,
    /// The DN of the entry.
    pub entry: &'a str,
    /// One attribute; `None`: the entry and all it has.
    pub attribute: Option<&'a str>,
}

/// Why nothing is explained.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ExplainError {
    /// Not a DN, and none of the words for who is no member.
    #[error("{0:?} is not a distinguished name; write one, or for WHO also public, root or \"service NAME\"")]
    NoName(Box<str>),
    /// No entry has this DN.
    #[error("there is no entry {0}")]
    NoEntry(Box<str>),
    /// The schema has no attribute of this name.
    #[error("no attribute is called {0:?}")]
    NoAttribute(Box<str>),
}

impl Directory {
    /// The explanation, in lines that end with what decided. Errors: [`ExplainError`].
    pub fn explain(&self, snapshot: &Snapshot, asked: &Explain<'_>) -> Result<String, ExplainError> {
        let asker = self.asker(snapshot, asked.who)?;
        let entry = self.named(snapshot, asked.entry)?;
        let kind = |name: &str| {
            let kind = self.schema().attribute(name.as_bytes());
            kind.ok_or_else(|| ExplainError::NoAttribute(name.into()))
        };
        let kind = asked.attribute.map(kind).transpose()?;
        let view = self.view(&asker, snapshot);
        let explanation = Explanation {
            directory: self,
            view: &view,
            entry,
        };
        Ok(match kind {
            Some(kind) => explanation.of_attribute(kind),
            None => explanation.of_everything(),
        })
    }

    fn asker(&self, snapshot: &Snapshot, who: &str) -> Result<Asker, ExplainError> {
        Ok(match who.split_once(' ') {
            _ if who == "public" => Asker::Public,
            _ if who == "root" => Asker::Root,
            Some(("service", name)) => Asker::Service(name.trim().into()),
            _ => Asker::Member(self.named(snapshot, who)?.id()),
        })
    }

    fn named<'s>(&self, snapshot: &'s Snapshot, text: &str) -> Result<EntryRef<'s>, ExplainError> {
        let dn = Dn::parse(text).map_err(|_| ExplainError::NoName(text.into()))?;
        let entry = snapshot.entry_by_dn(&dn, self.schema());
        entry.ok_or_else(|| ExplainError::NoEntry(text.into()))
    }
}

struct Explanation<'a> {
    directory: &'a Directory,
    view: &'a View<'a>,
    entry: EntryRef<'a>,
}

/// Rights that were decided alike: what they are, whether they are granted, and what decided.
type Decided = (Vec<&'static str>, bool, Vec<String>);

impl Explanation<'_> {
    fn of_attribute(&self, kind: AttributeType) -> String {
        let mut text = String::new();
        self.push(&mut text, &self.name(kind), &self.decided(Some(kind)));
        text
    }

    fn of_everything(&self) -> String {
        let mut text = String::new();
        let known = match self.view.knows(self.entry.id(), &self.entry) {
            true => "they may know of it",
            false => "they may not know of it",
        };
        // Writing into a text cannot fail.
        let _ = writeln!(text, "{}: {known}", self.entry.dn_text());
        self.push(&mut text, "the entry", &self.decided(None));
        let mut kinds: Vec<AttributeType> = self.entry.packed().map(|attribute| attribute.kind).collect();
        kinds.extend(self.directory.computed().all().iter());
        kinds.dedup();
        for kind in kinds {
            let mut decided = self.decided(Some(kind));
            if decided.iter().any(|(_, may, _)| *may) {
                decided.retain(|(_, may, _)| *may);
            }
            self.push(&mut text, &self.name(kind), &decided);
        }
        text
    }

    fn name(&self, kind: AttributeType) -> String {
        self.directory.schema().name(kind).into()
    }

    /// All rights of attributes of `kind`, or of the whole entry.
    fn decided(&self, kind: Option<AttributeType>) -> Vec<Decided> {
        let mut decided: Vec<Decided> = Vec::new();
        let rights = Right::ALL.into_iter();
        for right in rights.filter(|right| right.is_of_whole_entries() == kind.is_none()) {
            let (may, reasons) = self.view.why(self.entry.id(), &self.entry, right, kind);
            let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
            match decided
                .last_mut()
                .filter(|last| last.1 == may && last.2 == reasons)
            {
                Some(last) => last.0.push(right.word()),
                None => decided.push((vec![right.word()], may, reasons)),
            }
        }
        decided
    }

    fn push(&self, text: &mut String, name: &str, decided: &[Decided]) {
        for (rights, may, reasons) in decided {
            let verdict = if *may { "yes" } else { "no" };
            let (rights, reasons) = (rights.join(", "), reasons.join("; "));
            // Writing into a text cannot fail.
            let _ = writeln!(text, "{name}: {rights}: {verdict}, {reasons}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::testing::{UNLIMITED, directory_of};
    use crate::index::testing::{UNIVERSITY, snapshot};

    const RULES: &[&str] = &[
        "the public may read cn, mail of people",
        "members may read * of people",
        "members may search employeeNumber of people",
        "self may write mobile",
        "group cn=staff,ou=groups,dc=uni,dc=example may write mobile, title of people",
        "group cn=staff,ou=groups,dc=uni,dc=example may delete people",
    ];
    const ADA: &str = "uid=ada,ou=people,dc=uni,dc=example";
    const GRACE: &str = "uid=grace,ou=people,dc=uni,dc=example";
    const SHY: &str = "uid=shy,ou=people,dc=uni,dc=example";

    fn explain(who: &str, entry: &str, attribute: Option<&str>) -> Result<String, ExplainError> {
        let directory = directory_of(RULES, UNLIMITED);
        let snapshot = snapshot(directory.schema(), UNIVERSITY);
        let asked = Explain {
            who,
            entry,
            attribute,
        };
        directory.explain(&snapshot, &asked)
    }

    fn check(who: &str, entry: &str, attribute: &str, expected: &[&str]) {
        let text = explain(who, entry, Some(attribute)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines, expected, "{who} {entry} {attribute}");
    }

    const NONE: &str = "no, no sentence grants it";
    const OWN: &str = "yes, everybody sees the whole of their own entry but secrets";

    #[test]
    fn an_explanation_names_the_sentence_that_decided() {
        let public = "by default: the public may read cn, mail of people";
        let members = "by default: members may read * of people";
        let self_writes = "by default: self may write mobile";
        let group =
            "by default: group cn=staff,ou=groups,dc=uni,dc=example may write mobile, title of people";
        check(
            "public",
            GRACE,
            "cn",
            &[
                &format!("cn: read, search, compare: yes, {public}"),
                &format!("cn: write: {NONE}"),
            ],
        );
        check(
            SHY,
            GRACE,
            "MAIL",
            &[
                &format!("mail: read, search, compare: yes, {public}; {members}"),
                &format!("mail: write: {NONE}"),
            ],
        );
        check(
            SHY,
            GRACE,
            "employeeNumber",
            &[
                &format!("employeeNumber: read: {NONE}"),
                "employeeNumber: search: yes, by default: members may search employeeNumber of people",
                &format!("employeeNumber: compare, write: {NONE}"),
            ],
        );
        check(
            ADA,
            ADA,
            "mobile",
            &[
                &format!("mobile: read, search, compare: {OWN}"),
                &format!("mobile: write: yes, {self_writes}; {group}"),
            ],
        );
    }

    #[test]
    fn an_explanation_tells_what_no_sentence_decided() {
        let none = |attribute: &str| format!("{attribute}: write: {NONE}");
        let seen = |attribute: &str, why: &str| format!("{attribute}: read, search, compare: {why}");
        let check = |who, entry, attribute: &str, why| {
            check(who, entry, attribute, &[&seen(attribute, why), &none(attribute)]);
        };
        check(
            "public",
            ADA,
            "mail",
            "no, its owner has closed it to the public (beadleNotOpenToPublic)",
        );
        check(
            "public",
            ADA,
            "mobile",
            "yes, its owner has opened it to the public (beadleOpenToPublic)",
        );
        check("public", ADA, "userPassword", "no, secret: nobody sees it");
        check(
            "public",
            "ou=people,dc=uni,dc=example",
            "cn",
            "no, no sentence lets them know of this entry",
        );
        check(
            "public",
            ADA,
            "entryDN",
            "yes, whoever knows of the entry knows this of it",
        );
        check(
            SHY,
            ADA,
            "beadleAlternateMail",
            "no, in access.owner_only: only the entry's owner sees it",
        );
        check(ADA, ADA, "beadleAlternateMail", OWN);
        let root = explain("root", ADA, Some("cn")).unwrap();
        assert_eq!(
            root,
            "cn: read, search, compare, write: yes, root may do everything but see what is its owner's only\n"
        );
    }

    #[test]
    fn an_entry_is_explained_as_a_whole() {
        let text = explain(GRACE, SHY, None).unwrap();
        assert!(text.starts_with(&format!(
            "{SHY}: they may know of it\nthe entry: add: {NONE}\nthe entry: delete: yes, "
        )));
        assert!(text.contains("\nmail: read, search, compare: yes, "), "{text}");
        let hidden = explain("service lms", "ou=people,dc=uni,dc=example", None).unwrap();
        assert!(
            hidden.starts_with("ou=people,dc=uni,dc=example: they may not know of it\n"),
            "{hidden}"
        );
    }

    #[test]
    fn what_is_not_there_is_not_explained() {
        let nobody = "uid=nobody,dc=uni,dc=example";
        assert_eq!(
            explain("stranger", ADA, None).err(),
            Some(ExplainError::NoName("stranger".into()))
        );
        assert_eq!(
            explain(nobody, ADA, None).err(),
            Some(ExplainError::NoEntry(nobody.into()))
        );
        assert_eq!(
            explain("public", nobody, None).err(),
            Some(ExplainError::NoEntry(nobody.into()))
        );
        assert_eq!(
            explain("public", ADA, Some("nosuch")).err(),
            Some(ExplainError::NoAttribute("nosuch".into()))
        );
    }
}
