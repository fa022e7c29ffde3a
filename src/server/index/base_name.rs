//! The name a directory was filled under, kept in its store: entries hold only their own part of their names, so
//! another `base_dn` would silently rename them all.

use thiserror::Error;

use crate::domain::schema::Schema;
use crate::index::Snapshot;
use crate::record::{Batch, Key, Kind, Operation};
use crate::store::{CommitError, Store};
use crate::types::{Dn, Timestamp};

/// The directory was filled under another name than the configuration says.
#[derive(Debug, Error)]
#[error(
    "it is the one of {stored}, and base_dn is {base}; correct base_dn, or export with the old one and import into another folder"
)]
pub struct OtherBase {
    stored: Dn,
    base: Dn,
}

fn key() -> Key {
    Key::new(Kind::Meta, b"base-dn")
}

/// Whether the store remembers `base`; also `false` of an empty directory, which has no name yet
/// (one of which all is set aside has).
/// Errors: [`OtherBase`].
pub fn is_kept(snapshot: &Snapshot, schema: &Schema, base: &Dn) -> Result<bool, OtherBase> {
    // The record never expires, so any moment will do.
    let stored = snapshot.side_record(&key(), Timestamp::default());
    let stored = stored.and_then(|text| Dn::parse(std::str::from_utf8(text).ok()?).ok());
    match stored {
        Some(stored) if schema.normal_dn(&stored) == schema.normal_dn(base) => Ok(true),
        Some(stored) if !snapshot.is_empty() || !snapshot.quarantine().is_empty() => Err(OtherBase {
            stored,
            base: base.clone(),
        }),
        _ => Ok(false),
    }
}

/// Makes the store remember `base`. Errors: [`CommitError`].
pub async fn keep(store: &dyn Store, base: &Dn) -> Result<(), CommitError> {
    let mut batch = Batch::default();
    batch.operations.push(Operation::Put {
        key: key(),
        value: base.to_string().into_bytes().into(),
        expires: None,
    });
    store.commit(batch).await.map(|_| ())
}
