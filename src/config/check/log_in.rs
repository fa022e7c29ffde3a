//! `[hashing]` and `[lockout]`.

use super::Checker;
use crate::config::raw::{Field, Raw, RawHashing, RawLockout};
use crate::config::settings::{HashPool, Hashing, Lockout, LogIn};

/// Memory of one hash below which a warning is due, in KiB: the least that OWASP names for two passes.
pub const HASH_MEMORY_KIB_GOOD: u32 = 19_456;

impl Checker<'_> {
    pub(super) fn log_in(&self, raw: &Raw) -> LogIn {
        LogIn {
            hashing: self.hashing(&raw.hashing),
            pool: self.hash_pool(&raw.hashing),
            lockout: self.lockout(&raw.lockout),
        }
    }

    fn hashing(&self, raw: &RawHashing) -> Hashing {
        let default = Hashing::default();
        let parallelism = self.small_number(&raw.parallelism, default.parallelism, 1..=64);
        // RFC 9106 section 3.1: at least 8 KiB a lane.
        let memory = 8 * parallelism..=4 * 1024 * 1024;
        let hashing = Hashing {
            memory_kib: self.small_number(&raw.memory_kib, default.memory_kib, memory),
            iterations: self.small_number(&raw.iterations, default.iterations, 1..=1_000),
            parallelism,
            upgrade_on_log_in: self.switch(&raw.upgrade_on_log_in, default.upgrade_on_log_in),
        };
        if let (Some(written), true) = (&raw.memory_kib, hashing.memory_kib < HASH_MEMORY_KIB_GOOD) {
            self.warning(
                &written.span(),
                "so little memory makes stolen hashes cheap to guess",
                format!("write {HASH_MEMORY_KIB_GOOD} or more"),
            );
        }
        hashing
    }

    fn hash_pool(&self, raw: &RawHashing) -> HashPool {
        let default = HashPool::default();
        HashPool {
            threads: self.number(&raw.threads, default.threads, 0..=1_024),
            queue_max: self.number(&raw.queue_max, default.queue_max, 1..=1_000_000),
            verified_cache_s: self.number(&raw.verified_cache_s, default.verified_cache_s, 0..=3_600),
        }
    }

    fn lockout(&self, raw: &RawLockout) -> Lockout {
        let default = Lockout::default();
        Lockout {
            // NIST SP 800-63B section 3.2.2: never more than 100.
            failures_max: self.small_number(&raw.failures_max, default.failures_max, 1..=100),
            lock_s: self.number(&raw.lock_s, default.lock_s, 1..=31_536_000),
        }
    }

    fn switch(&self, written: &Field<bool>, default: bool) -> bool {
        written.as_ref().map_or(default, |written| *written.get_ref())
    }
}
