//! Whether an entry is as a client takes it to be (RFC 4528).

use crate::directory::ask::computed::{Computed, WholeEntry};
use crate::directory::ask::directory::Directory;
use crate::directory::ask::plan::mentioned;
use crate::directory::request::Answer;
use crate::domain::access::{Sight, View};
use crate::domain::effort::Effort;
use crate::domain::filter::{Filter, Truth};
use crate::domain::packed::Attributes;
use crate::index::EntryRef;
use crate::types::AttributeSet;

/// The most looks that an assertion may take, as a filter at one entry of a search.
const LOOKS_MAX: u64 = 1 << 18;

impl Directory {
    /// Whether `assertion` holds of `entry` as the viewer may search it. Errors: [`Answer::AssertionFailed`], also for what
    /// is Undefined; [`Answer::AdminLimitExceeded`] for too much work.
    pub fn check_assertion(
        &self,
        entry: EntryRef<'_>,
        view: &View<'_>,
        assertion: &Filter,
    ) -> Result<(), Answer> {
        let sight = view.sight(entry.id(), &entry).unwrap_or(Sight::NONE);
        let mut computed = Computed::default();
        let wanted = mentioned(assertion).intersection(&sight.search);
        computed.compute(entry, &wanted, self.computed(), self.schema(), view);
        let whole = WholeEntry {
            schema: self.schema(),
            stored: entry,
            computed: &computed,
        };
        let effort = Effort::of(LOOKS_MAX);
        verdict(whole.truth(assertion, &sight, &effort), &effort)
    }

    /// Whether `assertion` holds of an entry that is to be added, of which whoever adds it has said all there is but its
    /// PIN. Errors: as [`Directory::check_assertion`].
    pub fn check_new<E: Attributes>(&self, entry: &E, assertion: &Filter) -> Result<(), Answer> {
        let effort = Effort::of(LOOKS_MAX);
        let said = AttributeSet::ALL.difference(self.access().secret());
        verdict(assertion.truth(self.schema(), entry, &said, &effort), &effort)
    }
}

fn verdict(truth: Truth, effort: &Effort) -> Result<(), Answer> {
    match truth {
        _ if effort.is_exceeded() => Err(Answer::AdminLimitExceeded),
        Truth::True => Ok(()),
        Truth::False | Truth::Undefined => Err(Answer::AssertionFailed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::request::Asker;
    use crate::directory::testing::{UNLIMITED, directory};
    use crate::index::testing::{Row, UNIVERSITY, change, put, snapshot};
    use crate::types::EntryId;

    fn check(asker: &Asker, id: u64, filter: &str, expected: bool) {
        let directory = directory(UNLIMITED);
        let snapshot = snapshot(directory.schema(), UNIVERSITY);
        let entry = snapshot.entry_by_id(EntryId(id)).unwrap();
        let view = directory.view(asker, &snapshot);
        let filter = Filter::parse(directory.schema(), filter).unwrap();
        let holds = directory.check_assertion(entry, &view, &filter);
        assert!(matches!(holds, Ok(()) | Err(Answer::AssertionFailed)));
        assert_eq!(holds.is_ok(), expected);
    }

    #[test]
    fn an_assertion_holds_of_what_the_asker_may_see() {
        let ada = |asker: &Asker, filter, expected| check(asker, 4, filter, expected);
        ada(&Asker::Root, "(uid=ada)", true);
        ada(&Asker::Root, "(uid=grace)", false);
        ada(
            &Asker::Root,
            "(memberOf=cn=staff,ou=groups,dc=uni,dc=example)",
            true,
        );
        ada(&Asker::Root, "(nosuch=x)", false);
        ada(&Asker::Public, "(uid=ada)", true);
    }

    #[test]
    fn an_assertion_about_what_is_hidden_fails_whatever_it_says() {
        for asker in [Asker::Public, Asker::Root, Asker::Member(EntryId(4))] {
            for filter in [
                "(userPassword=*)",
                "(!(userPassword=*))",
                "(!(userPassword={SSHA}abcdefgh))",
            ] {
                check(&asker, 4, filter, false);
            }
        }
        for filter in [
            "(uidNumber=*)",
            "(!(uidNumber=*))",
            "(uidNumber=1000)",
            "(!(uidNumber=1))",
        ] {
            check(&Asker::Public, 4, filter, false);
        }
    }

    #[test]
    fn an_assertion_about_what_is_closed_is_one_about_nothing() {
        let ada = |filter, expected| check(&Asker::Public, 4, filter, expected);
        ada("(mail=*)", false);
        ada("(mail=ada@uni.example)", false);
        ada("(!(mail=*))", true);
        ada("(!(mail=ada@uni.example))", true);
    }

    #[test]
    fn an_assertion_that_takes_too_much_work_is_given_up() {
        let directory = directory(UNLIMITED);
        let schema = directory.schema();
        let lines: Vec<String> = (0..4000).map(|at| format!("description: line {at}")).collect();
        let lines: Vec<&str> = ["objectClass: person", "cn: Bo", "sn: Bo"]
            .into_iter()
            .chain(lines.iter().map(String::as_str))
            .collect();
        let bo = put(schema, &Row(900, 1, "cn=Bo", &lines));
        let all = snapshot(schema, UNIVERSITY)
            .apply(&[change(2, vec![bo])], schema)
            .unwrap();
        let filter = format!("(|{})", "(description=*x*)".repeat(100));
        let filter = Filter::parse(schema, &filter).unwrap();
        let entry = all.entry_by_id(EntryId(900)).unwrap();
        let view = directory.view(&Asker::Root, &all);
        let holds = directory.check_assertion(entry, &view, &filter);
        assert!(matches!(holds, Err(Answer::AdminLimitExceeded)));
    }
}
