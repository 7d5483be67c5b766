//! Folds events into finished rows.
//!
//! This crate must not know how events came to be, nor how rows are served.

mod port;

pub use port::{ApplyError, Changes, Checkpoint, Projection, ProjectionStore, StoreError, StoreReader};
