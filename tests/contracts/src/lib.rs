//! The laws of the ports, run unchanged against every engine behind them.
//!
//! The laws must not know an engine: they get them from factories in the tests that run them.

pub mod database;
pub mod directory;
pub mod journal;
pub mod keyspace;
pub mod own;
pub mod server;
pub mod services;
pub mod store_model;
pub mod views;
pub mod wire;
