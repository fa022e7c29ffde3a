//! What is written: the rules a change must keep, and the one place where entries become batches.
//!
//! [`decide()`](decide::decide) is a pure function of a snapshot, a change, who wants it and the time. What it comes to
//! is a batch with guards on everything it has looked at, so that whoever commits it needs no lock: if the directory has
//! changed meanwhile in any of it, the batch is refused and decided again.
//!
//! The guards: the entry itself; the buckets of its name and of the values that must be unique ([`unique`]); for an
//! entry that is added, the entries above; for one that is removed, the bucket of its children, which every child that is
//! added touches; for one that is newly referred to, it and the entries above; for one that is renamed or removed, or
//! loses a UID, the bucket of its references, which every new one to it or to an entry below it touches.
//!
//! No answer tells what who asks may not know, but for what a right to write cannot do without: who may add entries or
//! rename them learns which names below entries they know of are taken, who may write values that no two entries may share
//! which ones are, who may delete an entry whether another is below it, who may write `objectClass` whether the entry
//! fits its classes, and everybody who writes whether an entry is full.

mod add;
mod claims;
pub mod csn;
pub mod decide;
mod draft;
pub mod ids;
mod modify;
mod naming;
mod pin;
mod reading;
mod references;
mod remove;
mod rename;
mod stamp;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod unique;
mod unseen;

pub use claims::holder;
pub use stamp::random_uuid;
