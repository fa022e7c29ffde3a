//! What operators see: metrics, the log, health.

pub mod audit_counters;
pub mod audit_log;
pub mod log;
pub mod mentions;
pub mod metrics;
