//! The users and groups of this machine, as its own files name them (passwd(5), group(5)).
//!
//! Never asked for by way of the system's name services: those may well ask a directory, and that one be this daemon,
//! which would then wait for itself.

use std::io;

use crate::types::LocalUser;

const USERS: &str = "/etc/passwd";
/// Where the groups are.
pub const GROUPS: &str = "/etc/group";

/// The system's number of the user this process writes as: the second one of what proc(5) says. Not the owner of
/// `/proc/self`, which is root where the program has been given capabilities by setcap(8). Errors: the system's.
pub fn own_user() -> io::Result<u32> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let effective = users.and_then(|users| users.split_whitespace().nth(1)?.parse().ok());
    effective.ok_or_else(|| io::Error::other("/proc/self/status does not say which user this is"))
}

/// The name of a user; the number if it has none.
pub fn user_name(user: u32) -> String {
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    name_in(&users, user).map_or(user.to_string(), Into::into)
}

/// Whether `user` is in the group called `group`: its process runs as that group, or the group's line names the user.
/// Where the files cannot be read nobody is.
pub fn is_member(user: LocalUser, group: &str) -> bool {
    let (users, groups) = (std::fs::read_to_string(USERS), std::fs::read_to_string(GROUPS));
    matches!((users, groups), (Ok(users), Ok(groups)) if is_member_in(&users, &groups, user, group))
}

/// The number of the group called `group` in the text of group(5), and its members, between commas.
pub fn group_in<'a>(groups: &'a str, group: &str) -> Option<(u32, &'a str)> {
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    match *lines.find(|fields| fields.first() == Some(&group))? {
        [_, _, number, members] => Some((number.parse().ok()?, members)),
        _ => None,
    }
}

fn is_member_in(users: &str, groups: &str, user: LocalUser, group: &str) -> bool {
    group_in(groups, group).is_some_and(|(number, members)| {
        let by_name = |name| members.split(',').any(|one| one == name);
        number == user.group || name_in(users, user.user).is_some_and(by_name)
    })
}

fn name_in(users: &str, user: u32) -> Option<&str> {
    let mut lines = users.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(user)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    const USERS: &str =
        "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\nbeadle:x:990:eve,ada\nhalf:x:991\n:x:992:\n";

    #[test]
    fn a_user_is_in_a_group_by_its_process_or_by_name_and_not_otherwise() {
        let is_member = |user, group, name| is_member_in(USERS, GROUPS, LocalUser { user, group }, name);
        assert!(is_member(1000, 1000, "beadle"), "by name");
        assert!(is_member(1001, 990, "beadle"), "by what its process runs as");
        assert!(!is_member(1001, 1001, "beadle"));
        assert!(!is_member(4711, 1000, "beadle"), "a user without a name");
        assert!(!is_member(1000, 991, "half"), "a line that is none");
        assert!(!is_member(1000, 992, "nosuch") && !is_member(1000, 1000, "bead"));
        assert!(!is_member_in(
            "",
            "beadle:x:990:\n:x:1:",
            LocalUser { user: 5, group: 5 },
            "beadle"
        ));
    }

    #[test]
    fn a_user_is_called_by_name_if_it_has_one() {
        assert_eq!(name_in(USERS, 1001), Some("bob"));
        assert_eq!(name_in(USERS, 4711), None);
        assert_eq!(user_name(u32::MAX - 7), (u32::MAX - 7).to_string());
    }

    #[test]
    fn what_this_user_makes_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(own_user().unwrap(), folder.path().metadata().unwrap().uid());
    }
}
