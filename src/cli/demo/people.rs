//! Made-up people of every class, and the groups they are in: the same ones for the same seed, so that a
//! demonstration can be told about and a measurement repeated.
//!
//! Their PINs are stored as `{SSHA}`, because a thousand argon2id hashes would take a thousand times ten
//! milliseconds; the first log-in of each replaces it by argon2id, as it does for an imported hash.

use crate::domain::pin::imported_hash::salted_sha1;
use crate::exchange::row::{More, Row, RowError, Rows};
use crate::types::{Entropy, Pin, SeededEntropy};

/// The most members of a group: a larger one would not fit into one stored entry.
pub const GROUP_MEMBERS_MAX: usize = 2000;

/// Somebody whose UID and PIN can be told on the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The UID.
    pub uid: &'static str,
    /// The PIN, which everybody knows.
    pub pin: &'static str,
    class: Class,
}

/// A student: person 0.
pub const STUDENT: Known = Known {
    uid: "u3001234",
    pin: "starferry88",
    class: Class::Student,
};
/// A member of staff: person 1.
pub const STAFF: Known = Known {
    uid: "s1004321",
    pin: "lionrock495",
    class: Class::Staff,
};

/// The people as rows of an import: the entries above them first, the groups last.
pub struct People {
    base: Box<str>,
    count: u64,
    seed: u64,
    next: u64,
}

/// What a member of the university is to it, as `beadleClass` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Student,
    Staff,
    Alumni,
    Graduate,
    Retiree,
    LibraryPatron,
    Julac,
    Departmental,
}

/// How many of a hundred people are of a class, the letter their UIDs begin with, and their affiliation in the
/// words of eduPerson.
const CLASSES: &[(Class, u64, char, &str, &str)] = &[
    (Class::Student, 60, 'u', "student", "student"),
    (Class::Staff, 18, 's', "staff", "staff"),
    (Class::Alumni, 8, 'a', "alumni", "alum"),
    (Class::Graduate, 5, 'g', "graduate", "alum"),
    (Class::Retiree, 3, 'r', "retiree", "affiliate"),
    (Class::LibraryPatron, 3, 'l', "library_patron", "library-walk-in"),
    (Class::Julac, 2, 'j', "julac", "library-walk-in"),
    (Class::Departmental, 1, 'd', "departmental", "affiliate"),
];

const SURNAMES: &[&str] = &[
    "Au", "Chan", "Cheng", "Cheung", "Chow", "Fung", "Ho", "Kwok", "Lam", "Lau", "Lee", "Leung", "Ng",
    "Pereira", "Rahman", "Sharma", "Tang", "Thompson", "Wong", "Yip",
];
const GIVEN_NAMES: &[&str] = &[
    "Aisha", "Chi Ming", "Daniel", "Grace", "Hiu Tung", "Ho Yin", "Ivy", "Jason", "Ka Yan", "Lok Yi", "Maya",
    "Nathan", "Olivia", "Pui Shan", "Rohan", "Sofia", "Tsz Kin", "Wai Lam", "Wing Sze", "Yat Hei",
];
const DEPARTMENTS: &[&str] = &[
    "Architecture",
    "Arts",
    "Business",
    "Dentistry",
    "Education",
    "Engineering",
    "Law",
    "Library",
    "Medicine",
    "Science",
];

/// A group: its name, and who is in it.
struct Group {
    cn: String,
    description: String,
    has: Box<dyn Fn(&Person) -> bool>,
}

/// One person.
struct Person {
    number: u64,
    uid: String,
    class: Class,
    surname: &'static str,
    given_name: &'static str,
    department: usize,
    dice: u64,
}

impl People {
    /// `count` people under `base`. The same numbers and `seed` make the same people.
    pub fn new(base: &str, count: u64, seed: u64) -> People {
        People {
            base: base.into(),
            count,
            seed,
            next: 0,
        }
    }

    fn person(&self, number: u64) -> Person {
        let mut dice = SeededEntropy::new(self.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let known = known(number);
        let class = known.map_or_else(|| class_of(dice.next_u64() % 100), |known| known.class);
        let letter = fact(class).2;
        let pick = |names: &'static [&'static str], number: u64| {
            names
                .get((number % names.len() as u64) as usize)
                .copied()
                .unwrap_or_default()
        };
        Person {
            number,
            uid: known.map_or_else(
                || format!("{letter}{:07}", 4_000_000 + number),
                |known| known.uid.into(),
            ),
            class,
            surname: pick(SURNAMES, dice.next_u64()),
            given_name: pick(GIVEN_NAMES, dice.next_u64()),
            department: (dice.next_u64() % DEPARTMENTS.len() as u64) as usize,
            dice: dice.next_u64(),
        }
    }

    fn write_person(&self, row: &mut Row, person: &Person) {
        let Person {
            uid,
            surname,
            given_name,
            dice,
            ..
        } = person;
        let (_, _, _, class, affiliation) = fact(person.class);
        let mut put = |name: &str, value: &str| row.push(0, name, value.as_bytes());
        ["inetOrgPerson", "eduPerson", "beadleAccount"]
            .iter()
            .for_each(|class| put("objectClass", class));
        put("uid", uid);
        put("cn", &format!("{given_name} {surname}"));
        put("sn", surname);
        put("givenName", given_name);
        put("displayName", &format!("{surname}, {given_name}"));
        put("mail", &format!("{uid}@uni.example"));
        put("ou", person.department());
        put("departmentNumber", &person.department.to_string());
        put("employeeType", class);
        put("eduPersonAffiliation", affiliation);
        put("telephoneNumber", &format!("+852 3917 {:04}", dice % 10_000));
        put(
            "mobile",
            &format!("+852 6{:03} {:04}", (dice >> 16) % 1000, (dice >> 32) % 10_000),
        );
        put("title", if dice & 1 == 0 { "Ms" } else { "Mr" });
        put("l", "Hong Kong");
        put("preferredLanguage", if dice & 2 == 0 { "en" } else { "zh-Hant" });
        put("roomNumber", &format!("R{:03}", (dice >> 48) % 900));
        put("beadleClass", class);
        let number = match person.class {
            Class::Student | Class::Graduate | Class::Alumni => "beadleStudentNumber",
            _ => "beadleStaffNumber",
        };
        put(number, &format!("{}", 3_035_000_000 + person.number));
        let hash = salted_sha1(&pin(self.seed, person.number), dice.to_le_bytes());
        row.push(0, "userPassword", hash.expose());
    }

    /// The groups that have a member at all.
    fn groups(&self) -> Vec<Group> {
        let of_class = |cn: &str, class: Class| Group {
            cn: cn.into(),
            description: format!("All {cn}, or the first {GROUP_MEMBERS_MAX} of them"),
            has: Box::new(move |person| person.class == class),
        };
        let of_department = |(at, name): (usize, &&str)| Group {
            cn: format!("dept-{}", name.to_ascii_lowercase()),
            description: format!("Staff of {name}"),
            has: Box::new(move |person| person.department == at && person.class == Class::Staff),
        };
        let mut groups = vec![
            of_class("students", Class::Student),
            of_class("staff", Class::Staff),
        ];
        groups.extend(DEPARTMENTS.iter().enumerate().map(of_department));
        groups.retain(|group| self.members(group).next().is_some());
        groups
    }

    fn members(&self, group: &Group) -> impl Iterator<Item = Person> {
        let people = (0..self.count).map(|number| self.person(number));
        people
            .filter(|person| (group.has)(person))
            .take(GROUP_MEMBERS_MAX)
    }

    fn write_group(&self, row: &mut Row, group: &Group) {
        row.set_dn(0, format!("cn={},ou=groups,{}", group.cn, self.base).as_bytes());
        row.push(0, "objectClass", b"groupOfNames");
        row.push(0, "cn", group.cn.as_bytes());
        row.push(0, "description", group.description.as_bytes());
        for person in self.members(group) {
            row.push(
                0,
                "member",
                format!("uid={},ou=people,{}", person.uid, self.base).as_bytes(),
            );
        }
    }

    fn write_base(&self, row: &mut Row) {
        let (name, value) = self
            .base
            .split(',')
            .next()
            .and_then(|rdn| rdn.split_once('='))
            .unwrap_or(("dc", "uni"));
        row.set_dn(0, self.base.as_bytes());
        let second: &[u8] = match name.to_ascii_lowercase().as_str() {
            "dc" => b"dcObject",
            "o" => b"top",
            _ => b"extensibleObject",
        };
        row.push(0, "objectClass", b"organization");
        row.push(0, "objectClass", second);
        row.push(0, name, value.as_bytes());
        if !name.eq_ignore_ascii_case("o") {
            row.push(0, "o", b"A University That Is Not There");
        }
    }
}

impl Rows for People {
    fn read(&mut self, row: &mut Row) -> Result<More, RowError> {
        let at = self.next;
        self.next += 1;
        row.begin(at + 1);
        match at {
            0 => self.write_base(row),
            1 | 2 => {
                let unit = if at == 1 { "people" } else { "groups" };
                row.set_dn(0, format!("ou={unit},{}", self.base).as_bytes());
                row.push(0, "objectClass", b"organizationalUnit");
                row.push(0, "ou", unit.as_bytes());
            }
            _ if at - 3 < self.count => {
                let person = self.person(at - 3);
                row.set_dn(
                    0,
                    format!("uid={},ou=people,{}", person.uid, self.base).as_bytes(),
                );
                self.write_person(row, &person);
            }
            _ => match self.groups().get((at - 3 - self.count) as usize) {
                Some(group) => self.write_group(row, group),
                None => return Ok(More::End),
            },
        }
        Ok(More::Row)
    }

    fn bytes_read(&self) -> u64 {
        0
    }
}

impl Person {
    fn department(&self) -> &'static str {
        DEPARTMENTS.get(self.department).copied().unwrap_or_default()
    }
}

/// The PIN of a person: eleven letters and a digit, or what [`STUDENT`] and [`STAFF`] say.
pub fn pin(seed: u64, number: u64) -> Pin {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
    if let Some(known) = known(number) {
        return Pin::new(known.pin.as_bytes());
    }
    let mut dice = SeededEntropy::new(seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03) ^ 0x50_494E);
    let mut octets = [0; 12];
    dice.fill(&mut octets);
    let letter = |octet: u8| {
        LETTERS
            .get(usize::from(octet) % LETTERS.len())
            .copied()
            .unwrap_or_default()
    };
    let mut text = octets.map(letter);
    text[11] = b'0' + octets[11] % 10;
    Pin::new(text)
}

fn known(number: u64) -> Option<Known> {
    match number {
        0 => Some(STUDENT),
        1 => Some(STAFF),
        _ => None,
    }
}

fn class_of(percent: u64) -> Class {
    let mut sum = 0;
    let found = CLASSES.iter().find(|(_, share, ..)| {
        sum += share;
        percent < sum
    });
    found.map_or(Class::Student, |found| found.0)
}

fn fact(class: Class) -> (Class, u64, char, &'static str, &'static str) {
    // Invariant: the table names every class.
    CLASSES
        .iter()
        .copied()
        .find(|fact| fact.0 == class)
        .unwrap_or((class, 0, 'u', "student", "student"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ops::ControlFlow;

    use super::*;
    use crate::domain::pin::{PinCheck, verify_negligible};
    use crate::exchange::entries::Entries;
    use crate::exchange::import::{ImportSettings, Importer};
    use crate::index::testing;
    use crate::types::{Dn, Timestamp};

    const BASE: &str = "dc=uni,dc=example";

    /// Hands every row to `each` until it says `Break`.
    fn read(base: &str, count: u64, mut each: impl FnMut(&Row) -> ControlFlow<()>) {
        let (mut people, mut row) = (People::new(base, count, 7), Row::default());
        while people.read(&mut row).unwrap() == More::Row && each(&row).is_continue() {}
    }

    fn all_import(base: &str, count: u64) -> u64 {
        let schema = testing::schema().clone();
        let existing = Entries {
            snapshot: testing::snapshot(&schema, &[]).into(),
            schema: schema.clone(),
        };
        let unique = ["uid", "mail"].map(|name| schema.attribute(name.as_bytes()).unwrap());
        let settings = ImportSettings {
            base: Dn::parse(base).unwrap(),
            unique: unique.to_vec(),
            ignored: Vec::new(),
            creator: None,
            now: Timestamp::default(),
        };
        let mut importer = Importer::new(&schema, &existing, &settings).unwrap();
        let mut entropy = SeededEntropy::new(1);
        read(base, count, |row| {
            let checked = importer.row(row, &mut entropy);
            assert!(
                checked.is_ok(),
                "{:?} {}",
                checked,
                String::from_utf8_lossy(row.dn())
            );
            ControlFlow::Continue(())
        });
        let (plan, refused) = importer.finish();
        assert!(refused.is_empty());
        plan.new_and_changed().0
    }

    #[test]
    fn every_row_is_good() {
        assert_eq!(all_import(BASE, 2500), 3 + 2500 + 12);
        assert_eq!(all_import("o=Uni", 1), 3 + 1 + 1);
        assert_eq!(all_import(BASE, 0), 3);
    }

    #[test]
    fn the_same_seed_makes_the_same_people() {
        let names = || {
            let mut names = Vec::new();
            read(BASE, 50, |row| {
                names.push((
                    row.dn().to_vec(),
                    row.fields().map(|field| field.value.to_vec()).collect::<Vec<_>>(),
                ));
                ControlFlow::Continue(())
            });
            names
        };
        assert_eq!(names(), names());
    }

    #[test]
    fn the_pins_that_are_told_are_the_right_ones() {
        let mut right = HashSet::new();
        read(BASE, 10, |row| {
            for (number, known) in [(0, Some(STUDENT)), (1, Some(STAFF)), (7, None)] {
                let mut hashes = row.fields().filter(|field| field.name == "userPassword");
                let checked = hashes
                    .next()
                    .and_then(|hash| verify_negligible(hash.value, &pin(7, number)));
                if checked == Some(PinCheck::Right) {
                    right.insert(number);
                    let dn = String::from_utf8_lossy(row.dn());
                    assert!(
                        known.is_none_or(|known| dn.starts_with(&format!("uid={},", known.uid))),
                        "{dn}"
                    );
                }
            }
            ControlFlow::Continue(())
        });
        assert_eq!(right.len(), 3);
    }

    #[test]
    fn people_of_every_class_are_there() {
        let mut classes = HashSet::new();
        read(BASE, 1000, |row| {
            let class = row.fields().find(|field| field.name == "beadleClass");
            classes.extend(class.map(|class| class.value.to_vec()));
            ControlFlow::Continue(())
        });
        assert_eq!(classes.len(), CLASSES.len());
    }
}
