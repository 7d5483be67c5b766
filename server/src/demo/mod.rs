//! A made-up directory: the same number and seed always give the same one.
//!
//! [`DemoDirectory`] gives its commands one by one, so that tests and benches can use it without a server.

mod fill;
mod generator;
mod task;
mod trees;
mod words;

pub use fill::{Filled, fill_demo};
pub use generator::{DemoDirectory, FollowUp};
pub use task::run_demo;
