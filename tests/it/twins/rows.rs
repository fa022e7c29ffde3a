//! The entries of two directories: what somebody knows of them is the same in both, and the rest is drawn anew.

use beadle::types::SeededEntropy;

use crate::town::BASE;

/// Somebody, by what they may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    Public,
    Member,
    Service,
}

/// The id of the member who asks, who knows everything of their own entry but its PIN.
pub const OWN: u64 = 12;
/// The ids of people and groups.
pub const PEOPLE: std::ops::Range<u64> = 10..90;
pub const GROUPS: std::ops::Range<u64> = 200..212;

/// What everybody may do; nobody reads roomNumber, employeeNumber, employeeType and the switches.
pub const RULES: &str = r#"
base_dn = "dc=uni,dc=example"
[unique]
attributes = ["uid"]
[access]
never_public = []
rules = [
  "the public may read objectClass, dc, o, ou, uid, cn, mail of open and places",
  "members may read sn, mail, telephoneNumber, title, memberOf, numSubordinates, modifyTimestamp, entryCSN of open and places",
  "members may read cn, member of shown",
  "service lms may read numSubordinates of open and places",
  "service lms may read cn of shown",
  "service lms may search departmentNumber of open",
  "service lms may compare telephoneNumber of open",
  "service lms may write telephoneNumber, title, description, displayName, uidNumber, sn, jpegPhoto of open",
  "service lms may write member of shown",
  "service lms may add and delete people below ou=new,dc=uni,dc=example",
  "self may write telephoneNumber, description, displayName",
  "group cn=g1,ou=groups,dc=uni,dc=example may write title, mobile of open",
]
[access.entries]
open = "(&(objectClass=person)(!(employeeType=hidden)))"
shown = "(&(objectClass=groupOfNames)(!(description=hidden)))"
[[ldap.service]]
name = "lms"
password_hash = "{SSHA}95ZRk5PwCcEhRirJc6IfU6eJbelzYWx0c2FsdA=="
"#;

/// An entry: its id, its parent's, its RDN, and lines of `name: value`.
pub struct Row {
    pub id: u64,
    pub parent: u64,
    pub rdn: String,
    pub lines: Vec<String>,
}

impl Row {
    fn new(id: u64, parent: u64, rdn: &str, lines: &[&str]) -> Row {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let rdn = rdn.to_owned();
        Row {
            id,
            parent,
            rdn,
            lines,
        }
    }
}

/// Draws what is the same in both twins from one source, and what is not from another.
pub struct Rows {
    knowledge: Knowledge,
    known: SeededEntropy,
    unknown: SeededEntropy,
}

/// Whether what is drawn is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Known,
    Unknown,
}

impl Rows {
    pub fn new(knowledge: Knowledge, seed: u64, twin: u64) -> Rows {
        Rows {
            knowledge,
            known: SeededEntropy::new(seed),
            unknown: SeededEntropy::new(1_000 * twin + seed),
        }
    }

    /// Both sources go on alike, whichever is drawn from.
    fn pick(&mut self, is: Is, count: u64) -> u64 {
        let both = (self.known.next_u64(), self.unknown.next_u64());
        let drawn = if is == Is::Known { both.0 } else { both.1 };
        drawn % count
    }

    fn known_to(&self, who: &[Knowledge]) -> Is {
        match who.contains(&self.knowledge) {
            true => Is::Known,
            false => Is::Unknown,
        }
    }

    /// All entries, those above first.
    pub fn all(&mut self) -> Vec<Row> {
        let unit = |id, name: &str| {
            let lines = ["objectClass: organizationalUnit", &format!("ou: {name}")];
            Row::new(id, 1, &format!("ou={name}"), &lines)
        };
        let base = [
            "objectClass: organization",
            "objectClass: dcObject",
            "o: U",
            "dc: uni",
        ];
        let mut rows = vec![
            Row::new(1, 0, "dc=uni", &base),
            unit(2, "people"),
            unit(3, "groups"),
            unit(4, "new"),
        ];
        rows.extend(PEOPLE.filter_map(|id| self.person(id)));
        rows.extend(GROUPS.filter_map(|id| self.group(id)));
        rows
    }

    /// Every fourth is hidden, and then perhaps not there; some of those are below others.
    fn person(&mut self, id: u64) -> Option<Row> {
        use Knowledge::{Member, Public, Service};
        let is_hidden = self.pick(Is::Known, 4) == 0 && id != OWN && id != PEOPLE.start;
        let is_closed = self.pick(Is::Known, 3) == 0;
        let is_there = !is_hidden || self.pick(Is::Unknown, 2) == 0;
        let is_of_child = is_hidden && self.pick(Is::Unknown, 3) == 0;
        let own = |is: Is| if id == OWN { Is::Known } else { is };
        let hide = |is: Is| if is_hidden { Is::Unknown } else { is };
        let visible = hide(Is::Known);
        let never = own(Is::Unknown);
        let for_service = own(self.known_to(&[Service]));
        let for_members = own(self.known_to(&[Member]));
        let for_both = own(self.known_to(&[Member, Service]));
        let mail = match is_closed {
            true => for_members,
            false => own(self.known_to(&[Public, Member, Service])),
        };
        let switches = self.pick(own(Is::Unknown), 2) == 0;
        let mut lines = vec![
            "objectClass: inetOrgPerson".to_owned(),
            format!("uid: u{id}"),
            format!("cn: p{id}"),
            format!("cn: C{}", self.pick(visible, 6)),
            format!("sn: S{}", self.pick(hide(for_members), 2)),
        ];
        let mut add = |is: Is, name: &str, value: &str, count: u64| {
            let (has, which) = (self.pick(hide(is), 3) > 0, self.pick(hide(is), count));
            if has {
                lines.push(format!("{name}: {value}{which}"));
            }
            has
        };
        let has_mail = add(mail, "mail", "m@uni.example", 4);
        add(for_both, "telephoneNumber", "+852 391", 4);
        add(for_members, "title", "t", 4);
        add(for_members, "sn", "T", 4);
        add(for_service, "departmentNumber", "", 4);
        add(never, "description", "d", 4);
        add(never, "description", "e", 4);
        add(never, "displayName", "n", 4);
        add(never, "mobile", "+852 651", 4);
        add(never, "jpegPhoto", "x", 4);
        add(never, "roomNumber", "r", 4);
        add(never, "employeeNumber", "e", 4);
        add(Is::Unknown, "userPassword", "{SSHA}abcdefgh", 4);
        add(
            Is::Known,
            "employeeType",
            if is_hidden { "hidden" } else { "x" },
            1,
        );
        // What is closed looks as if it were not there, and a switch without it as none.
        let is_read_anyway = self.knowledge == Knowledge::Member;
        if is_closed && (switches || (has_mail && !is_read_anyway)) {
            lines.push("beadleNotOpenToPublic: mail".to_owned());
        }
        if is_hidden {
            lines.retain(|line| !line.starts_with("employeeType"));
            lines.push("employeeType: hidden".to_owned());
        }
        let parent = match (is_of_child, id % 2) {
            (true, _) => PEOPLE.start,
            (false, 0) => 2,
            (false, _) => 4,
        };
        let row = Row {
            id,
            parent,
            rdn: format!("cn=p{id}"),
            lines,
        };
        is_there.then_some(row)
    }

    /// Every third is hidden. Who is in one that is not only members know.
    fn group(&mut self, id: u64) -> Option<Row> {
        let number = id - GROUPS.start;
        let is_hidden = number % 3 == 2;
        let is_there = !is_hidden || self.pick(Is::Unknown, 2) == 0;
        let members = match is_hidden {
            true => Is::Unknown,
            false => self.known_to(&[Knowledge::Member]),
        };
        let mut lines = vec!["objectClass: groupOfNames".to_owned(), format!("cn: g{number}")];
        if is_hidden {
            lines.push("description: hidden".to_owned());
        }
        // The last one may have gone.
        let is_empty = number == 3 && self.pick(members, 2) == 0;
        for at in 0..6 {
            let (has, who) = (self.pick(members, 3) > 0, self.pick(members, 80));
            if (has || at == 0) && !is_empty {
                lines.push(format!("member: {}", person_dn(PEOPLE.start + who)));
            }
        }
        if number == 1 {
            lines.push(format!("member: {}", person_dn(OWN)));
        }
        lines.sort();
        lines.dedup();
        Some(Row {
            id,
            parent: 3,
            rdn: format!("cn=g{number}"),
            lines,
        })
        .filter(|_| is_there)
    }
}

/// Where a person is or would be; whoever is below another is not met by this name.
pub fn person_dn(id: u64) -> String {
    let unit = if id.is_multiple_of(2) { "people" } else { "new" };
    format!("cn=p{id},ou={unit},{BASE}")
}
