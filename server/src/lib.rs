//! The program: configuration, wiring, roles, command line, demo and import.
//!
//! The only place that knows everything; nothing else may know it.

mod admin_client;
mod backup;
mod catch_up;
pub mod cli;
pub mod config;
mod copy;
#[cfg(feature = "distributed")]
mod cql;
pub mod cql_config;
pub mod database_url;
pub mod demo;
mod engine;
pub mod exit;
mod folder;
pub mod import;
mod journal;
#[cfg(feature = "distributed")]
mod kafka;
mod logging;
mod program;
mod relay;
pub mod secret_table;
pub mod secret_text;
mod secrets;
pub mod serve;
mod served_views;
mod signals;
mod skip;
mod toml_text;
pub mod top;

pub use program::run;
