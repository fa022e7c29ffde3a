//! Networks in CIDR notation, as configuration names who may do what from where.

pub use ipnet::IpNet;
