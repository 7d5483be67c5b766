//! The laws of the ports, run unchanged against every engine behind them.
//!
//! This crate must not know an engine: it gets them from factories in the tests that run the laws.

pub mod journal;
pub mod store_model;
