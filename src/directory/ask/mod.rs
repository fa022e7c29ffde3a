//! What is read: searches and comparisons, cut down to what the asker may know of.

mod assertion;
mod belonging;
mod chain;
pub mod compare;
pub mod computed;
pub(super) mod directory;
pub mod explain;
pub mod limits;
mod plan;
pub mod search;
pub mod selection;
mod sort_room;
