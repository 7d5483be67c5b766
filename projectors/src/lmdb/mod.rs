//! The local store on LMDB: one environment per generation, one writer, readers that never wait.

mod environment;
mod generation;
mod reader;
mod store;

pub(crate) use environment::Environment;
pub use environment::StoreOptions;
pub use generation::generation_folder;
pub(crate) use generation::remove_older_generations;
pub use reader::LmdbViewReader;
pub use store::{LmdbProjectionStore, StoreFingerprint};
