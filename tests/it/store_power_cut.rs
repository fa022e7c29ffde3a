//! A power cut under a disk with a volatile cache: what an fdatasync has covered is there, and of every page
//! written since then either all or nothing, in any order. A kill shows none of this.

use std::path::Path;
use std::time::Duration;

use beadle::record::Batch;
use beadle::store::Store;
use beadle::store::sled::{SledSettings, SledStore};
use beadle::types::{Entropy, SeededEntropy};

use crate::store_battery::{batch, contents, put};
use crate::store_crash::{check, copy_store, number_in, numbered, open, settings};

const PAGE_BYTES: usize = 4096;
/// Commits before the first cut, so that the engine uses its segments again.
const WARM_UP: u64 = 2000;
const ROUNDS: u64 = 25;
/// Cuts a round.
const CUTS: usize = 4;

/// The file with some of the pages that were written between the two.
pub fn cut(before: &[u8], after: &[u8], entropy: &mut SeededEntropy) -> Vec<u8> {
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

/// The store's files with `database` in the place of the engine's, in `folder`. None of them may be a blob, which
/// nothing here takes away.
fn plant(original: &SledSettings, database: &[u8], folder: &Path) -> SledSettings {
    let _ = std::fs::remove_dir_all(folder.join("store"));
    copy_store(&original.path, &folder.join("store"));
    let blobs = std::fs::read_dir(folder.join("store/sled/blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
    std::fs::write(folder.join("store/sled/db"), database).unwrap();
    settings(folder)
}

fn database(store: &SledSettings) -> Vec<u8> {
    std::fs::read(store.path.join("sled/db")).unwrap()
}

/// Settings with which a group of commits waits until the one has come that somebody waits for.
fn patient(folder: &Path) -> SledSettings {
    SledSettings {
        soon_delay: Duration::from_secs(600),
        ..settings(folder)
    }
}

/// Commits the batches `numbers` in one group: nobody waits for any but the last.
async fn commit_together(
    store: &SledStore,
    numbers: std::ops::RangeInclusive<u64>,
    make: impl Fn(u64) -> Batch,
) {
    for number in *numbers.start()..*numbers.end() {
        store.commit_soon(make(number)).await.unwrap();
    }
    store.commit(make(*numbers.end())).await.unwrap();
}

#[tokio::test]
async fn whichever_pages_a_power_cut_takes_the_store_opens_and_has_what_was_acknowledged() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (original, mut entropy) = (patient(folder.path()), SeededEntropy::new(11));
    let store = open(&original).unwrap();
    commit_together(&store, 1..=WARM_UP, numbered).await;
    let mut number = WARM_UP;
    let (mut fewest, mut most) = (u64::MAX, 0);
    for round in 0..ROUNDS {
        let before = database(&original);
        let commits = 1 + round * 3 % 40;
        commit_together(&store, number + 1..=number + commits, numbered).await;
        let after = database(&original);
        for _ in 0..CUTS {
            let planted = plant(&original, &cut(&before, &after, &mut entropy), copy.path());
            let found = check(&planted, number).await;
            assert!(found <= number + commits);
            (fewest, most) = (fewest.min(found - number), most.max(found - number));
        }
        number += commits;
    }
    assert!(
        fewest < most,
        "some cuts took more than others: {fewest} to {most}"
    );
}

/// As an import writes them: so many records of the size of a person.
const RECORDS: u64 = 50;

fn import_batch(number: u64) -> Batch {
    let person = |at| put(&format!("{number:06} {at:02}"), vec![number as u8; 700]);
    let number = put("number", number.to_be_bytes());
    let puts: Vec<_> = (0..RECORDS).map(person).chain([number]).collect();
    batch(puts)
}

#[tokio::test]
async fn a_power_cut_within_an_import_leaves_whole_batches() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut entropy = SeededEntropy::new(13);
    let original = patient(folder.path());
    let store = open(&original).unwrap();
    let mut number = 0;
    for commits in [25; 12].into_iter().chain([2, 8, 12, 16, 20, 25, 28]) {
        let before = database(&original);
        commit_together(&store, number + 1..=number + commits, import_batch).await;
        let after = database(&original);
        for _ in 0..CUTS {
            let planted = plant(&original, &cut(&before, &after, &mut entropy), copy.path());
            let store = open(&planted).unwrap();
            let found = number_in(&store).await;
            assert!(
                (number..=number + commits).contains(&found),
                "{found} of {number}"
            );
            let records = contents(&store, b"").await.1.len() as u64;
            assert_eq!(
                records,
                found * RECORDS + u64::from(found > 0),
                "{commits} commits"
            );
        }
        number += commits;
    }
}
