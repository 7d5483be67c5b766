//! Brings in businesses from files.

mod geojson;
mod http_writer;
mod local_writer;
mod mapping;
mod progress;
mod report;
mod row;
mod run;
mod task;
mod writer;

pub use mapping::Mapping;
pub use task::run_import;
