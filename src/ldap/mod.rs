//! Layer 5: LDAPv3 (RFC 4511) on buffers: bytes in, [`Request`](crate::directory::request::Request)s out,
//! and back. No socket, no clock, no log.

pub mod ber;
pub mod bind;
pub mod body;
pub mod channel;
pub mod control;
pub mod entry_writer;
pub mod envelope;
pub mod extended;
pub mod filter_decoder;
mod last_base;
pub mod limits;
pub mod log_in;
pub mod names;
pub mod next;
pub mod operation;
pub mod own_entry;
pub mod result;
pub mod root_dse;
pub mod sasl;
pub mod search;
pub mod search_request;
pub mod selection;
pub mod session;
pub mod shared;
pub mod subschema;
pub mod update;
