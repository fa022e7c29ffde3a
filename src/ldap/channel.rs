//! What a connection runs over.

use crate::types::LocalUser;

/// How well a connection keeps what is said on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Nobody can listen.
    Tls,
    /// A Unix socket: nobody can listen, and the system says who is at the other end.
    Local(LocalUser),
    /// In clear, but from where the operator allows simple binds in clear.
    TrustedCleartext,
    /// In clear: a simple bind is refused before its PIN is looked at.
    Cleartext,
}
