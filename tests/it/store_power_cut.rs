//! A power cut under a disk with a volatile cache: what an fdatasync has covered is there, and of every page
//! written since then either all or nothing, in any order. A kill shows none of this.

use std::path::Path;

use beadle::store::{SledSettings, Store};
use beadle::types::{Entropy, SeededEntropy};

use crate::store_crash::{check, copy_store, numbered, open, settings};

const PAGE_BYTES: usize = 4096;
/// Commits before the first cut, so that the engine uses its segments again.
const WARM_UP: u64 = 2000;
const ROUNDS: u64 = 25;
/// Cuts a round.
const CUTS: usize = 4;

/// The file with some of the pages that were written between the two.
fn cut(before: &[u8], after: &[u8], entropy: &mut SeededEntropy) -> Vec<u8> {
    let mut left = before.to_vec();
    left.resize(after.len(), 0);
    for (left, after) in left.chunks_mut(PAGE_BYTES).zip(after.chunks(PAGE_BYTES)) {
        let mut coin = [0];
        entropy.fill(&mut coin);
        if coin[0] & 1 == 1 {
            left.copy_from_slice(after);
        }
    }
    left
}

/// The store's files with `database` in the place of the engine's, in `folder`.
fn plant(original: &SledSettings, database: &[u8], folder: &Path) -> SledSettings {
    let _ = std::fs::remove_dir_all(folder.join("store"));
    copy_store(&original.path, &folder.join("store"));
    std::fs::write(folder.join("store/sled/db"), database).unwrap();
    settings(folder)
}

#[tokio::test]
async fn whichever_pages_a_power_cut_takes_the_store_opens_and_has_what_was_acknowledged() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (original, mut entropy) = (settings(folder.path()), SeededEntropy::new(11));
    let store = open(&original).unwrap();
    let mut number = 0;
    let (mut fewest, mut most) = (u64::MAX, 0);
    for round in 0..=ROUNDS {
        let commits = if round == 0 { WARM_UP } else { 1 + round * 3 % 40 };
        let before = (number, std::fs::read(original.path.join("sled/db")).unwrap());
        let mut together = Vec::new();
        for _ in 0..commits {
            number += 1;
            together.push(store.submit(numbered(number)).await.unwrap());
            // Some wait alone for their flush, some with others.
            if number % 3 == 0 {
                for ticket in together.drain(..) {
                    ticket.await.unwrap();
                }
            }
        }
        for ticket in together {
            ticket.await.unwrap();
        }
        if round == 0 {
            continue;
        }
        let after = std::fs::read(original.path.join("sled/db")).unwrap();
        for _ in 0..CUTS {
            let planted = plant(&original, &cut(&before.1, &after, &mut entropy), copy.path());
            let found = check(&planted, before.0).await;
            assert!(found <= number);
            (fewest, most) = (fewest.min(found - before.0), most.max(found - before.0));
        }
    }
    assert!(
        fewest < most,
        "some cuts took more than others: {fewest} to {most}"
    );
}
