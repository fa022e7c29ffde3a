//! GeneralizedTime (RFC 4517 section 3.3.13).

/// The most digits of a fraction; a time with more is no value of the syntax here.
pub const FRACTION_DIGITS_MAX: usize = 9;

/// A moment: seconds since year 0 and nanoseconds, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    seconds: i64,
    nanoseconds: u32,
}

impl Moment {
    /// Seconds since year 0 and nanoseconds, big-endian, so that byte order is time order.
    pub fn sortable(self) -> [u8; 12] {
        // Shifted so that the half day before year 0 that a zone can reach still sorts first.
        let seconds = ((self.seconds + DAY_S) as u64).to_be_bytes();
        let nanoseconds = self.nanoseconds.to_be_bytes();
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&seconds);
        bytes[8..].copy_from_slice(&nanoseconds);
        bytes
    }
}

/// The moment that `YYYYMMDDHH[MM[SS]][.fraction](Z|+HH[MM]|-HH[MM])` names; `None` if it is no such text.
pub fn parse(value: &[u8]) -> Option<Moment> {
    let mut reader = Reader { rest: value };
    let year = i64::from(reader.digits(2)?) * 100 + i64::from(reader.digits(2)?);
    let (month, day, hour) = (reader.digits(2)?, reader.digits(2)?, reader.digits(2)?);
    let minute = reader.digits(2);
    let second = minute.and_then(|_| reader.digits(2));
    let unit_s = match (minute, second) {
        (None, _) => HOUR_S,
        (_, None) => MINUTE_S,
        _ => 1,
    };
    let fraction_ns = reader.fraction()? * unit_s;
    let zone_s = reader.zone()?;
    let (minute, second) = (minute.unwrap_or(0), second.unwrap_or(0));
    let good = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !good || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let clock_s = i64::from(hour) * HOUR_S + i64::from(minute) * MINUTE_S + i64::from(second);
    Some(Moment {
        seconds: days_before(year, month, day) * DAY_S + clock_s - zone_s + fraction_ns / SECOND_NS,
        nanoseconds: (fraction_ns % SECOND_NS) as u32,
    })
}

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// So many digits; nothing is consumed if they are not there.
    fn digits(&mut self, count: usize) -> Option<u8> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = rest;
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + (digit - b'0')))
    }

    /// The fraction in billionths; 0 if there is none, `None` if it breaks the grammar.
    fn fraction(&mut self) -> Option<i64> {
        let (b'.' | b',', after) = self.rest.split_first()? else {
            return Some(0);
        };
        let count = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=FRACTION_DIGITS_MAX).contains(&count) {
            return None;
        }
        let (digits, rest) = after.split_at(count);
        self.rest = rest;
        let padding = std::iter::repeat_n(&b'0', FRACTION_DIGITS_MAX - count);
        Some(
            digits
                .iter()
                .chain(padding)
                .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')),
        )
    }

    /// The zone's distance from UTC in seconds; the text must end behind it.
    fn zone(&mut self) -> Option<i64> {
        let (sign, rest) = self.rest.split_first()?;
        self.rest = rest;
        let sign = match sign {
            b'Z' => return self.rest.is_empty().then_some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = self.digits(2)?;
        let minutes = self.digits(2).unwrap_or(0);
        let good = self.rest.is_empty() && hours <= 23 && minutes <= 59;
        good.then_some(sign * (i64::from(hours) * HOUR_S + i64::from(minutes) * MINUTE_S))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the first day of year 0 of the proleptic Gregorian calendar.
fn days_before(year: i64, month: u8, day: u8) -> i64 {
    let earlier = year - 1;
    let leap_days = if year == 0 {
        0
    } else {
        earlier / 4 - earlier / 100 + earlier / 400 + 1
    };
    let months: i64 = (1..month).map(|month| i64::from(days_in(year, month))).sum();
    year * 365 + leap_days + months + i64::from(day) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) {
        assert_eq!(
            parse(a.as_bytes()).unwrap(),
            parse(b.as_bytes()).unwrap(),
            "{a} {b}"
        );
    }

    #[test]
    fn one_moment_has_many_spellings() {
        same("199412161032Z", "19941216103200.0Z");
        same("199412160532-0500", "199412161032Z");
        same("20261122093000+0130", "20261122080000Z");
        same("2026112209.5Z", "20261122093000Z");
        same("202611220930,25Z", "20261122093015Z");
        same("20261231235960Z", "20270101000000Z");
        same("20280229000000-00", "20280229000000Z");
        same(
            "20280301000000+24".replace("24", "23").as_str(),
            "20280229010000Z",
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for wrong in [
            "",
            "20261122",
            "2026112209",
            "20261322093000Z",
            "20260229000000Z",
            "19000229000000Z",
            "20261122240000Z",
            "20261122096000Z",
            "20261122093061Z",
            "20261122093000.Z",
            "20261122093000ZZ",
            "20261122093000+2400",
            "20261122093000.1234567890Z",
            "2026112209300Z",
            "20261122T093000Z",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn byte_order_is_time_order() {
        let times = [
            "00000101000000+2359",
            "00000101000000Z",
            "19991231235959.9Z",
            "20000101000000Z",
            "20000101000000.1Z",
            "20000101000000.11Z",
            "20000301000000Z",
            "99991231235959Z",
        ];
        let sortable = times.map(|time| parse(time.as_bytes()).unwrap().sortable());
        assert!(sortable.is_sorted());
    }
}
