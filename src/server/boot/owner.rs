//! Whose a store is: only its owner may write there.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A folder belongs to another user.
#[derive(Debug, Error)]
#[error(
    "{} belongs to {name}, who could not use what another user writes there: run this as {name}, such as by \
     `runuser -u {name} -- beadle ...`",
    folder.display()
)]
pub struct OtherOwner {
    folder: PathBuf,
    name: String,
}

/// What root writes into the folder of the daemon's user, that user could not read any more. A folder that is not there
/// yet is whoever's makes it. Errors: [`OtherOwner`].
pub fn check(folder: &Path) -> Result<(), OtherOwner> {
    let Ok(owner) = std::fs::metadata(folder).map(|folder| folder.uid()) else {
        return Ok(());
    };
    match own_user() {
        Ok(own) if own != owner => Err(OtherOwner {
            folder: folder.into(),
            name: user_name(owner),
        }),
        // This is against mishaps: where the system does not say who asks, nothing is known to be wrong.
        _ => Ok(()),
    }
}

/// The system's number of the user this process writes as: the second one of what proc(5) says. Not the owner of
/// `/proc/self`, which is root where the program has been given capabilities by setcap(8). Errors: the system's.
pub fn own_user() -> io::Result<u32> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let effective = users.and_then(|users| users.split_whitespace().nth(1)?.parse().ok());
    effective.ok_or_else(|| io::Error::other("/proc/self/status does not say which user this is"))
}

/// The name of a user of this machine (passwd(5)); the number if it has none.
fn user_name(user: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = user.to_string();
    let is_meant = |line: &&str| line.split(':').nth(2) == Some(&*number);
    let name = users
        .lines()
        .find(is_meant)
        .and_then(|line| line.split(':').next());
    name.map_or(number.clone(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_user_makes_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(own_user().unwrap(), folder.path().metadata().unwrap().uid());
        assert!(check(folder.path()).is_ok());
        assert!(check(&folder.path().join("absent")).is_ok());
    }
}
