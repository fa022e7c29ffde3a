//! Durable commits through the store, and what one `fdatasync` costs here.

use std::io::{Error, Result, Write};
use std::sync::Arc;
use std::time::Instant;

use beadle::record::{Batch, Key, Kind, Operation};
use beadle::store::Store;
use beadle::store::sled::{SledSettings, SledStore};
use beadle::types::SeededEntropy;

use crate::Options;

/// `commits --dir DIR --writers N`: single-record commits of 600 bytes, each awaited by its writer.
pub fn commits(options: &Options) -> Result<()> {
    let settings = SledSettings::at(options.text("dir", "store"));
    let mut entropy = SeededEntropy::new(7);
    let store = Arc::new(SledStore::open(&settings, &mut entropy).map_err(Error::other)?);
    let (writers, end) = (options.number("writers", 1), Instant::now() + options.seconds());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let start = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| runtime.spawn(write(store.clone(), writer, end)))
        .collect();
    let done: u64 = runtime.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.map_err(Error::other)??;
        }
        Ok::<u64, Error>(sum)
    })?;
    println!(
        "{{\"done\":{done},\"per_s\":{:.0}}}",
        done as f64 / start.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn write(store: Arc<SledStore>, writer: u64, end: Instant) -> Result<u64> {
    let mut done = 0;
    while Instant::now() < end {
        let id = writer << 32 | done;
        let put = Operation::Put {
            key: Key::new(Kind::Entry, &id.to_be_bytes()),
            value: vec![writer as u8; 600].into(),
            expires: None,
        };
        store
            .commit(Batch {
                guards: vec![],
                operations: vec![put],
            })
            .await
            .map_err(Error::other)?;
        done += 1;
    }
    Ok(done)
}

/// `fdatasync --dir DIR`: the median time of 200 4-KiB writes with `fdatasync`, in microseconds.
pub fn fdatasync(options: &Options) -> Result<()> {
    let path = format!("{}/fdatasync-probe", options.text("dir", "."));
    let mut file = std::fs::File::create(&path)?;
    let mut times: Vec<u128> = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed().as_micros());
    }
    times.sort_unstable();
    std::fs::remove_file(&path)?;
    println!("{{\"fdatasync_us\":{}}}", times[times.len() / 2]);
    Ok(())
}
