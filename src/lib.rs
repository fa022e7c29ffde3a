#![doc = include_str!("ARCHITECTURE.md")]

pub mod cli;
pub mod config;
pub mod directory;
pub mod domain;
pub mod exchange;
pub mod index;
pub mod ldap;
pub mod radius;
pub mod record;
pub mod server;
pub mod store;
pub mod types;
pub mod web;
