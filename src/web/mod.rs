//! Layer 5: pages over HTTP. So far the two an operator's monitoring asks for.

pub mod admin;
