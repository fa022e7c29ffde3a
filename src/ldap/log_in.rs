//! What a BindRequest that may be tried comes to, by whatever method.

use crate::directory::request::LoginName;
use crate::types::LocalUser;

/// What is to be done for a bind. Has no `Debug`.
pub enum LogIn<'a> {
    /// A stranger who says so (RFC 4513 section 5.1.1).
    Anonymous,
    /// A name and a PIN to check.
    WithPin(LoginName, &'a [u8]),
    /// A user of this machine, whom the system has identified.
    External(LocalUser),
    /// The mechanism begins with the client, who has said nothing yet (RFC 4513 section 5.2.1.3).
    Challenge,
}
