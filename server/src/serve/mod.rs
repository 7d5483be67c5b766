//! Processes that serve: `lawless all`, everything in one, and one for each role of mode `distributed`.

mod admin;
mod backup;
mod descriptors;
mod docs;
mod errors_page;
mod late;
mod listener;
mod metrics;
mod openapi;
mod pages;
mod places;
mod process;
mod readiness;
mod request_log;
mod role;
mod router;
mod run;
mod vitals;
mod welcome;

pub use openapi::openapi_json;
pub use role::{run_command_api, run_projectors, run_query_api, run_relay};
pub use run::run_all;
