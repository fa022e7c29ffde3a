//! What operators see: metrics, the audit log, health.

pub mod audit_counters;
pub mod audit_log;
pub mod mentions;
pub mod metrics;
