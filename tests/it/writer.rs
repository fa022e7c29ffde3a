//! One of several clients that write at the same time, and what is in the directory by its acknowledged writes.
//!
//! Each has a branch of its own, and its people in a group that all share: whatever the others do, what it has written is
//! as if it were alone.

use std::collections::BTreeSet;

use beadle::types::SeededEntropy;
use ldap3_proto::proto::*;

use crate::harness::BASE;
use crate::ldap_wire::{Content, add, delete, modify, rename, step};

/// The attributes that are compared.
const COMPARED: &[&str] = &[
    "objectClass",
    "uid",
    "cn",
    "sn",
    "mail",
    "description",
    "ou",
    "member",
];
/// With more entries than this, some are deleted.
const ENTRIES_MAX: usize = 40;

const SUCCESS: i64 = 0;
const NO_SUCH_OBJECT: i64 = 32;
const BUSY: i64 = 51;
const UNWILLING: i64 = 53;
const NOT_ON_NON_LEAF: i64 = 66;
const ALREADY_EXISTS: i64 = 68;

/// The group that all share.
pub fn shared() -> String {
    format!("cn=all,{BASE}")
}

/// The suffix, a branch for each of so many writers, and the group that they share.
pub fn branches(writers: usize) -> String {
    let branch =
        |number| format!("dn: ou=w{number},{BASE}\nobjectClass: organizationalUnit\nou: w{number}\n\n");
    let shared = format!(
        "dn: {}\nobjectClass: groupOfNames\ncn: all\nmember: {BASE}\n\n",
        shared()
    );
    let branches: String = (0..writers).map(branch).collect();
    crate::harness::base() + &branches + &shared
}

/// What one writer has in the directory: its branch, and of the shared group only the members in that branch.
#[derive(Clone, PartialEq, Debug)]
pub struct State(pub Content);

impl State {
    /// Of the branch `top` in everything there is.
    pub fn of(everything: &Content, top: &str) -> State {
        let mut own = Content::new();
        for (dn, entry) in everything {
            let mut entry = entry.clone();
            entry.retain(|name, _| COMPARED.contains(&name.as_str()));
            if *dn == shared() {
                entry.retain(|name, _| name == "member");
                entry
                    .values_mut()
                    .for_each(|members| members.retain(|member| is_within(member, top)));
                entry.retain(|_, members| !members.is_empty());
            } else if !is_within(dn, top) {
                continue;
            }
            own.insert(dn.clone(), entry);
        }
        State(own)
    }

    fn apply(&mut self, op: &LdapOp) {
        match op {
            LdapOp::AddRequest(new) => {
                let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
                let pair = |given: &LdapPartialAttribute| {
                    (given.atype.clone(), given.vals.iter().map(text).collect())
                };
                self.0
                    .insert(new.dn.clone(), new.attributes.iter().map(pair).collect());
            }
            LdapOp::DelRequest(dn) => {
                self.0.remove(dn);
                self.refer(|member| (member != dn).then(|| member.clone()));
            }
            LdapOp::ModifyRequest(request) => {
                request
                    .changes
                    .iter()
                    .for_each(|change| self.modify(&request.dn, change));
            }
            LdapOp::ModifyDNRequest(request) => self.rename(request),
            _ => unreachable!("none is made"),
        }
    }

    fn modify(&mut self, dn: &str, change: &LdapModify) {
        let entry = self.0.get_mut(dn).expect("it is there");
        let values = entry.entry(change.modification.atype.clone()).or_default();
        let given = change.modification.vals.iter();
        let given: BTreeSet<String> = given
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect();
        match change.operation {
            LdapModifyType::Add => values.extend(given),
            LdapModifyType::Delete => values.retain(|value| !given.contains(value)),
            LdapModifyType::Replace => *values = given,
            LdapModifyType::Increment => unreachable!("none is made"),
        }
        entry.retain(|_, values| !values.is_empty());
    }

    fn rename(&mut self, request: &LdapModifyDNRequest) {
        let (old_rdn, old_above) = request.dn.split_once(',').expect("a name");
        let above = request.new_superior.as_deref().unwrap_or(old_above);
        let new = format!("{},{above}", request.newrdn);
        let moved = |dn: &String| match is_within(dn, &request.dn) {
            true => format!(
                "{}{new}",
                dn.strip_suffix(request.dn.as_str()).unwrap_or_default()
            ),
            false => dn.clone(),
        };
        let entries = std::mem::take(&mut self.0);
        self.0 = entries
            .into_iter()
            .map(|(dn, entry)| (moved(&dn), entry))
            .collect();
        self.refer(|member| Some(moved(member)));
        let entry = self.0.get_mut(&new).expect("it was there");
        let (name, old_value) = old_rdn.split_once('=').expect("a name");
        let (_, new_value) = request.newrdn.split_once('=').expect("a name");
        let values = entry.entry(name.to_owned()).or_default();
        values.remove(old_value);
        values.insert(new_value.to_owned());
    }

    /// Has every group refer to what `to` makes of its members.
    fn refer(&mut self, to: impl Fn(&String) -> Option<String>) {
        for entry in self.0.values_mut() {
            if let Some(members) = entry.get_mut("member") {
                *members = members.iter().filter_map(&to).collect();
            }
            entry.retain(|_, values| !values.is_empty());
        }
    }

    /// Whether nothing is below it.
    fn is_leaf(&self, dn: &str) -> bool {
        !self.0.keys().any(|other| other != dn && is_within(other, dn))
    }

    /// Who has `dn` as a member.
    pub fn groups_of(&self, dn: &str) -> BTreeSet<String> {
        let has_it =
            |entry: &crate::ldap_wire::Attributes| entry.get("member").is_some_and(|it| it.contains(dn));
        let groups = self.0.iter().filter(|(_, entry)| has_it(entry));
        groups.map(|(dn, _)| dn.clone()).collect()
    }
}

/// Whether `dn` is `top` or below it.
fn is_within(dn: &str, top: &str) -> bool {
    dn.strip_suffix(top)
        .is_some_and(|front| front.is_empty() || front.ends_with(','))
}

/// A client and its branch.
pub struct Writer {
    /// The name of its branch.
    pub top: String,
    /// What there is by what was acknowledged.
    pub state: State,
    /// What was sent last, if no answer has come, and the code it must get.
    pending: Option<(LdapOp, i64)>,
    name: String,
    chance: SeededEntropy,
    made: u64,
}

impl Writer {
    /// The one of this number; its branch stands and is empty.
    pub fn new(number: usize, seed: u64) -> Writer {
        let name = format!("w{number}");
        let top = format!("ou={name},{BASE}");
        let unit = add(
            &top,
            &[("objectClass", &["organizationalUnit"]), ("ou", &[&name])],
        );
        let mut state = State(Content::from([(shared(), Default::default())]));
        state.apply(&unit);
        Writer {
            top,
            state,
            pending: None,
            name,
            chance: SeededEntropy::new(seed + 1000 * number as u64),
            made: 0,
        }
    }

    /// The next write, right or wrong. It counts as sent.
    pub fn next(&mut self) -> LdapOp {
        let (op, code) = match self.below(12) {
            0 => self.wrong(),
            _ => (self.right(), SUCCESS),
        };
        self.pending = Some((op.clone(), code));
        op
    }

    /// What was sent is answered so. That too many others come first is no fault.
    pub fn answered(&mut self, code: i64) {
        let (op, expected) = self.pending.take().expect("something was sent");
        assert!(code == expected || code == BUSY, "{op:?}: {code}, not {expected}");
        if code == SUCCESS {
            self.state.apply(&op);
        }
    }

    /// What may be in the directory: without what was sent last, or with it.
    pub fn may_be(&self) -> Vec<State> {
        let mut all = vec![self.state.clone()];
        if let Some((op, SUCCESS)) = &self.pending {
            let mut with = self.state.clone();
            with.apply(op);
            all.push(with);
        }
        all
    }

    /// Takes what there is for what there should be. It must be one of what may be.
    pub fn resume(&mut self, everything: &Content) {
        let found = State::of(everything, &self.top);
        let may_be = self.may_be();
        assert!(
            may_be.contains(&found),
            "{:?}\n{found:#?}\nnot\n{may_be:#?}",
            self.pending
        );
        self.state = found;
        self.pending = None;
    }

    fn right(&mut self) -> LdapOp {
        let crowded = self.state.0.len() > ENTRIES_MAX;
        match (self.below(20), crowded) {
            (0..=5, false) => self.add_person(),
            (6, false) => self.add_unit(),
            (7, false) => self.add_group(),
            (8..=9, _) => self.change_members(),
            (10..=11, _) => self.rename_leaf(),
            (12, _) => self.move_leaf(),
            (13..=14, _) => self.rename_unit(),
            (15..=16, _) | (_, true) => self.delete_leaf(),
            _ => self.change_person(),
        }
        .unwrap_or_else(|| self.add_person().expect("it always can"))
    }

    fn wrong(&mut self) -> (LdapOp, i64) {
        let (top, unit) = (self.top.clone(), self.unit());
        let parent = self.any("ou=", |dn, state| !state.is_leaf(dn));
        match (self.below(4), parent) {
            (0, Some(parent)) => (delete(&parent), NOT_ON_NON_LEAF),
            (1, _) => (
                add(&unit, &[("objectClass", &["organizationalUnit"])]),
                ALREADY_EXISTS,
            ),
            (2, _) => (rename(&top, "ou=within", Some(&unit)), UNWILLING),
            _ => (delete(&format!("uid=nobody,{top}")), NO_SUCH_OBJECT),
        }
    }

    fn add_person(&mut self) -> Option<LdapOp> {
        let (uid, unit) = (self.fresh("p"), self.unit());
        let mail = format!("{uid}@uni.example");
        let mut attributes: Vec<(&str, &[&str])> = vec![("objectClass", &["inetOrgPerson"])];
        let (uids, mails) = ([uid.as_str()], [mail.as_str()]);
        attributes.extend([("uid", &uids[..]), ("cn", &uids), ("sn", &["Person"])]);
        if self.below(2) == 0 {
            attributes.push(("mail", &mails));
        }
        Some(add(&format!("uid={uid},{unit}"), &attributes))
    }

    fn add_unit(&mut self) -> Option<LdapOp> {
        let (ou, unit) = (self.fresh("u"), self.unit());
        Some(add(
            &format!("ou={ou},{unit}"),
            &[("objectClass", &["organizationalUnit"]), ("ou", &[&ou])],
        ))
    }

    fn add_group(&mut self) -> Option<LdapOp> {
        let (cn, unit, member) = (self.fresh("g"), self.unit(), self.person()?);
        let attributes: [(&str, &[&str]); 3] = [
            ("objectClass", &["groupOfNames"]),
            ("cn", &[&cn]),
            ("member", &[&member]),
        ];
        Some(add(&format!("cn={cn},{unit}"), &attributes))
    }

    /// Two people or fewer come or go, in a group of its own or in the shared one.
    fn change_members(&mut self) -> Option<LdapOp> {
        let own = self.any("cn=", |_, _| true).filter(|_| self.below(2) == 0);
        let group = own.unwrap_or_else(shared);
        let members = self
            .state
            .0
            .get(&group)?
            .get("member")
            .cloned()
            .unwrap_or_default();
        let one = members.iter().next().cloned();
        let new = self.any("uid=", |dn, _| !members.contains(dn));
        let mut changes: Vec<LdapModify> = new
            .iter()
            .map(|new| step(LdapModifyType::Add, "member", &[new]))
            .collect();
        if let Some(one) = one.filter(|_| members.len() > 3) {
            changes.push(step(LdapModifyType::Delete, "member", &[&one]));
        }
        (!changes.is_empty()).then(|| modify(&group, changes))
    }

    /// Several values at once, so that half of them could be told.
    fn change_person(&mut self) -> Option<LdapOp> {
        let (dn, word) = (self.person()?, self.fresh("d"));
        let (first, second) = (format!("{word} first"), format!("{word} second"));
        let mut changes = vec![
            step(LdapModifyType::Replace, "sn", &[&word]),
            step(LdapModifyType::Add, "description", &[&first]),
            step(LdapModifyType::Add, "description", &[&second]),
        ];
        let old = self
            .state
            .0
            .get(&dn)?
            .get("description")
            .and_then(|it| it.iter().next().cloned());
        if let Some(old) = old {
            changes.push(step(LdapModifyType::Delete, "description", &[&old]));
        }
        Some(modify(&dn, changes))
    }

    fn rename_leaf(&mut self) -> Option<LdapOp> {
        let (dn, uid) = (self.person()?, self.fresh("p"));
        Some(rename(&dn, &format!("uid={uid}"), None))
    }

    fn move_leaf(&mut self) -> Option<LdapOp> {
        let (dn, unit) = (self.person()?, self.unit());
        let rdn = dn.split(',').next()?;
        Some(rename(&dn, rdn, Some(&unit)))
    }

    /// A unit with all below it gets another name, at times in another place.
    fn rename_unit(&mut self) -> Option<LdapOp> {
        let top = self.top.clone();
        let dn = self.any("ou=", |dn, _| *dn != top)?;
        let elsewhere = self
            .any("ou=", |unit, _| !is_within(unit, &dn))
            .filter(|_| self.below(2) == 0);
        let ou = self.fresh("u");
        Some(rename(&dn, &format!("ou={ou}"), elsewhere.as_deref()))
    }

    fn delete_leaf(&mut self) -> Option<LdapOp> {
        let top = self.top.clone();
        self.any("", |dn, state| *dn != top && state.is_leaf(dn))
            .map(|dn| delete(&dn))
    }

    fn person(&mut self) -> Option<String> {
        self.any("uid=", |_, _| true)
    }

    fn unit(&mut self) -> String {
        self.any("ou=", |_, _| true).unwrap_or_else(|| self.top.clone())
    }

    /// An entry of its branch whose name begins so.
    fn any(&mut self, begin: &str, test: impl Fn(&String, &State) -> bool) -> Option<String> {
        let names = self
            .state
            .0
            .keys()
            .filter(|dn| is_within(dn, &self.top) && dn.starts_with(begin));
        let names: Vec<String> = names.filter(|dn| test(dn, &self.state)).cloned().collect();
        let at = self.below(names.len().max(1) as u64) as usize;
        names.into_iter().nth(at)
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{}{kind}{}", self.name, self.made)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.chance.next_u64() % end
    }
}
