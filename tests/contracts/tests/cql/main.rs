//! Finished rows in a CQL store: the laws of `ViewReader`, those of whoever publishes, and the traps.

#![allow(clippy::unwrap_used)]

/// Needs engines.
mod distributed;
