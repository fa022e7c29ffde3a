//! `[hashing]` and `[lockout]`.

use super::Checker;
use crate::config::raw::{Field, Raw, RawHashing, RawLockout};
use crate::directory::login::authenticate::{LoginPolicy, UpgradeOnLogIn};
use crate::domain::lockout::LockoutPolicy;
use crate::domain::pin::{Hashing, HashingError};
use crate::server::login::LoginSettings;

/// Memory of one hash below which a warning is due, in KiB: the least that OWASP names for two passes.
pub const HASH_MEMORY_KIB_GOOD: u32 = 19_456;

impl Checker<'_> {
    pub(super) fn log_in(&self, raw: &Raw) -> LoginSettings {
        /// Longer than this and clients have given up.
        const FLOOR_MS: u64 = 5_000;
        let default = LoginSettings::default();
        let hashing = &raw.hashing;
        LoginSettings {
            policy: LoginPolicy {
                lockout: self.lockout(&raw.lockout),
                hashing: self.hashing(hashing),
                upgrade: upgrade(&hashing.upgrade_on_log_in),
            },
            verified_s: self.number(&hashing.verified_cache_s, default.verified_s, 0..=3_600),
            refusal_floor_ms: self.number(&hashing.refusal_floor_ms, default.refusal_floor_ms, 0..=FLOOR_MS),
            threads: self.count(&hashing.threads, default.threads, 0..=1_024),
            queue_max: self.count(&hashing.queue_max, default.queue_max, 1..=1_000_000),
        }
    }

    fn hashing(&self, raw: &RawHashing) -> Hashing {
        let default = Hashing::default();
        let any = 0..=u32::MAX;
        let memory_kib = self.small_number(&raw.memory_kib, default.memory_kib(), any.clone());
        let iterations = self.small_number(&raw.iterations, default.iterations(), any.clone());
        let parallelism = self.small_number(&raw.parallelism, default.parallelism(), any);
        if let (Some(written), true) = (&raw.memory_kib, memory_kib < HASH_MEMORY_KIB_GOOD) {
            let right = format!("write {HASH_MEMORY_KIB_GOOD} or more");
            self.warning(
                &written.span(),
                "so little memory makes stolen hashes cheap to guess",
                right,
            );
        }
        let each = [
            Hashing::new(memory_kib, 1, 1),
            Hashing::new(HASH_MEMORY_KIB_GOOD, iterations, 1),
            Hashing::new(HASH_MEMORY_KIB_GOOD, 1, parallelism),
        ];
        let mut wrong: Vec<HashingError> = each.into_iter().filter_map(Result::err).collect();
        let together = Hashing::new(memory_kib, iterations, parallelism);
        if let (true, Err(error)) = (wrong.is_empty(), &together) {
            wrong.push(*error);
        }
        wrong.into_iter().for_each(|error| self.hashing_error(raw, error));
        together.unwrap_or(default)
    }

    /// Reports `error` at the key it is about, or at the key that made the other's default wrong.
    fn hashing_error(&self, raw: &RawHashing, error: HashingError) {
        let named = match error {
            HashingError::Memory => &raw.memory_kib,
            HashingError::Iterations => &raw.iterations,
            HashingError::Parallelism => &raw.parallelism,
        };
        let any = [named, &raw.memory_kib, &raw.iterations, &raw.parallelism];
        if let Some(written) = any.into_iter().flatten().next() {
            self.error(&written.span(), "an impossible cost", error.to_string());
        }
    }

    fn lockout(&self, raw: &RawLockout) -> LockoutPolicy {
        // NIST SP 800-63B section 3.2.2: never more than 100.
        const FAILURES: std::ops::RangeInclusive<u32> = 0..=100;
        const SECONDS: std::ops::RangeInclusive<u64> = 1..=31_536_000;
        let default = LockoutPolicy::default();
        self.lockout_is_on(&raw.failures_max);
        self.lockout_is_on(&raw.failures_all_max);
        LockoutPolicy {
            failures_max: self.small_number(&raw.failures_max, default.failures_max, FAILURES),
            failures_all_max: self.small_number(&raw.failures_all_max, default.failures_all_max, FAILURES),
            lock_s: self.number(&raw.lock_s, default.lock_s, SECONDS),
            forget_s: self.number(&raw.forget_s, default.forget_s, SECONDS),
            trusted_s: self.number(&raw.trusted_s, default.trusted_s, 0..=*SECONDS.end()),
        }
    }

    fn lockout_is_on(&self, written: &Field<u64>) {
        if let Some(written) = written.as_ref().filter(|written| *written.get_ref() == 0) {
            self.warning(&written.span(), "PINs can be guessed for ever", "write 1 to 100");
        }
    }
}

fn upgrade(written: &Field<bool>) -> UpgradeOnLogIn {
    match written.as_ref().is_none_or(|written| *written.get_ref()) {
        true => UpgradeOnLogIn::Yes,
        false => UpgradeOnLogIn::No,
    }
}
