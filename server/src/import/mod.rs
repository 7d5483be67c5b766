//! Brings in businesses from files.

mod bounded;
mod calls;
mod csv_rows;
mod decoding;
mod fields;
mod file_rules;
mod finding;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gone;
mod json_rows;
mod local_writer;
mod mapping;
mod ndjson_rows;
mod point;
mod progress;
mod raw_row;
mod reading;
mod rehearsal;
mod remote_writer;
mod report;
mod row;
mod run;
mod scope;
mod source_file;
mod summary;
mod task;
mod writer;

pub(crate) use calls::{RemoteAnswer, RemoteCall};
pub use file_rules::{FileRules, FormatName};
pub(crate) use local_writer::LocalWriter;
pub use mapping::Mapping;
pub use scope::Scope;
pub use task::{ImportRequest, run_import};
pub(crate) use writer::{DirectoryWriter, WriteError};
