//! The program: configuration, wiring, roles, command line, demo and import.
//!
//! The only place that knows everything; nothing else may know it.

mod admin_client;
mod backup;
mod catch_up;
pub mod cli;
pub mod config;
mod copy;
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
mod secrets;
pub mod serve;
mod signals;
mod skip;
mod toml_text;
pub mod top;

pub use program::run;
