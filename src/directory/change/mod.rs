//! What is written: the rules a change must keep.

pub mod unique;
