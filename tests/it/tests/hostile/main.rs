//! Input that nobody sane sends, to the program as it runs: each piece is refused as documented or cut off, memory stays
//! bounded, and the service goes on.
#![allow(clippy::unwrap_used)]

mod bodies;
mod connections;
mod heads;
mod json;
mod reads;
mod town;

use town::{Town, code, errors};
