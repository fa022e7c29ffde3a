//! Comparing a value with an entry's (RFC 4511 section 4.10).

use crate::directory::ask::computed::{Computed, WholeEntry};
use crate::directory::ask::directory::Directory;
use crate::directory::ask::search::known_entry;
use crate::directory::request::{Answer, Asker, Compare};
use crate::domain::access::View;
use crate::domain::effort::Effort;
use crate::domain::filter::{Filter, Truth};
use crate::domain::packed::{AttributeView, Attributes};
use crate::index::{EntryRef, Snapshot};
use crate::types::{AttributeSet, AttributeType};

impl Directory {
    /// Compares. A value that the asker may not compare is answered as if it were not there; one that nobody
    /// may read, such as a PIN's hash, with `InsufficientAccess`, whether it is there or not.
    pub fn compare(&self, snapshot: &Snapshot, asker: &Asker, compare: &Compare) -> Answer {
        self.try_compare(snapshot, asker, compare)
            .unwrap_or_else(|answer| answer)
    }

    fn try_compare(&self, snapshot: &Snapshot, asker: &Asker, compare: &Compare) -> Result<Answer, Answer> {
        let schema = self.schema();
        let view = self.view(asker, snapshot);
        let entry = known_entry(snapshot, &compare.dn, schema, &view)?;
        if let Some(assertion) = &compare.assertion {
            self.check_assertion(entry, &view, assertion)?;
        }
        let description = schema
            .describe(&compare.description)
            .ok_or(Answer::UndefinedAttribute)?;
        if self.access().secret().contains(description.kind) {
            return Err(Answer::InsufficientAccess);
        }
        let sight = view.sight(entry.id(), &entry);
        let comparable = sight.map_or(AttributeSet::EMPTY, |sight| sight.compare);
        if !comparable.contains(description.kind) {
            return Err(Answer::NoSuchAttribute);
        }
        let rule = schema.definition(description.kind).equality;
        let rule = rule.ok_or(Answer::InappropriateMatching)?;
        if rule.normalize_assertion(schema, &compare.value).is_err() {
            return Err(Answer::InvalidSyntax);
        }
        Ok(self.compare_with(entry, compare, description.kind, &comparable, &view))
    }

    fn compare_with(
        &self,
        entry: EntryRef<'_>,
        compare: &Compare,
        kind: AttributeType,
        comparable: &AttributeSet,
        view: &View<'_>,
    ) -> Answer {
        let schema = self.schema();
        let kinds = schema.definition(kind).subtypes.intersection(comparable);
        let mut computed = Computed::default();
        computed.compute(entry, &kinds, self.computed(), schema, view);
        let whole = WholeEntry {
            schema,
            stored: entry,
            computed: &computed,
        };
        let filter = Filter::equality(schema, &compare.description, &compare.value);
        let Filter::Equality(assertion) = &filter else {
            return Answer::InappropriateMatching;
        };
        let is_asked = |attribute: AttributeView<'_>| {
            comparable.contains(attribute.kind) && assertion.target.includes(&attribute)
        };
        if !whole.attributes().any(is_asked) {
            return Answer::NoSuchAttribute;
        }
        match filter.truth(schema, &whole, comparable, &Effort::unlimited()) {
            Truth::True => Answer::True,
            Truth::False => Answer::False,
            Truth::Undefined => Answer::InappropriateMatching,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::testing::{UNLIMITED, directory};
    use crate::index::testing::{UNIVERSITY, snapshot};
    use crate::types::{Dn, EntryId};

    fn compare(asker: &Asker, rdn: &str, description: &str, value: &str) -> Answer {
        let directory = directory(UNLIMITED);
        let snapshot = snapshot(directory.schema(), UNIVERSITY);
        let compare = Compare {
            dn: Dn::parse(&format!("{rdn},dc=uni,dc=example")).unwrap(),
            description: description.as_bytes().into(),
            value: value.as_bytes().into(),
            assertion: None,
        };
        directory.compare(&snapshot, asker, &compare)
    }

    macro_rules! check {
        ($asker:expr, $rdn:expr, $description:expr, $value:expr, $expected:pat) => {
            let answer = compare(&$asker, $rdn, $description, $value);
            assert!(
                matches!(answer, $expected),
                "{} {}: {answer:?}",
                $rdn,
                $description
            );
        };
    }

    const ADA: &str = "uid=ada,ou=people";

    #[test]
    fn values_compare_by_their_rule() {
        check!(Asker::Root, ADA, "CN", " ada  LOVELACE", Answer::True);
        check!(Asker::Root, ADA, "cn;lang-en", "countess", Answer::True);
        check!(Asker::Root, ADA, "cn;lang-en", "ada lovelace", Answer::False);
        check!(
            Asker::Root,
            ADA,
            "cn;lang-fr",
            "countess",
            Answer::NoSuchAttribute
        );
        check!(Asker::Root, ADA, "uidNumber", "1001", Answer::False);
        check!(Asker::Root, ADA, "name", "lovelace", Answer::True);
        check!(Asker::Root, ADA, "objectClass", "PERSON", Answer::True);
        check!(
            Asker::Root,
            ADA,
            "structuralObjectClass",
            "inetorgperson",
            Answer::True
        );
        check!(Asker::Root, ADA, "structuralObjectClass", "person", Answer::False);
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        check!(Asker::Root, ADA, "title", "Countess", Answer::NoSuchAttribute);
        check!(Asker::Root, ADA, "nosuch", "x", Answer::UndefinedAttribute);
        check!(Asker::Root, ADA, "uidNumber", "many", Answer::InvalidSyntax);
        check!(Asker::Root, ADA, "jpegPhoto", "x", Answer::InappropriateMatching);
        check!(
            Asker::Root,
            "uid=x,ou=people",
            "cn",
            "x",
            Answer::NoSuchEntry(Some(_))
        );
    }

    #[test]
    fn membership_is_compared_in_both_directions() {
        let member = "uid=ADA, ou=people,dc=uni,dc=example";
        check!(Asker::Root, "cn=staff,ou=groups", "member", member, Answer::True);
        check!(
            Asker::Root,
            "cn=secret,ou=groups",
            "uniqueMember",
            member,
            Answer::True
        );
        check!(
            Asker::Root,
            "cn=staff,ou=groups",
            "member",
            "cn=staff,dc=uni",
            Answer::False
        );
        check!(
            Asker::Root,
            "cn=secret,ou=groups",
            "member",
            member,
            Answer::NoSuchAttribute
        );
        let group = "cn=staff,ou=groups,dc=uni,dc=example";
        check!(Asker::Root, ADA, "memberOf", group, Answer::True);
        check!(
            Asker::Root,
            "uid=Grace,ou=people",
            "memberOf",
            "cn=x,dc=uni",
            Answer::False
        );
        check!(
            Asker::Root,
            "uid=shy,ou=people",
            "memberOf",
            group,
            Answer::NoSuchAttribute
        );
    }

    #[test]
    fn what_is_hidden_is_not_there() {
        check!(
            Asker::Public,
            ADA,
            "mail",
            "ada@uni.example",
            Answer::NoSuchAttribute
        );
        check!(Asker::Public, ADA, "uidNumber", "many", Answer::NoSuchAttribute);
        check!(
            Asker::Public,
            "uid=Grace,ou=people",
            "mail",
            "grace@uni.example",
            Answer::True
        );
        check!(
            Asker::Public,
            "uid=shy,ou=people",
            "cn",
            "x",
            Answer::NoSuchEntry(Some(_))
        );
        check!(
            Asker::Root,
            ADA,
            "beadleAlternateMail",
            "ada@home.example",
            Answer::NoSuchAttribute
        );
        let ada = Asker::Member(EntryId(4));
        check!(ada, ADA, "beadleAlternateMail", "ada@home.example", Answer::True);
    }

    #[test]
    fn a_pin_is_never_compared() {
        let ada = Asker::Member(EntryId(4));
        for asker in [Asker::Public, Asker::Root, ada] {
            check!(
                asker,
                ADA,
                "userPassword",
                "{SSHA}abcdefgh",
                Answer::InsufficientAccess
            );
            check!(
                asker,
                BASE_OF_ALL,
                "userPassword",
                "x",
                Answer::InsufficientAccess
            );
        }
    }

    const BASE_OF_ALL: &str = "ou=people";
}
