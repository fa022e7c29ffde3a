//! The one place that reads the machine's random source.

use crate::types::Entropy;

/// The operating system's random source.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        // Invariant of every system this runs on: getrandom(2) fails only where there is no such call.
        getrandom::fill(bytes).expect("the operating system has a random source");
    }
}
