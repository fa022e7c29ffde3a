//! The matching rules there are.

use super::{Form, MatchingRule, Purpose};

const fn rule(
    oid: &'static str,
    name: &'static str,
    purpose: Purpose,
    form: Form,
    syntax: &'static str,
) -> MatchingRule {
    MatchingRule {
        oid,
        name,
        purpose,
        form,
        syntax,
    }
}

/// Directory String.
pub(super) const DIRECTORY_STRING: &str = "1.3.6.1.4.1.1466.115.121.1.15";

/// Country String, Printable String and Telephone Number: every value of theirs is a Directory String.
pub(super) const DIRECTORY_STRINGS: &[&str] = &[
    "1.3.6.1.4.1.1466.115.121.1.11",
    "1.3.6.1.4.1.1466.115.121.1.44",
    "1.3.6.1.4.1.1466.115.121.1.50",
];

const IA5_STRING: &str = "1.3.6.1.4.1.1466.115.121.1.26";
const NUMERIC_STRING: &str = "1.3.6.1.4.1.1466.115.121.1.36";
const TELEPHONE_NUMBER: &str = "1.3.6.1.4.1.1466.115.121.1.50";
const POSTAL_ADDRESS: &str = "1.3.6.1.4.1.1466.115.121.1.41";
const SUBSTRING_ASSERTION: &str = "1.3.6.1.4.1.1466.115.121.1.58";
const BIT_STRING: &str = "1.3.6.1.4.1.1466.115.121.1.6";
const BOOLEAN: &str = "1.3.6.1.4.1.1466.115.121.1.7";
const DN: &str = "1.3.6.1.4.1.1466.115.121.1.12";
const GENERALIZED_TIME: &str = "1.3.6.1.4.1.1466.115.121.1.24";
const INTEGER: &str = "1.3.6.1.4.1.1466.115.121.1.27";
const NAME_AND_UID: &str = "1.3.6.1.4.1.1466.115.121.1.34";
const OID: &str = "1.3.6.1.4.1.1466.115.121.1.38";
const OCTET_STRING: &str = "1.3.6.1.4.1.1466.115.121.1.40";
const UUID: &str = "1.3.6.1.1.16.1";

/// RFC 4517 section 4.2, RFC 4530 section 2.2 and 2.3, MS-ADTS 3.1.1.3.4.4.
pub(super) static RULES: &[MatchingRule] = &[
    rule(
        "2.5.13.0",
        "objectIdentifierMatch",
        Purpose::Equality,
        Form::Oid,
        OID,
    ),
    rule(
        "2.5.13.1",
        "distinguishedNameMatch",
        Purpose::Equality,
        Form::Dn,
        DN,
    ),
    rule(
        "2.5.13.2",
        "caseIgnoreMatch",
        Purpose::Equality,
        Form::CaseIgnore,
        DIRECTORY_STRING,
    ),
    rule(
        "2.5.13.3",
        "caseIgnoreOrderingMatch",
        Purpose::Ordering,
        Form::CaseIgnore,
        DIRECTORY_STRING,
    ),
    rule(
        "2.5.13.4",
        "caseIgnoreSubstringsMatch",
        Purpose::Substrings,
        Form::CaseIgnore,
        SUBSTRING_ASSERTION,
    ),
    rule(
        "2.5.13.5",
        "caseExactMatch",
        Purpose::Equality,
        Form::CaseExact,
        DIRECTORY_STRING,
    ),
    rule(
        "2.5.13.6",
        "caseExactOrderingMatch",
        Purpose::Ordering,
        Form::CaseExact,
        DIRECTORY_STRING,
    ),
    rule(
        "2.5.13.7",
        "caseExactSubstringsMatch",
        Purpose::Substrings,
        Form::CaseExact,
        SUBSTRING_ASSERTION,
    ),
    rule(
        "2.5.13.8",
        "numericStringMatch",
        Purpose::Equality,
        Form::Numeric,
        NUMERIC_STRING,
    ),
    rule(
        "2.5.13.9",
        "numericStringOrderingMatch",
        Purpose::Ordering,
        Form::Numeric,
        NUMERIC_STRING,
    ),
    rule(
        "2.5.13.10",
        "numericStringSubstringsMatch",
        Purpose::Substrings,
        Form::Numeric,
        SUBSTRING_ASSERTION,
    ),
    rule(
        "2.5.13.11",
        "caseIgnoreListMatch",
        Purpose::Equality,
        Form::CaseIgnoreList,
        POSTAL_ADDRESS,
    ),
    rule(
        "2.5.13.12",
        "caseIgnoreListSubstringsMatch",
        Purpose::Substrings,
        Form::CaseIgnoreList,
        SUBSTRING_ASSERTION,
    ),
    rule(
        "2.5.13.13",
        "booleanMatch",
        Purpose::Equality,
        Form::Boolean,
        BOOLEAN,
    ),
    rule(
        "2.5.13.14",
        "integerMatch",
        Purpose::Equality,
        Form::Integer,
        INTEGER,
    ),
    rule(
        "2.5.13.15",
        "integerOrderingMatch",
        Purpose::Ordering,
        Form::Integer,
        INTEGER,
    ),
    rule(
        "2.5.13.16",
        "bitStringMatch",
        Purpose::Equality,
        Form::Bits,
        BIT_STRING,
    ),
    rule(
        "2.5.13.17",
        "octetStringMatch",
        Purpose::Equality,
        Form::Octets,
        OCTET_STRING,
    ),
    rule(
        "2.5.13.18",
        "octetStringOrderingMatch",
        Purpose::Ordering,
        Form::Octets,
        OCTET_STRING,
    ),
    rule(
        "2.5.13.20",
        "telephoneNumberMatch",
        Purpose::Equality,
        Form::Telephone,
        TELEPHONE_NUMBER,
    ),
    rule(
        "2.5.13.21",
        "telephoneNumberSubstringsMatch",
        Purpose::Substrings,
        Form::Telephone,
        SUBSTRING_ASSERTION,
    ),
    rule(
        "2.5.13.23",
        "uniqueMemberMatch",
        Purpose::Equality,
        Form::NameAndUid,
        NAME_AND_UID,
    ),
    rule(
        "2.5.13.27",
        "generalizedTimeMatch",
        Purpose::Equality,
        Form::Time,
        GENERALIZED_TIME,
    ),
    rule(
        "2.5.13.28",
        "generalizedTimeOrderingMatch",
        Purpose::Ordering,
        Form::Time,
        GENERALIZED_TIME,
    ),
    rule(
        "2.5.13.29",
        "integerFirstComponentMatch",
        Purpose::Equality,
        Form::FirstInteger,
        INTEGER,
    ),
    rule(
        "2.5.13.30",
        "objectIdentifierFirstComponentMatch",
        Purpose::Equality,
        Form::FirstOid,
        OID,
    ),
    rule(
        "1.3.6.1.4.1.1466.109.114.1",
        "caseExactIA5Match",
        Purpose::Equality,
        Form::CaseExactIa5,
        IA5_STRING,
    ),
    rule(
        "1.3.6.1.4.1.1466.109.114.2",
        "caseIgnoreIA5Match",
        Purpose::Equality,
        Form::CaseIgnoreIa5,
        IA5_STRING,
    ),
    rule(
        "1.3.6.1.4.1.1466.109.114.3",
        "caseIgnoreIA5SubstringsMatch",
        Purpose::Substrings,
        Form::CaseIgnoreIa5,
        SUBSTRING_ASSERTION,
    ),
    rule(
        "1.3.6.1.4.1.4203.1.2.1",
        "caseExactIA5SubstringsMatch",
        Purpose::Substrings,
        Form::CaseExactIa5,
        SUBSTRING_ASSERTION,
    ),
    rule("1.3.6.1.1.16.2", "uuidMatch", Purpose::Equality, Form::Uuid, UUID),
    rule(
        "1.3.6.1.1.16.3",
        "uuidOrderingMatch",
        Purpose::Ordering,
        Form::Uuid,
        UUID,
    ),
    rule(
        "1.2.840.113556.1.4.803",
        "integerBitAndMatch",
        Purpose::AllBits,
        Form::Integer,
        INTEGER,
    ),
    rule(
        "1.2.840.113556.1.4.804",
        "integerBitOrMatch",
        Purpose::AnyBit,
        Form::Integer,
        INTEGER,
    ),
    rule(
        "1.2.840.113556.1.4.1941",
        "distinguishedNameInChainMatch",
        Purpose::InChain,
        Form::Dn,
        DN,
    ),
];
