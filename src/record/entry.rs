//! The bytes of a stored entry: version 1, compact, attribute names and not positions.
