//! Two directories that differ only in what somebody may not know answer them with the same bytes, whatever is asked: to
//! searches, in whatever order and pages, to comparisons, to writes right and wrong with what is read before and after
//! them, and in what an error says.
//!
//! What differs: values that the asker may neither read nor ask about, values that their owner has closed, whole entries
//! and what is below others, and who is in which group. The writes are carried out in both, so that they drift apart in
//! nothing but that.

mod ber;
mod requests;
mod rows;
mod twin;

use beadle::types::SeededEntropy;

use requests::Requests;
use rows::Knowledge;
use twin::Twin;

/// What came of the requests, so that a test can tell that they were worth it.
#[derive(Default)]
struct Tally {
    entries: usize,
    codes: std::collections::BTreeMap<i64, usize>,
}

fn check(knowledge: Knowledge, seeds: std::ops::Range<u64>, requests: usize) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let mut twins = [1, 2].map(|which| Twin::new(knowledge, seed, which));
        let mut generated = Requests::new(SeededEntropy::new(seed), knowledge);
        for at in 0..requests {
            let (said, request) = generated.next();
            let mut cookies = [Vec::new(), Vec::new()];
            for page in 0..requests::PAGES_MAX {
                let [first, second] = [0, 1].map(|which| {
                    let asked = request.with_cookie(&cookies[which]);
                    twins[which].answer(&asked)
                });
                assert!(
                    first.told == second.told && first.took == second.took,
                    "{said}, page {page}\nas {knowledge:?}, seed {seed}, request {at}\n{}\n{}",
                    first.beside(&second),
                    second.beside(&first)
                );
                tally.entries += first.entries;
                *tally.codes.entry(first.code).or_default() += 1;
                cookies = [first.cookie, second.cookie];
                if cookies.iter().all(Vec::is_empty) {
                    break;
                }
            }
        }
    }
    tally
}

impl Tally {
    fn has(&self, code: i64) -> usize {
        self.codes.get(&code).copied().unwrap_or_default()
    }

    fn shows(&self, entries_min: usize, codes: &[i64]) {
        let missing = codes.iter().find(|code| self.has(**code) < 5);
        assert!(
            self.entries > entries_min && missing.is_none(),
            "requests that come to nothing prove nothing: {} entries, {:?}",
            self.entries,
            self.codes
        );
    }
}

#[test]
fn a_stranger_is_told_the_same_by_directories_that_look_the_same_to_them() {
    let tally = check(Knowledge::Public, 0..4, 1200);
    // Success, compared, no attribute, no entry, log in first, assertion failed.
    tally.shows(500, &[0, 5, 6, 16, 32, 8, 122]);
}

#[test]
fn a_member_is_told_the_same_by_directories_that_look_the_same_to_them() {
    let tally = check(Knowledge::Member, 0..4, 1200);
    tally.shows(500, &[0, 5, 6, 16, 20, 32, 50, 122]);
}

#[test]
fn a_service_with_few_rights_is_told_the_same_by_directories_that_look_the_same_to_it() {
    let tally = check(Knowledge::Service, 0..4, 1200);
    tally.shows(500, &[0, 5, 6, 16, 32, 50, 65, 68, 122]);
}
