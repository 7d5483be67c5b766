//! Logs with everything in them that a directory may meet, and what it looks like after them.

mod generator;
mod world;

pub use generator::{Generator, Mix, Random, Step};
pub use world::{World, WorldBusiness, WorldNode};
