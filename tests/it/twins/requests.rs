//! Random requests: some make sense, many do not, and most are about something that not everybody may know.

use beadle::types::SeededEntropy;

use super::ber::{self, ENUMERATED, INTEGER, SEQUENCE, SET, boolean, control, element, number, text};
use super::rows::{GROUPS, Knowledge, OWN, PEOPLE, person_dn};
use crate::town::BASE;

/// The PIN that is right where one has to be shown.
pub const OLD_PIN: &str = "old-PIN";
/// So many pages of a search are asked for.
pub const PAGES_MAX: usize = 5;

const PAGED: &str = "1.2.840.113556.1.4.319";
const SORT: &str = "1.2.840.113556.1.4.473";
const ASSERTION: &str = "1.3.6.1.1.12";
const PERMISSIVE: &str = "1.2.840.113556.1.4.1413";
const PRE_READ: &str = "1.3.6.1.1.13.1";
const POST_READ: &str = "1.3.6.1.1.13.2";
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

/// Attributes that somebody may know, and that nobody may.
const ATTRIBUTES: &[&str] = &[
    "cn",
    "sn",
    "uid",
    "mail",
    "telephoneNumber",
    "title",
    "departmentNumber",
    "description",
    "displayName",
    "mobile",
    "jpegPhoto",
    "roomNumber",
    "employeeNumber",
    "employeeType",
    "uidNumber",
    "userPassword",
    "beadleNotOpenToPublic",
    "member",
    "memberOf",
    "objectClass",
    "structuralObjectClass",
    "entryDN",
    "entryCSN",
    "hasSubordinates",
    "numSubordinates",
    "modifyTimestamp",
    "name",
    "nosuch",
];
/// Those that somebody may write.
const WRITTEN: &[&str] = &[
    "telephoneNumber",
    "title",
    "description",
    "displayName",
    "sn",
    "sn",
    "jpegPhoto",
    "mobile",
    "uidNumber",
    "member",
    "mail",
];
const SELECTIONS: &[&[&str]] = &[
    &["1.1"],
    &[],
    &["*", "+"],
    &["cn", "mail", "title"],
    &["@inetOrgPerson", "memberOf"],
    &[
        "userPassword",
        "description",
        "numSubordinates",
        "hasSubordinates",
    ],
];

/// A request.
pub struct Asked {
    operation: Vec<u8>,
    controls: Vec<u8>,
    page: Option<u8>,
}

impl Asked {
    /// The same for the page behind this cookie.
    pub fn with_cookie(&self, cookie: &[u8]) -> Asked {
        let paging = self.page.map(|size| {
            let cookie = element(ber::OCTET_STRING, &[cookie]);
            let value = element(SEQUENCE, &[&number(INTEGER, size), &cookie]);
            control(PAGED, true, Some(&value))
        });
        Asked {
            operation: self.operation.clone(),
            controls: [self.controls.clone(), paging.unwrap_or_default()].concat(),
            page: None,
        }
    }

    /// The whole message.
    pub fn bytes(&self) -> Vec<u8> {
        let controls = element(0xa0, &[&self.controls]);
        element(SEQUENCE, &[&number(INTEGER, 7), &self.operation, &controls])
    }
}

/// Where requests come from.
pub struct Requests {
    chance: SeededEntropy,
    knowledge: Knowledge,
}

/// Something as it is read and as it is sent.
type Both = (String, Vec<u8>);

impl Requests {
    /// Requests of somebody.
    pub fn new(chance: SeededEntropy, knowledge: Knowledge) -> Requests {
        Requests { chance, knowledge }
    }

    fn pick(&mut self, count: u64) -> u64 {
        self.chance.next_u64() % count
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.pick(of.len() as u64);
        of[at as usize]
    }

    /// The next one, and what it is in words.
    pub fn next(&mut self) -> (String, Asked) {
        let mut controls = Vec::new();
        let mut page = None;
        let kind = self.pick(20);
        let (mut said, operation) = match kind {
            0..8 => self.search(),
            8..10 => self.compare(),
            10..15 => self.modify(),
            15 | 16 => self.add(),
            17 => self.delete(),
            18 => self.rename(),
            _ => self.set_pin(),
        };
        let mut with = |(text, control): Both| {
            said.push_str(&text);
            controls.extend(control);
        };
        let is_search = kind < 8;
        if self.pick(5) == 0 && kind < 19 {
            let (text, filter) = self.filter(1);
            with((
                format!(" asserting {text}"),
                control(ASSERTION, true, Some(&filter)),
            ));
        }
        if is_search && self.pick(3) == 0 {
            with(self.sort());
        }
        if is_search && self.pick(3) == 0 {
            let size = 1 + self.pick(5) as u8;
            page = Some(size);
            with((format!(" in pages of {size}"), Vec::new()));
        }
        if (10..15).contains(&kind) && self.pick(3) == 0 {
            with((" permissive".to_owned(), control(PERMISSIVE, true, None)));
        }
        for (oid, fit) in [(PRE_READ, 10..19), (POST_READ, 10..19)] {
            if fit.contains(&kind) && self.pick(2) == 0 {
                let selection = self.one(SELECTIONS);
                let is_critical = self.pick(2) == 0;
                let value = attributes(selection);
                let said = format!(" reading {selection:?} by {oid}, critical: {is_critical}");
                with((said, control(oid, is_critical, Some(&value))));
            }
        }
        if kind >= 10 && self.pick(2) == 0 {
            with((" with policy".to_owned(), control(PASSWORD_POLICY, false, None)));
        }
        let asked = Asked {
            operation,
            controls,
            page,
        };
        (said, asked)
    }

    fn search(&mut self) -> Both {
        let base = match self.pick(3) {
            0 => BASE.to_owned(),
            1 => format!("ou={},{BASE}", self.one(&["people", "new", "groups"])),
            _ => self.target(),
        };
        let scope = self.pick(4) as u8;
        let limit = if self.pick(4) == 0 { self.pick(6) as u8 } else { 0 };
        let types_only = self.pick(8) == 0;
        let (said, filter) = self.filter(2);
        let selection = self.one(SELECTIONS);
        let parts = [
            text(&base),
            number(ENUMERATED, scope),
            number(ENUMERATED, 0),
            number(INTEGER, limit),
            number(INTEGER, 0),
            boolean(types_only),
            filter,
            attributes(selection),
        ];
        let said = format!("search {base} scope {scope} limit {limit} {said} for {selection:?}");
        (said, element(0x63, &[&parts.concat()]))
    }

    fn sort(&mut self) -> Both {
        let attribute = self.one(ATTRIBUTES);
        let reverse = self.pick(2) == 0;
        let is_critical = self.pick(2) == 0;
        let reverse_order = element(0x81, &[&[if reverse { 0xff } else { 0 }]]);
        let key = element(SEQUENCE, &[&text(attribute), &reverse_order]);
        let value = element(SEQUENCE, &[&key]);
        let said = format!(" sorted by {attribute}, reverse: {reverse}, critical: {is_critical}");
        (said, control(SORT, is_critical, Some(&value)))
    }

    fn filter(&mut self, depth: u32) -> Both {
        if depth > 0 && self.pick(2) == 0 {
            let count = 1 + self.pick(3);
            let inner: Vec<Both> = (0..count).map(|_| self.filter(depth - 1)).collect();
            let said: String = inner.iter().map(|(said, _)| said.as_str()).collect();
            let parts: Vec<u8> = inner.into_iter().flat_map(|(_, part)| part).collect();
            return match self.pick(3) {
                0 => (format!("(&{said})"), element(0xa0, &[&parts])),
                1 => (format!("(|{said})"), element(0xa1, &[&parts])),
                _ => {
                    let (said, part) = self.filter(depth - 1);
                    (format!("(!{said})"), element(0xa2, &[&part]))
                }
            };
        }
        let attribute = self.one(ATTRIBUTES);
        let value = self.value(attribute);
        let assertion = |tag| element(tag, &[&text(attribute), &text(&value)]);
        match self.pick(9) {
            0 => (format!("({attribute}=*)"), element(0x87, &[attribute.as_bytes()])),
            1 => (format!("({attribute}>={value})"), assertion(0xa5)),
            2 => (format!("({attribute}<={value})"), assertion(0xa6)),
            3 => (format!("({attribute}~={value})"), assertion(0xa8)),
            4 => {
                let part = value.get(..2).unwrap_or_default();
                let substrings = element(SEQUENCE, &[&element(0x80, &[part.as_bytes()])]);
                let item = element(0xa4, &[&text(attribute), &substrings]);
                (format!("({attribute}={part}*)"), item)
            }
            5 => {
                let rule = "1.2.840.113556.1.4.1941";
                let parts = [
                    element(0x81, &[rule.as_bytes()]),
                    element(0x82, &[attribute.as_bytes()]),
                    element(0x83, &[value.as_bytes()]),
                ];
                let item = element(0xa9, &[&parts.concat()]);
                (format!("({attribute}:{rule}:={value})"), item)
            }
            _ => (format!("({attribute}={value})"), assertion(0xa3)),
        }
    }

    fn compare(&mut self) -> Both {
        let (dn, attribute) = (self.target(), self.one(ATTRIBUTES));
        let value = self.value(attribute);
        let assertion = element(SEQUENCE, &[&text(attribute), &text(&value)]);
        let said = format!("compare {dn} {attribute}: {value}");
        (said, element(0x6e, &[&text(&dn), &assertion]))
    }

    fn modify(&mut self) -> Both {
        let dn = self.target();
        let mut said = format!("modify {dn}");
        let mut steps = Vec::new();
        for _ in 0..1 + self.pick(2) {
            let attribute = match self.pick(2) {
                0 if dn.starts_with("cn=g") => "member",
                _ => self.one(WRITTEN),
            };
            let kind = self.pick(4) as u8;
            let count = match kind {
                0 => 1 + self.pick(2),
                3 => 1,
                _ => self.pick(3),
            };
            let values: Vec<String> = (0..count).map(|_| self.value(attribute)).collect();
            said.push_str(&format!(
                " {} {attribute} {values:?}",
                ["add", "delete", "replace", "increment"][usize::from(kind)]
            ));
            steps.extend(element(
                SEQUENCE,
                &[&number(ENUMERATED, kind), &described(attribute, &values)],
            ));
        }
        (said, element(0x66, &[&text(&dn), &element(SEQUENCE, &[&steps])]))
    }

    fn add(&mut self) -> Both {
        let new = format!("n{}", self.pick(15));
        let above = match self.pick(4) {
            0 => self.target(),
            1 => person_dn(PEOPLE.start + 1 + 2 * self.pick(39)),
            _ => format!("ou=new,{BASE}"),
        };
        let dn = format!("cn={new},{above}");
        let mut said = format!("add {dn}");
        let class = self.one(&["inetOrgPerson", "inetOrgPerson", "inetOrgPerson", "groupOfNames"]);
        let mut list = [
            described("objectClass", &[class.to_owned()]),
            described("sn", &["S1".to_owned()]),
        ]
        .concat();
        for attribute in ["title", "description", "employeeNumber", "mail", "employeeType"] {
            if self.pick(3) == 0 {
                let value = self.value(attribute);
                said.push_str(&format!(" {attribute}: {value}"));
                list.extend(described(attribute, &[value]));
            }
        }
        (said, element(0x68, &[&text(&dn), &element(SEQUENCE, &[&list])]))
    }

    fn delete(&mut self) -> Both {
        let dn = self.target();
        (format!("delete {dn}"), element(0x4a, &[dn.as_bytes()]))
    }

    fn rename(&mut self) -> Both {
        let dn = match self.pick(3) {
            0 => self.target(),
            _ => person_dn(PEOPLE.start + 1 + 2 * self.pick(39)),
        };
        let new = self.pick(15);
        let value = self.pick(4);
        let rdn = match self.pick(8) {
            0 => format!("uid=un{new}"),
            1 => format!("displayName=n{value}"),
            2 => format!("title=t{value}"),
            3 => format!("employeeNumber=e{value}"),
            4 => format!("departmentNumber={value}"),
            _ => format!("cn=n{new}"),
        };
        let is_deleted = self.pick(2) == 0;
        let superior = match self.pick(4) {
            0 => Some(self.target()),
            1 => Some(format!("ou=new,{BASE}")),
            2 => Some(person_dn(PEOPLE.start + 1 + 2 * self.pick(39))),
            _ => None,
        };
        let said = format!("rename {dn} to {rdn}, {is_deleted}, below {superior:?}");
        let superior = superior.map(|superior| element(0x80, &[superior.as_bytes()]));
        let parts = [
            text(&dn),
            text(&rdn),
            boolean(is_deleted),
            superior.unwrap_or_default(),
        ];
        (said, element(0x6c, &[&parts.concat()]))
    }

    fn set_pin(&mut self) -> Both {
        let whose = match self.pick(3) {
            0 => None,
            1 => Some(self.target()),
            _ => Some(format!("u{}", PEOPLE.start + self.pick(80))),
        };
        let old = self.one(&[None, Some(OLD_PIN), Some("wrong")]);
        let said = format!("set the PIN of {whose:?}, which is {old:?}");
        let part =
            |tag, text: Option<&str>| text.map_or_else(Vec::new, |text| element(tag, &[text.as_bytes()]));
        let parts = [
            part(0x80, whose.as_deref()),
            part(0x81, old),
            part(0x82, Some("new-PIN")),
        ];
        let value = element(SEQUENCE, &[&parts.concat()]);
        let operation = [
            element(0x80, &[PASSWORD_MODIFY.as_bytes()]),
            element(0x81, &[&value]),
        ];
        (said, element(0x77, &[&operation.concat()]))
    }

    /// A name: of an entry that is known, of one that is not, of none.
    fn target(&mut self) -> String {
        let person = PEOPLE.start + self.pick(80);
        match self.pick(16) {
            0 => format!("cn=p{person},{}", person_dn(PEOPLE.start)),
            1 => format!("cn=zz,{}", person_dn(person)),
            2 => format!("cn=zz,{BASE}"),
            3 => format!("ou={},{BASE}", self.one(&["people", "new", "groups"])),
            4 => self.value("memberOf"),
            // The one that perhaps lacks what its class demands.
            5 => format!("cn=g3,ou=groups,{BASE}"),
            6 | 7 => format!("cn=n{},ou=new,{BASE}", self.pick(15)),
            8 | 9 if self.knowledge == Knowledge::Member => person_dn(OWN),
            _ => person_dn(person),
        }
    }

    fn value(&mut self, attribute: &str) -> String {
        let (few, person) = (self.pick(4), PEOPLE.start + self.pick(80));
        match attribute {
            "cn" | "name" => format!("C{few}"),
            "sn" => [format!("T{few}"), format!("S{}", few % 2)][usize::from(few > 0)].clone(),
            "uid" => format!("u{person}"),
            "mail" => format!("m@uni.example{few}"),
            "telephoneNumber" => format!("+852 391{few}"),
            "mobile" => format!("+852 651{few}"),
            "title" => format!("t{few}"),
            "description" => format!("{}{few}", self.one(&["d", "e"])),
            "displayName" => format!("n{few}"),
            "jpegPhoto" => format!("x{few}"),
            "roomNumber" => format!("r{few}"),
            "employeeNumber" => format!("e{few}"),
            "employeeType" => self.one(&["hidden", "x0"]).to_owned(),
            "userPassword" => format!("{{SSHA}}abcdefgh{few}"),
            "beadleNotOpenToPublic" => self.one(&["mail", "cn"]).to_owned(),
            "member" | "entryDN" => person_dn(person),
            "memberOf" => format!("cn=g{},ou=groups,{BASE}", self.pick(GROUPS.end - GROUPS.start)),
            "objectClass" | "structuralObjectClass" => {
                self.one(&["person", "inetOrgPerson", "groupOfNames"]).to_owned()
            }
            "hasSubordinates" => self.one(&["TRUE", "FALSE"]).to_owned(),
            "modifyTimestamp" => "20261122093000Z".to_owned(),
            _ => few.to_string(),
        }
    }
}

fn attributes(names: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = names.iter().flat_map(|name| text(name)).collect();
    element(SEQUENCE, &[&names])
}

fn described(attribute: &str, values: &[String]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| text(value)).collect();
    element(SEQUENCE, &[&text(attribute), &element(SET, &[&values])])
}
