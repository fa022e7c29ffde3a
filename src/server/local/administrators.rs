//! Which users of this machine are administrators, without a PIN.

use crate::server::local::users;
use crate::types::LocalUser;

/// Root, the user the daemon runs as (who can write the store itself), and the members of a group if one is named. Not
/// by default the daemon's own group: where it is run by hand that may be one that everybody is in.
#[derive(Clone, Debug, Default)]
pub struct Administrators {
    /// The daemon's own user, if the system tells.
    own: Option<u32>,
    group: Option<String>,
}

const ROOT: u32 = 0;

impl Administrators {
    /// With the members of `group`, which is looked up anew each time it matters.
    pub fn with_group(group: Option<String>) -> Administrators {
        Administrators {
            own: users::own_user().ok(),
            group,
        }
    }

    /// Whether `user` is one. Reads files if a group has to be asked for.
    pub fn include(&self, user: LocalUser) -> bool {
        let in_group = |group: &String| users::is_member(user, group);
        user.user == ROOT || Some(user.user) == self.own || self.group.as_ref().is_some_and(in_group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_daemons_own_user_are_administrators_and_others_by_their_group_only() {
        let own = users::own_user().unwrap();
        // Numbers that no file of this machine gives to anybody.
        let stranger = LocalUser {
            user: u32::MAX - 7,
            group: u32::MAX - 7,
        };
        let as_user = |user| LocalUser { user, ..stranger };
        let administrators = Administrators::with_group(None);
        assert!(administrators.include(as_user(ROOT)) && administrators.include(as_user(own)));
        assert!(!administrators.include(stranger));
        assert!(!administrators.include(LocalUser { group: 0, ..stranger }));
        // The one group that every machine has (Debian's policy, section 9.2.2).
        let administrators = Administrators::with_group(Some("root".to_owned()));
        assert!(administrators.include(LocalUser { group: 0, ..stranger }));
        assert!(!administrators.include(stranger));
    }
}
