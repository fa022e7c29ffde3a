//! What an asker may not see has no influence on work: two directories that differ in hidden values only take the same
//! number of looks, whatever is asked. Counted, not timed.

use std::sync::Arc;

use super::oracle_tests::Filters;
use super::tests::{Kept, selection};
use super::*;
use crate::directory::ask::limits::SearchLimits;
use crate::directory::request::SearchControls;
use crate::directory::testing::{RULES, UNLIMITED, directory_of};
use crate::domain::filter::Filter;
use crate::index::testing::{BASE, OwnedRow, UNIVERSITY, change, marked, put_owned};
use crate::types::{EntryId, SeededEntropy};

/// The member who asks; theirs is the one entry of which they see everything.
const OWN: u64 = 12;
const PEOPLE: std::ops::Range<u64> = 9..129;
/// Where nobody may see anybody, the second of two directories has all of these.
const CROWD: std::ops::Range<u64> = 1_000..1_150;
const GROUPS: u64 = 3;

/// Who asks, and by which rules.
struct Case {
    asker: Asker,
    rules: &'static [&'static str],
    /// Whether everybody below the groups is hidden; otherwise it is people who are called so.
    by_place: bool,
    /// Whether nobody sees who is listed in a group.
    hides_lists: bool,
}

impl Case {
    const fn of(asker: Asker) -> Case {
        Case {
            asker,
            rules: RULES,
            by_place: false,
            hides_lists: false,
        }
    }

    fn directory(&self, limits: SearchLimits) -> Arc<Directory> {
        Arc::new(directory_of(self.rules, limits))
    }
}

/// A person whose visible values come from `visible` and whose hidden ones from `hidden`; what a person has closed, from
/// `closed`. And whether it is hidden.
fn row(
    case: &Case,
    visible: &mut Filters,
    hidden: &mut Filters,
    closed: &mut Filters,
    id: u64,
) -> (OwnedRow, bool) {
    let (parent, kind) = (2 + visible.pick(2), visible.pick(4));
    let is_hidden = id != OWN
        && match case.by_place {
            true => parent == GROUPS,
            false => kind == 0,
        };
    let is_closed = kind == 1;
    let mut secret: Filters = Filters(SeededEntropy::new(id));
    let hidden = if id == OWN { &mut secret } else { hidden };
    let mut lines = vec!["objectClass: inetOrgPerson".to_owned()];
    // What is drawn must not depend on who is hidden.
    let seen: [u64; 4] = [
        visible.pick(30),
        visible.pick(9),
        visible.pick(5),
        visible.pick(30),
    ];
    let unseen: [u64; 4] = [hidden.pick(30), hidden.pick(9), hidden.pick(5), hidden.pick(30)];
    let for_members = closed.pick(30);
    let [uid, cn, sn, mail] = if is_hidden { unseen } else { seen };
    let mail = if is_closed { for_members } else { mail };
    lines.push(format!("uid: u{uid}"));
    lines.push(format!("cn: Ada {cn}"));
    lines.push(format!("sn: S{sn}"));
    // What is closed is perhaps not even there.
    if !is_closed || for_members < 15 {
        lines.push(format!("mail: m{mail}@uni.example"));
    }
    lines.push(format!("employeeNumber: {}", hidden.pick(5)));
    lines.push(format!("modifyTimestamp: 2026112209{:02}00Z", hidden.pick(60)));
    let employee_type = if is_hidden { "hidden" } else { "x" };
    lines.push(format!("employeeType: {employee_type}"));
    if is_closed {
        lines.push("beadleNotOpenToPublic: mail".into());
    }
    if case.hides_lists {
        let unseen =
            (0..hidden.pick(60)).map(|at| format!("member: cn=nobody{at},ou=people,dc=uni,dc=example"));
        lines.extend(unseen);
    }
    ((parent, format!("cn=p{id}"), lines), is_hidden)
}

/// Somebody or something whom nobody sees.
fn unseen(hidden: &mut Filters, id: u64) -> OwnedRow {
    let class = ["device", "inetOrgPerson"][id as usize % 2];
    let lines = vec![
        format!("objectClass: {class}"),
        format!("uid: u{}", hidden.pick(30)),
        format!("cn: Ada {}", hidden.pick(9)),
        format!("sn: S{}", hidden.pick(5)),
        format!("member: cn=p{},ou=people,dc=uni,dc=example", 9 + hidden.pick(60)),
        "employeeType: hidden".into(),
    ];
    (GROUPS, format!("cn=p{id}"), lines)
}

/// What only strangers do not see, too.
fn for_members(hidden: &mut Filters, row: &mut OwnedRow) {
    row.2.push(format!("uidNumber: {}", hidden.pick(2_000)));
    row.2.push(format!("departmentNumber: {}", hidden.pick(3)));
    let member = 9 + hidden.pick(60);
    row.2
        .push(format!("member: cn=p{member},ou=people,dc=uni,dc=example"));
}

/// Which of two directories.
type Twin = u64;

struct Directories<'c> {
    case: &'c Case,
    directory: Arc<Directory>,
    twins: [Arc<Snapshot>; 2],
    filters: Filters,
}

impl<'c> Directories<'c> {
    /// Two directories that look the same to who asks. The last entries are not folded.
    fn new(seed: u64, case: &'c Case) -> Directories<'c> {
        let directory = case.directory(UNLIMITED);
        let twin = |twin: Twin| Arc::new(twin_of(seed, twin, case, &directory));
        Directories {
            case,
            twins: [twin(1), twin(2)],
            filters: Filters(SeededEntropy::new(seed)),
            directory,
        }
    }

    /// What `filter` finds in a twin, how it ends, and in how many of the smallest turns.
    fn work(&self, twin: usize, scope: Scope, filter: &str, limited: &Arc<Directory>) -> Work {
        let (directory, snapshot) = (&self.directory, self.twins[twin].clone());
        let (limited, asker) = (limited.clone(), self.case.asker.clone());
        let base = match scope {
            Scope::One => "ou=people,dc=uni,dc=example",
            _ => BASE,
        };
        let search = Search {
            base: Arc::new(Dn::parse(base).unwrap().into()),
            scope,
            filter: Filter::parse(directory.schema(), filter).unwrap(),
            selection: selection(&["1.1"], directory),
            entries_max: 0,
            time_limit_s: 0,
            controls: SearchControls::default(),
        };
        let mut cursor = SearchCursor::new(limited, snapshot, asker, search, Timestamp::default());
        let (mut kept, mut turns) = (Kept::default(), 0);
        loop {
            turns += 1;
            if let TurnEnd::Done(answer) = cursor.run(&mut kept, 1, Timestamp::default()) {
                let names = kept.entries.into_iter().map(|(dn, _)| dn).collect();
                return (turns, format!("{answer:?}"), names);
            }
        }
    }
}

type Work = (usize, String, Vec<String>);

fn twin_of(seed: u64, twin: Twin, case: &Case, directory: &Directory) -> Snapshot {
    let schema = directory.schema();
    let mut visible = Filters(SeededEntropy::new(seed));
    let mut hidden = Filters(SeededEntropy::new(1_000 * twin + seed));
    let mut also = Filters(SeededEntropy::new(match case.asker {
        Asker::Public => 2_000 * twin + seed,
        _ => seed,
    }));
    let mut write = |id| {
        let (mut row, is_hidden) = row(case, &mut visible, &mut hidden, &mut also, id);
        let also = if is_hidden { &mut hidden } else { &mut also };
        for_members(also, &mut row);
        put_owned(schema, id, &row)
    };
    let operations: Vec<_> = PEOPLE.map(&mut write).collect();
    let (first, last) = operations.split_at(90);
    let crowd = CROWD.take(if twin == 1 { 0 } else { usize::MAX });
    let crowd = crowd.map(|id| put_owned(schema, id, &unseen(&mut hidden, id)));
    let first = first.iter().cloned().chain(crowd).collect();
    let base = marked(schema, UNIVERSITY, directory.access().sets());
    let base = base.apply(&[change(2, first)], schema).unwrap();
    let folded = base.folded(schema, std::num::NonZeroUsize::MIN).unwrap();
    folded.apply(&[change(3, last.to_vec())], schema).unwrap()
}

fn check(case: &Case, seeds: std::ops::Range<u64>) {
    const FEW: SearchLimits = SearchLimits {
        candidates_max: 5,
        ..UNLIMITED
    };
    let (mut found, mut planned) = (0, 0);
    for seed in seeds {
        let mut both = Directories::new(seed, case);
        let limited = [UNLIMITED, FEW].map(|limits| case.directory(limits));
        for at in 0..400 {
            let item = match both.filters.pick(7) {
                0 => format!("(employeeNumber={})", both.filters.pick(5)),
                1 => format!("(departmentNumber={})", both.filters.pick(3)),
                2 => format!("(mail=m{}@uni.example)", both.filters.pick(30)),
                3 => format!("(uid=u{})", both.filters.pick(30)),
                4 => {
                    let classes = ["device", "inetOrgPerson", "organizationalUnit", "groupOfNames"];
                    format!(
                        "(structuralObjectClass={})",
                        classes[both.filters.pick(4) as usize]
                    )
                }
                5 => format!(
                    "(memberOf=cn=p{},ou=people,dc=uni,dc=example)",
                    9 + both.filters.pick(120)
                ),
                _ => format!("(sn=s{})", both.filters.pick(5)),
            };
            let filter = format!("(&{item}{})", both.filters.filter(2));
            let filter = if at % 3 == 0 {
                both.filters.filter(3)
            } else {
                filter
            };
            let scope = [Scope::Subtree, Scope::One, Scope::Subordinate][at % 3];
            for limited in &limited {
                let work = both.work(0, scope, &filter, limited);
                assert_eq!(
                    work,
                    both.work(1, scope, &filter, limited),
                    "{filter} {scope:?} as {:?}, seed {seed}",
                    case.asker
                );
                found += work.2.len();
                planned += usize::from(work.0 < 20);
            }
        }
    }
    assert!(
        found > 500 && planned > 100,
        "{found} found and {planned} planned prove nothing"
    );
}

const PLACES: &str =
    "members may read o, ou of (|(objectClass=organization)(objectClass=organizationalUnit))";
const MEMBER: Asker = Asker::Member(EntryId(OWN));

#[test]
fn what_a_stranger_may_not_see_has_no_influence_on_work() {
    check(&Case::of(Asker::Public), 0..3);
}

#[test]
fn what_a_member_may_not_see_has_no_influence_on_work() {
    check(&Case::of(MEMBER), 0..3);
}

#[test]
fn who_is_where_a_member_may_not_see_has_no_influence_on_work() {
    let everybody = &[
        PLACES,
        "members may read uid, cn, sn, mail, member, memberOf of below ou=people,dc=uni,dc=example",
    ];
    let people = &[
        PLACES,
        "members may read uid, cn, sn of people below ou=people,dc=uni,dc=example",
        "members may search memberOf, mail of people below OU=People, dc=uni, dc=example",
    ];
    for rules in [&everybody[..], people] {
        let case = Case {
            rules,
            by_place: true,
            ..Case::of(MEMBER)
        };
        check(&case, 0..2);
    }
}

#[test]
fn whom_a_group_lists_has_no_influence_on_work_for_who_sees_the_groups_of_people_only() {
    let case = Case {
        rules: &[
            PLACES,
            "members may read uid, cn, sn, mail, memberOf of (&(objectClass=person)(!(employeeType=hidden)))",
        ],
        hides_lists: true,
        ..Case::of(MEMBER)
    };
    check(&case, 0..3);
}
