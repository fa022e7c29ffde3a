//! Durable commits through the store, and what one `fdatasync` costs here.

use std::io::{Result, Write};
use std::time::Instant;

use crate::Options;

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
