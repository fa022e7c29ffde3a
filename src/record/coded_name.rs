//! Attribute names that stored entries carry as one byte.

/// Names in the order of their codes. Append only: a position that was ever written means the same name for ever.
/// At most 127 names fit.
pub const CODED_NAMES: &[&str] = &[
    "objectClass",
    "cn",
    "sn",
    "uid",
    "userPassword",
    "mail",
    "givenName",
    "displayName",
    "employeeNumber",
    "employeeType",
    "departmentNumber",
    "ou",
    "telephoneNumber",
    "mobile",
    "title",
    "l",
    "preferredLanguage",
    "roomNumber",
    "entryUUID",
    "createTimestamp",
    "modifyTimestamp",
    "creatorsName",
    "modifiersName",
    "structuralObjectClass",
    "pwdChangedTime",
    "beadleOpenToPublic",
    "beadleNotOpenToPublic",
    "beadleDisabled",
    "beadleClass",
    "beadleAlternateMail",
    "beadleRecoveryMobile",
    "beadleStudentNumber",
    "beadleStaffNumber",
    "uidNumber",
    "gidNumber",
    "homeDirectory",
    "loginShell",
    "gecos",
    "memberUid",
    "member",
    "uniqueMember",
    "owner",
    "description",
    "o",
    "dc",
    "c",
    "st",
    "street",
    "postalAddress",
    "postalCode",
    "seeAlso",
    "manager",
    "secretary",
    "initials",
    "homePhone",
    "facsimileTelephoneNumber",
    "pager",
    "labeledURI",
    "jpegPhoto",
    "userCertificate",
    "carLicense",
    "businessCategory",
    "physicalDeliveryOfficeName",
    "eduPersonAffiliation",
    "eduPersonPrimaryAffiliation",
    "eduPersonScopedAffiliation",
    "eduPersonPrincipalName",
    "eduPersonEntitlement",
    "eduPersonUniqueId",
    "eduPersonAssurance",
    "eduPersonNickname",
    "eduPersonOrcid",
    "schacHomeOrganization",
    "schacHomeOrganizationType",
    "schacPersonalUniqueCode",
    "schacDateOfBirth",
    "schacExpiryDate",
    "beadleImportedHash",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::schema::SCHEMA;

    #[test]
    fn every_name_is_the_canonical_one_and_occurs_once() {
        let schema = &*SCHEMA;
        for (at, name) in CODED_NAMES.iter().enumerate() {
            let kind = schema
                .attribute(name.as_bytes())
                .unwrap_or_else(|| panic!("{name} is in no schema"));
            assert_eq!(schema.name(kind), *name);
            assert_eq!(CODED_NAMES.iter().position(|other| other == name), Some(at));
        }
        assert!(CODED_NAMES.len() <= 127);
    }

    #[test]
    fn codes_that_were_written_keep_their_meaning() {
        for (at, name) in [
            (0, "objectClass"),
            (4, "userPassword"),
            (27, "beadleDisabled"),
            (76, "schacExpiryDate"),
        ] {
            assert_eq!(CODED_NAMES[at], name);
        }
    }
}
