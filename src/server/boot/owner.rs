//! Whose a store is: only its owner may write there.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::server::local::users::{own_user, user_name};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_user_makes_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(folder.path()).is_ok());
        assert!(check(&folder.path().join("absent")).is_ok());
    }
}
