//! Whose a store is: only its owner may write there.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why this process is not to write into a folder.
#[derive(Debug, Error)]
pub enum OwnerError {
    /// It belongs to another user.
    #[error(
        "{} belongs to {name}, who could not use what another user writes there: run this as {name}, such as by \
         `runuser -u {name} -- beadle ...`",
        folder.display()
    )]
    Other {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        name: String,
    },
    /// The system does not say which user this process is.
    #[error("the system does not say which user this is: {0}")]
    Unknown(#[from] io::Error),
}

/// What root writes into the folder of the daemon's user, that user could not read any more. A folder that is not there
/// yet is whoever's makes it. Errors: [`OwnerError`].
pub fn check(folder: &Path) -> Result<(), OwnerError> {
    let Ok(owner) = std::fs::metadata(folder).map(|folder| folder.uid()) else {
        return Ok(());
    };
    match owner == own_user()? {
        true => Ok(()),
        false => Err(OwnerError::Other {
            folder: folder.into(),
            name: user_name(owner),
        }),
    }
}

/// The system's number of the user this process is. Errors: the system's.
pub fn own_user() -> io::Result<u32> {
    Ok(std::fs::metadata("/proc/self")?.uid())
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
