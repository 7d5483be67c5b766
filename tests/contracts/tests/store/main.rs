//! Laws of the local store and of the runner on it.
#![allow(clippy::unwrap_used)]

mod counting;
mod kill_loop;
mod laws;
mod memory_feed;
mod parking;
mod publisher;
mod real_journal;
mod rebuild;
mod runner;
