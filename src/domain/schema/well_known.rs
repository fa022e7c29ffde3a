//! The attribute types that the server itself reads and writes, found once for each schema.

use crate::domain::schema::text::SchemaFault;
use crate::types::AttributeType;

macro_rules! well_known {
    ($($field:ident: $name:literal,)*) => {
        /// Attribute types that have a meaning of their own here, each called as the schema calls it. `objectClass` is
        /// [`OBJECT_CLASS`](super::OBJECT_CLASS), in every schema.
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs, reason = "each is called as its attribute type is")]
        pub struct WellKnown {
            $(pub $field: AttributeType,)*
        }

        impl WellKnown {
            /// Each as `find` finds it by its name. Errors: what `find` says of the first that is missing.
            pub(super) fn resolve(
                find: impl Fn(&str) -> Result<AttributeType, SchemaFault>,
            ) -> Result<WellKnown, SchemaFault> {
                Ok(WellKnown { $($field: find($name)?,)* })
            }
        }
    };
}

well_known! {
    uid: "uid",
    mail: "mail",
    user_password: "userPassword",
    imported_hash: "beadleImportedHash",
    password_changed_time: "pwdChangedTime",
    disabled: "beadleDisabled",
    open_to_public: "beadleOpenToPublic",
    not_open_to_public: "beadleNotOpenToPublic",
    entry_uuid: "entryUUID",
    create_timestamp: "createTimestamp",
    creators_name: "creatorsName",
    modify_timestamp: "modifyTimestamp",
    modifiers_name: "modifiersName",
    entry_csn: "entryCSN",
    member: "member",
    unique_member: "uniqueMember",
    member_uid: "memberUid",
    member_of: "memberOf",
    entry_dn: "entryDN",
    has_subordinates: "hasSubordinates",
    num_subordinates: "numSubordinates",
    structural_object_class: "structuralObjectClass",
    subschema_subentry: "subschemaSubentry",
}
