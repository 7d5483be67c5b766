//! The query API: finished rows over HTTP.
//!
//! This crate must not know how rows come to be, nor in which store they lie: it reads through
//! [`views::ViewReader`]. How many reads each endpoint takes is written in `docs/reads.md` and held by a test.

mod api;
mod business_hours;
mod businesses;
mod compose;
mod cursor;
mod documents;
mod entries;
mod freshness;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod listings;
mod metering;
mod names;
mod openapi;
mod opening;
mod options;
mod parameters;
mod problems;
mod respond;
mod trees;

pub use api::{method_not_allowed, not_found, router, unavailable_router};
pub use business_hours::{BusinessHours, HolidayKnowledge, Interval, IntervalState};
pub use documents::{BusinessBatch, BusinessList, ListMeta, NodeList, NodePage, NodeSummary, Page};
pub use openapi::openapi;
pub use options::QueryOptions;
