//! Layer 0: the words every other layer speaks. No IO, no clock, no policy.

pub mod attribute;
pub mod dn;
pub mod dn_text;
pub mod entropy;
pub mod entry_id;
pub mod local_user;
pub mod mail_address;
pub mod network;
pub mod normal_dn;
pub mod secret;
pub mod source_group;
pub mod time;
pub mod uid;
pub mod visible;

pub use attribute::{AttributeSet, AttributeType};
pub use dn::{Ava, Dn, DnError, Rdn};
pub use entropy::{Entropy, SeededEntropy};
pub use entry_id::EntryId;
pub use local_user::LocalUser;
pub use mail_address::MailAddress;
pub use network::IpNet;
pub use normal_dn::{NormalDn, NormalDnRef};
pub use secret::{Pin, PinHash, SharedSecret};
pub use source_group::{Caller, SourceGroup};
pub use time::Timestamp;
pub use uid::Uid;
pub use visible::visible;
