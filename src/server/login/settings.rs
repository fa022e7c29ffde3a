//! How log-ins are served.

use std::time::Duration;

use crate::directory::login::authenticate::LoginPolicy;
use crate::server::login::hash_pool::PoolSettings;

/// How log-ins are served: `[hashing]`, `[lockout]` and `[login]` in the configuration.
#[derive(Clone, Copy, Debug)]
pub struct LoginSettings {
    /// What they are judged by.
    pub policy: LoginPolicy,
    /// For how many seconds a right PIN is remembered; 0 = never.
    pub verified_s: u64,
    /// No refusal, and no [`Verdict::Busy`](crate::directory::request::Verdict::Busy), is answered sooner than so many
    /// milliseconds after it was asked for. Above what the slowest check takes, nothing can be told from the time of a
    /// refusal; 0 = at once.
    pub refusal_floor_ms: u64,
    /// How many threads hash; 0 = one per core.
    pub threads: usize,
    /// How many log-ins may wait for them; one more is [`Verdict::Busy`](crate::directory::request::Verdict::Busy).
    pub queue_max: usize,
}

/// The longest that a log-in waits to hear which sources are known, in milliseconds.
const RECALL_MS_MAX: u64 = 25;

impl LoginSettings {
    /// How long a log-in waits to hear which sources are known: so little of the time of a refusal that nobody can
    /// tell from it that there was something to wait for.
    pub(super) fn recall_within(&self) -> Duration {
        let quarter = match self.refusal_floor_ms {
            0 => RECALL_MS_MAX,
            floor => floor / 4,
        };
        Duration::from_millis(quarter.min(RECALL_MS_MAX))
    }

    pub(super) fn pool(&self) -> PoolSettings {
        PoolSettings {
            threads: self.threads,
            queue_max: self.queue_max,
            hashing: self.policy.hashing,
        }
    }
}

impl Default for LoginSettings {
    fn default() -> LoginSettings {
        let pool = PoolSettings::default();
        LoginSettings {
            policy: LoginPolicy::default(),
            verified_s: 60,
            refusal_floor_ms: 100,
            threads: pool.threads,
            queue_max: pool.queue_max,
        }
    }
}
