//! Many change the directory at once: what stands at the end is what the answers have said, and nothing hangs in the air.

use std::collections::BTreeMap;
use std::sync::Arc;

use beadle::directory::changes::{
    Actor, Change, GivenAttribute, GivenValue, NewEntry, OldValues, Rename, Terms,
};
use beadle::directory::request::{Answer, Asker, Refusal};
use beadle::domain::audit::Origin;
use beadle::server::runner::Runner;
use beadle::types::{Dn, EntryId, Rdn, SeededEntropy};

use crate::ldap_serving::run;
use crate::town::{BASE, PLAIN, Town, plan};

/// Changes in all.
const CHANGES: usize = 10_000;
/// So many at once, each on names that the others use too.
const AT_ONCE: usize = 16;
/// Names to choose from on each of three levels.
const NAMES: u64 = 4;

fn actor() -> Actor {
    Actor {
        asker: Asker::Root,
        origin: Origin {
            source: [127, 0, 0, 1].into(),
            caller: None,
            service: None,
        },
    }
}

fn dn(text: &str) -> Dn {
    Dn::parse(text).expect("a name")
}

fn unit(dn: Dn) -> Change {
    let given = |description: &[u8], value: &[u8]| GivenAttribute {
        description: description.into(),
        values: vec![GivenValue::new(value.to_vec())],
    };
    let attributes = vec![given(b"objectClass", b"organizationalUnit")];
    Change::Add(NewEntry { dn, attributes })
}

/// A name up to three levels below the base.
fn any_name(chance: &mut SeededEntropy) -> String {
    let depth = 1 + chance.next_u64() % 3;
    let levels = (0..depth).map(|_| format!("ou=u{},", chance.next_u64() % NAMES));
    levels.collect::<String>() + BASE
}

fn any_change(chance: &mut SeededEntropy) -> Change {
    let name = any_name(chance);
    match chance.next_u64() % 6 {
        0..=2 => unit(dn(&name)),
        3 | 4 => Change::Remove(dn(&name)),
        _ => Change::Rename(Rename {
            dn: dn(&name),
            rdn: Rdn::parse(&format!("ou=u{}", chance.next_u64() % NAMES)).expect("an RDN"),
            old_values: OldValues::Deleted,
            superior: chance.next_u64().is_multiple_of(2).then(|| dn(&any_name(chance))),
        }),
    }
}

async fn client(runner: Arc<Runner>, seed: u64, changes: usize) -> BTreeMap<&'static str, u64> {
    let mut chance = SeededEntropy::new(seed);
    let mut told = BTreeMap::new();
    for _ in 0..changes {
        let word = match runner
            .change(actor(), any_change(&mut chance), Terms::default())
            .await
        {
            Ok(_) => "done",
            Err(Refusal { answer, .. }) => match answer {
                Answer::AlreadyExists => "exists",
                Answer::NoSuchEntry(_) => "missing",
                Answer::NotLeaf => "not leaf",
                Answer::Unwilling => "below itself",
                Answer::Busy => "busy",
                other => panic!("{other:?}"),
            },
        };
        *told.entry(word).or_default() += 1;
    }
    told
}

#[test]
fn no_entry_is_left_without_its_parent_by_any_interleaving() {
    run(async {
        let town = Town::new(plan(PLAIN), &[]).await;
        let clients = (0..AT_ONCE).map(|seed| client(town.runner.clone(), seed as u64, CHANGES / AT_ONCE));
        let clients: Vec<_> = clients.map(tokio::spawn).collect();
        let mut told: BTreeMap<&str, u64> = BTreeMap::new();
        for client in clients {
            for (word, count) in client.await.expect("no panic") {
                *told.entry(word).or_default() += count;
            }
        }
        assert!(
            told["done"] > 1000 && told["not leaf"] > 0 && told["exists"] > 0,
            "{told:?}"
        );
        // Somebody else coming first five times is rare, not the rule.
        assert!(
            told.get("busy").copied().unwrap_or(0) < CHANGES as u64 / 20,
            "{told:?}"
        );
        town.rebuilt_is_the_same().await;
    });
}

/// What a refused change costs is nobody's disk.
#[test]
fn an_add_that_is_refused_commits_nothing() {
    run(async {
        let town = Town::new(plan(PLAIN), &[]).await;
        let store = town.runner.realm.store.clone();
        let revision = async || store.get(&[]).await.expect("read").0;
        let before = revision().await;
        for asker in [Asker::Public, Asker::Member(EntryId(3))] {
            for number in 0..200 {
                let asked = Actor {
                    asker: asker.clone(),
                    ..actor()
                };
                let new = unit(dn(&format!("ou=u{number},{BASE}")));
                assert!(town.runner.change(asked, new, Terms::default()).await.is_err());
            }
        }
        assert_eq!(revision().await, before);
        let new = unit(dn(&format!("ou=u0,{BASE}")));
        assert!(town.runner.change(actor(), new, Terms::default()).await.is_ok());
    });
}

/// One after the other, against a plain map of names to whether they are there.
#[test]
fn the_answers_are_those_of_a_plain_map() {
    run(async {
        let town = Town::new(plan(PLAIN), &[]).await;
        let mut map = Names::default();
        let mut chance = SeededEntropy::new(7);
        for _ in 0..3000 {
            let change = any_change(&mut chance);
            let expected = map.change(&change);
            let answered = town.runner.change(actor(), change, Terms::default()).await;
            let got = match answered {
                Ok(_) => None,
                Err(refusal) => Some(format!("{:?}", refusal.answer)),
            };
            match (expected, got) {
                (Ok(()), None) => {}
                (Err(word), Some(answer)) => assert!(answer.starts_with(word), "{word}, not {answer}"),
                (expected, got) => panic!("{expected:?}, not {got:?}"),
            }
        }
        assert_eq!(town.units(), map.all());
        town.rebuilt_is_the_same().await;
    });
}

/// The names that there are: each above is there too.
struct Names(std::collections::BTreeSet<String>);

impl Default for Names {
    fn default() -> Names {
        Names([BASE.to_owned()].into())
    }
}

impl Names {
    fn all(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|name| name.starts_with("ou=u"))
            .cloned()
            .collect()
    }

    fn has_below(&self, name: &str) -> bool {
        self.0.iter().any(|other| other.ends_with(&format!(",{name}")))
    }

    fn change(&mut self, change: &Change) -> Result<(), &'static str> {
        match change {
            Change::Add(new) => {
                let name = new.dn.to_string();
                if self.0.contains(&name) {
                    return Err("AlreadyExists");
                }
                if !self.0.contains(&above(&name)) {
                    return Err("NoSuchEntry");
                }
                self.0.insert(name);
            }
            Change::Remove(dn) => {
                let name = dn.to_string();
                if !self.0.contains(&name) {
                    return Err("NoSuchEntry");
                }
                if self.has_below(&name) {
                    return Err("NotLeaf");
                }
                self.0.remove(&name);
            }
            Change::Rename(rename) => return self.rename(rename),
            Change::Modify(_) | Change::SetPin(_) => unreachable!("none is made"),
        }
        Ok(())
    }

    fn rename(&mut self, rename: &Rename) -> Result<(), &'static str> {
        let name = rename.dn.to_string();
        let superior = rename
            .superior
            .as_ref()
            .map_or_else(|| above(&name), ToString::to_string);
        if !self.0.contains(&name) || !self.0.contains(&superior) {
            return Err("NoSuchEntry");
        }
        if superior == name || superior.ends_with(&format!(",{name}")) {
            return Err("Unwilling");
        }
        let new = format!("{},{superior}", rename.rdn);
        if new != name && self.0.contains(&new) {
            return Err("AlreadyExists");
        }
        let moved = |other: &String| match other.strip_suffix(&name) {
            Some(front) if front.is_empty() || front.ends_with(',') => format!("{front}{new}"),
            _ => other.clone(),
        };
        self.0 = self.0.iter().map(moved).collect();
        Ok(())
    }
}

fn above(name: &str) -> String {
    name.split_once(',')
        .map(|(_, above)| above.to_owned())
        .unwrap_or_default()
}
