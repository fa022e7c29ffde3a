//! The log: nobody who answers a request formats a line or waits for the log's reader.
//!
//! Lines are handed as fields to a bounded queue ([`queue::Log`]); one thread ([`writer`]) formats and writes them, many
//! at once. While the reader of the log stalls, audit events wait for room and everything else is dropped and counted.

pub mod audit_line;
pub mod fields;
pub mod line;
pub mod queue;
pub mod writer;

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people and journald.
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests;
