//! A journal moves from a data folder into PostgreSQL, and goes on there as what it was.
#![allow(clippy::unwrap_used)]

mod distributed;
