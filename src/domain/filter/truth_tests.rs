//! Filters about one person.

use super::*;
use crate::domain::effort::Effort;
use crate::domain::entry::AttributeDescription;
use crate::domain::packed::{AttributeView, Attributes, push_value};
use crate::domain::schema::SCHEMA;
use crate::types::Dn;

struct Person {
    dn: Dn,
    attributes: Vec<(AttributeDescription, Vec<u8>)>,
}

impl Attributes for Person {
    fn attributes(&self) -> impl Iterator<Item = AttributeView<'_>> {
        self.attributes
            .iter()
            .map(|(description, encoded)| AttributeView {
                kind: description.kind,
                options: &description.options,
                encoded,
            })
    }

    fn dn(&self) -> Option<Dn> {
        Some(self.dn.clone())
    }
}

fn ada(schema: &Schema) -> Person {
    let values: &[(&str, &[&str])] = &[
        ("objectClass", &["inetOrgPerson"]),
        ("structuralObjectClass", &["inetOrgPerson"]),
        ("uid", &["ada"]),
        ("cn", &["Ada  Lovelace", "Åsa Öberg"]),
        ("cn;lang-en-GB", &["Countess"]),
        ("sn", &["Lovelace"]),
        ("telephoneNumber", &["+852 3917-0000"]),
        ("uidNumber", &["1000"]),
        ("createTimestamp", &["20261122093000Z"]),
        ("manager", &["UID=Boss, DC=uni"]),
        ("postalAddress", &["1 Main St$Town"]),
        ("jpegPhoto", &["x"]),
        ("mail", &["Ada@Uni.Example"]),
    ];
    let pack = |(name, values): &(&str, &[&str])| {
        let mut encoded = Vec::new();
        values
            .iter()
            .for_each(|value| push_value(&mut encoded, value.as_bytes()));
        (schema.describe(name.as_bytes()).unwrap(), encoded)
    };
    Person {
        dn: Dn::parse("uid=ada,ou=people,dc=uni").unwrap(),
        attributes: values.iter().map(pack).collect(),
    }
}

fn says(filter: &str, readable: &AttributeSet) -> Truth {
    let schema = &*SCHEMA;
    Filter::parse(schema, filter)
        .unwrap()
        .truth(schema, &ada(schema), readable, &Effort::unlimited())
}

fn check(filter: &str, truth: Truth) {
    assert_eq!(says(filter, &AttributeSet::ALL), truth, "{filter}");
    assert_eq!(
        says(&format!("(!{filter})"), &AttributeSet::ALL),
        truth.not(),
        "not {filter}"
    );
}

#[test]
fn equality_goes_by_the_attributes_rule() {
    for filter in [
        "(uid=ADA)",
        "(uid=  ada )",
        "(cn=ada lovelace)",
        "(cn=åsa ÖBERG)",
        "(commonName=countess)",
        "(2.5.4.4=LOVELACE)",
        "(telephoneNumber=+85239170000)",
        "(uidNumber=1000)",
        "(uid~=Ada)",
        "(createTimestamp=202611220930Z)",
        "(manager=uid=boss,DC=UNI)",
        "(postalAddress=1 main st$TOWN)",
        "(mail=ada@uni.example)",
        "(objectClass=INETORGPERSON)",
    ] {
        check(filter, Truth::True);
    }
    check("(uid=adam)", Truth::False);
    check("(uid=ad a)", Truth::False);
    check("(uid= )", Truth::False);
    check("(description=x)", Truth::False);
}

#[test]
fn what_cannot_be_resolved_is_undefined_also_inside_not() {
    for filter in [
        "(nosuch=x)",
        "(nosuch=*)",
        "(uidNumber=abc)",
        "(uid>=a)",
        "(jpegPhoto=x)",
        "(manager=nosuch)",
        "(objectClass=nosuch)",
        "(objectClass=1.2.3)",
        "(uid=)",
        "(uidNumber=01000)",
        r"(uid:caseIgnoreSubstringsMatch:=a\2a)",
        "(uid:caseIgnoreIA5Match:=ADA)",
        "(mail:caseIgnoreMatch:=ada@uni.example)",
        "(manager=nosuch=1)",
        "(telephoneNumber=*-*)",
        "(uidNumber=1*)",
        "(createTimestamp>=yesterday)",
        "(cn;a_b=x)",
        "(uid:nosuchMatch:=ada)",
        "(uidNumber:caseIgnoreMatch:=1000)",
        "(userAccountControl:1.2.840.113556.1.4.803:=2)",
    ] {
        check(filter, Truth::Undefined);
    }
}

#[test]
fn a_class_is_matched_by_its_subclasses_and_an_oid() {
    check("(objectClass=person)", Truth::True);
    check("(objectClass=top)", Truth::True);
    check("(objectClass=2.5.6.6)", Truth::True);
    check("(objectClass=groupOfNames)", Truth::False);
    check("(structuralObjectClass=inetOrgPerson)", Truth::True);
    check("(structuralObjectClass=person)", Truth::False);
}

#[test]
fn supertypes_and_options_widen_and_narrow() {
    check("(name=lovelace)", Truth::True);
    check("(name=countess)", Truth::True);
    check("(cn;lang-en-gb=countess)", Truth::True);
    check("(cn;lang-en-=countess)", Truth::True);
    check("(cn;lang-en=countess)", Truth::False);
    check("(cn;lang-en-gb=ada lovelace)", Truth::False);
    check("(cn;lang-de=*)", Truth::False);
}

#[test]
fn order_goes_by_value_and_not_by_text() {
    check("(uidNumber>=999)", Truth::True);
    check("(uidNumber<=1000)", Truth::True);
    check("(uidNumber>=1001)", Truth::False);
    check("(uidNumber<=-5)", Truth::False);
    check("(createTimestamp>=20261122103000+0100)", Truth::True);
    check("(createTimestamp<=20261122092959.9Z)", Truth::False);
}

#[test]
fn substrings_mind_words() {
    for filter in [
        "(uid=a*)",
        "(uid=*D*)",
        "(uid=*a)",
        "(uid=a*d*a)",
        "(cn=ada*love*lace)",
        "(cn=ada *lace)",
        "(cn=*a l*)",
        "(cn=ada * lovelace)",
        "(cn=*ada*)",
        "(cn=* lovelace)",
        "(cn=*lovelace *)",
        "(cn=  ada*)",
        "(cn=*Ö*)",
        "(telephoneNumber=+8523*)",
        "(telephoneNumber=*391 7*)",
        "(mail=*@UNI.*)",
        "(cn=* *)",
        "(postalAddress=*st*town)",
        "(postalAddress=*st$town)",
        "(name=count*)",
    ] {
        check(filter, Truth::True);
    }
    for filter in [
        "(uid=b*)",
        "(uid=ad*da)",
        "(cn=ada *lov e*)",
        "(cn=ad *)",
        "(cn=* ovelace)",
        "(uid=*adaa*)",
    ] {
        check(filter, Truth::False);
    }
}

#[test]
fn extensible_matches_take_other_rules_and_the_dn() {
    check("(uid:caseExactMatch:=ada)", Truth::True);
    check("(uid:caseExactMatch:=ADA)", Truth::False);
    check("(uid:=ADA)", Truth::True);
    check("(:caseIgnoreMatch:=lovelace)", Truth::True);
    check("(ou:=people)", Truth::False);
    check("(ou:dn:=people)", Truth::True);
    check("(:dn:caseIgnoreMatch:=people)", Truth::True);
    check("(uidNumber:1.2.840.113556.1.4.803:=1000)", Truth::True);
    check("(uidNumber:1.2.840.113556.1.4.803:=7)", Truth::False);
    check("(uidNumber:1.2.840.113556.1.4.804:=9)", Truth::True);
    check("(uidNumber:integerOrderingMatch:=1001)", Truth::True);
}

#[test]
fn three_values_are_joined_as_rfc_4511_says() {
    check("(&)", Truth::True);
    check("(|)", Truth::False);
    check("(&(uid=ada)(nosuch=x))", Truth::Undefined);
    check("(&(uid=x)(nosuch=x))", Truth::False);
    check("(|(uid=ada)(nosuch=x))", Truth::True);
    check("(|(uid=x)(nosuch=x))", Truth::Undefined);
    check("(&(uid=ada)(!(cn=x)))", Truth::True);
}

#[test]
fn a_hidden_attribute_says_nothing_in_any_filter() {
    let schema = &*SCHEMA;
    let readable: AttributeSet = [schema.attribute(b"cn").unwrap()].into_iter().collect();
    for filter in [
        "(sn=lovelace)",
        "(sn=*)",
        "(sn=l*)",
        "(uidNumber>=1)",
        "(sn:=lovelace)",
        "(ou:dn:=people)",
    ] {
        assert_eq!(says(filter, &readable), Truth::Undefined, "{filter}");
        assert_eq!(
            says(&format!("(!{filter})"), &readable),
            Truth::Undefined,
            "{filter}"
        );
    }
    assert_eq!(says("(name=lovelace)", &readable), Truth::False);
    assert_eq!(says("(name=countess)", &readable), Truth::True);
    assert_eq!(says("(:dn:caseIgnoreMatch:=people)", &readable), Truth::False);
}
