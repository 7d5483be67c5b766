//! Walls: what the shape of the code must not lose. None of them runs the product.
#![allow(clippy::unwrap_used)]

mod dependencies;
mod faults;
mod files;
mod workspace;
