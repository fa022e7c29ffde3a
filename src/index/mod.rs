//! Layer 3: the whole directory in memory, immutable, searched without a lock.
