//! The fold of the directory and its laws.
#![allow(clippy::unwrap_used)]

mod content;
mod fixture;
mod laws;
mod lmdb;
mod memory_store;
mod poison;
mod published;
mod speed;
