//! Brings in businesses from files.

mod bounded;
mod csv_rows;
mod decoding;
mod fields;
mod file_rules;
mod finding;
mod http_writer;
mod json_rows;
mod local_writer;
mod mapping;
mod ndjson_rows;
mod point;
mod progress;
mod raw_row;
mod reading;
mod report;
mod row;
mod run;
mod source_file;
mod task;
mod writer;

pub use file_rules::{FileRules, FormatName};
pub use mapping::Mapping;
pub use task::{ImportRequest, run_import};
