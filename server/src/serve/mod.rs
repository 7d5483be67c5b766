//! `lawless all`: everything in one process.

mod admin;
mod backup;
mod descriptors;
mod docs;
mod errors_page;
mod listener;
mod metrics;
mod openapi;
mod pages;
mod places;
mod process;
mod readiness;
mod request_log;
mod router;
mod run;
mod welcome;

pub use openapi::openapi_json;
pub use run::run_all;
