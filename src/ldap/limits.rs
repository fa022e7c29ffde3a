//! How much one client may ask for at once.

/// The deepest nesting of BER elements in a message; a deeper one gets `adminLimitExceeded`. Above
/// [`FILTER_DEPTH_MAX`](crate::domain::filter::FILTER_DEPTH_MAX) and what stands around and in a filter.
pub const NESTING_MAX: usize = 64;

/// The most attributes one search may ask for by name; classes (RFC 4529) taken apart; more get
/// `adminLimitExceeded`. Real clients ask for about forty.
pub const SELECTED_ATTRIBUTES_MAX: usize = 512;

/// How large and how intricate a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// The longest message in bytes, header included. A longer one closes the connection before it is read.
    pub bytes_max: usize,
    /// The most BER elements in a message; more get `adminLimitExceeded`.
    pub elements_max: usize,
    /// The most controls on a message; more get `adminLimitExceeded`.
    pub controls_max: usize,
}

/// The limits of strangers and of those who have logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection nobody has logged in on.
    pub anonymous: MessageLimits,
    /// For everybody else.
    pub authenticated: MessageLimits,
}

impl Default for Limits {
    fn default() -> Limits {
        let anonymous = MessageLimits {
            bytes_max: 64 * 1024,
            elements_max: 1_000,
            controls_max: 64,
        };
        let authenticated = MessageLimits {
            bytes_max: 1024 * 1024,
            elements_max: 100_000,
            ..anonymous
        };
        Limits {
            anonymous,
            authenticated,
        }
    }
}
