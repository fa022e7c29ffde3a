//! A user of this machine.

/// Who is at the other end of a Unix socket, as the system knows it (`SO_PEERCRED`, unix(7)) of the moment it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// The system's number of the user.
    pub user: u32,
    /// That of the group its process ran as.
    pub group: u32,
}

impl LocalUser {
    /// The name (RFC 4514) it has in the directory, where it has no entry: the one that slapd gives, which is what
    /// administrators know.
    pub fn dn_text(&self) -> String {
        let LocalUser { user, group } = self;
        format!("gidNumber={group}+uidNumber={user},cn=peercred,cn=external,cn=auth")
    }
}
