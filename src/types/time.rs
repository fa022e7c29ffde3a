//! Moments, as the server's clock stamps them and as LDAP writes them.

use std::fmt;

/// A moment: milliseconds since 1970-01-01T00:00:00Z. Leap seconds are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `unix_ms` milliseconds after the epoch.
    pub const fn from_unix_ms(unix_ms: u64) -> Timestamp {
        Timestamp(unix_ms)
    }

    /// Milliseconds since the epoch.
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// The moment `ms` milliseconds later; at the end of time, the end of time.
    pub const fn plus_ms(self, ms: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }

    /// The moment `s` seconds later; at the end of time, the end of time.
    pub const fn plus_s(self, s: u64) -> Timestamp {
        self.plus_ms(s.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to this moment; 0 if `earlier` is later.
    pub const fn ms_since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// GeneralizedTime in UTC to the second, such as `20261122093000Z` (RFC 4517 section 3.3.13).
    pub fn generalized_time(self) -> GeneralizedTime {
        GeneralizedTime(self)
    }

    /// RFC 3339 in UTC with milliseconds, such as `2026-11-22T09:30:00.123Z`, for logs.
    pub fn rfc3339(self) -> Rfc3339 {
        Rfc3339(self)
    }

    /// Year, month, day, hour, minute, second in the proleptic Gregorian calendar, UTC.
    fn civil(self) -> (i16, i8, i8, i8, i8, i8) {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        let civil = jiff::tz::TimeZone::UTC.to_datetime(moment);
        (
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second(),
        )
    }
}

/// Prints a [`Timestamp`] as GeneralizedTime.
#[derive(Clone, Copy, Debug)]
pub struct GeneralizedTime(Timestamp);

impl fmt::Display for GeneralizedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second) = self.0.civil();
        write!(f, "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
    }
}

/// Prints a [`Timestamp`] as RFC 3339.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339(Timestamp);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second) = self.0.civil();
        let ms = self.0.0 % 1000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_print_as_ldap_and_as_logs_write_them() {
        let moment = Timestamp::from_unix_ms(1_795_339_800_123);
        assert_eq!(moment.generalized_time().to_string(), "20261122093000Z");
        assert_eq!(moment.rfc3339().to_string(), "2026-11-22T09:30:00.123Z");
        assert_eq!(
            Timestamp::default().generalized_time().to_string(),
            "19700101000000Z"
        );
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let end = Timestamp::from_unix_ms(u64::MAX).plus_s(1);
        assert_eq!(end.generalized_time().to_string().len(), 15);
    }
}
