//! The query API against rows made by hand: documents, conditional reads, lists, tokens, and how much is read for each.
#![allow(clippy::unwrap_used)]

mod conditions;
mod documents;
mod hours;
mod lists;
mod parameters;
mod reads;
mod tokens;
mod torn;
mod trees;
mod views_in_memory;
mod wire;
mod world;
