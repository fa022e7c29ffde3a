//! What a question may cost.

/// What a search may cost; 0 is no limit. Root is exempt from all but the time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// The most entries of an answer to a stranger; one more ends the search with `SizeLimitExceeded`.
    pub entries_max_public: u64,
    /// The same for a member.
    pub entries_max_member: u64,
    /// The same for a service.
    pub entries_max_service: u64,
    /// The most entries that are looked at; one more ends the search with `AdminLimitExceeded`.
    pub candidates_max: u64,
    /// The most seconds from the request to the last entry; later it ends with `TimeLimitExceeded`.
    pub time_limit_s: u64,
}
