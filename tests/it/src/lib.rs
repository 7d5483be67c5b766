//! Runs the real program and talks to it, for the end-to-end tests, the crash loop and the benches.
//!
//! This crate must not reach into the running program: it knows the command line, the data folder, HTTP, and events.

mod client;
pub mod marked;
mod program;
mod wire;

pub use client::{Answer, Client};
pub use program::{Program, lawless};
pub use wire::{Received, Wire};
