//! How much of the disk a store takes, and how much of that it needs.

/// From how many times what it holds on a store should be compacted.
pub const WASTE_RATIO_MAX: u64 = 3;
/// Below so many bytes on the disk the ratio says nothing: the engine's files have a least size.
pub const WASTE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// What a store takes of its disk and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes the engine takes on the disk.
    pub disk_bytes: u64,
    /// Bytes of keys and values of all records.
    pub live_bytes: u64,
    /// Bytes of the change log.
    pub logged_bytes: u64,
}

impl Space {
    /// Bytes it holds: records and change log.
    pub fn held_bytes(&self) -> u64 {
        self.live_bytes + self.logged_bytes
    }

    /// Whether the store takes so much more than it holds that it should be compacted.
    pub fn is_wasteful(&self) -> bool {
        self.disk_bytes >= WASTE_BYTES_MIN
            && self.disk_bytes > self.held_bytes().saturating_mul(WASTE_RATIO_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waste_is_more_than_three_times_what_is_held_and_no_trifle() {
        let check = |disk_mib: u64, live_mib: u64, logged_mib: u64, expected: bool| {
            let space = Space {
                disk_bytes: disk_mib << 20,
                live_bytes: live_mib << 20,
                logged_bytes: logged_mib << 20,
            };
            assert_eq!(space.is_wasteful(), expected, "{space:?}");
        };
        check(63, 1, 0, false);
        check(64, 1, 0, true);
        check(300, 60, 40, false);
        check(301, 60, 40, true);
    }
}
