//! HTTP: the listener of health and metrics, the local socket, certificates.

pub mod admin_socket;
pub mod api;
pub mod listener;
pub mod tls;
