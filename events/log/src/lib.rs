//! The log of events: the ports that decide and carry, and the engines behind them.
//!
//! This crate must not know what the events mean: payloads pass through as bytes.

mod append;
mod error;
mod port;

pub use append::{Append, Appended, Claim, ClaimKind, IdempotencyKey, NewEvent, ReadStream};
pub use error::{AppendError, JournalError};
pub use port::{EventFeed, Journal, KeyRecord, Snapshot};
