//! The local store on LMDB: one environment per generation, one writer, readers that never wait.

mod difference;
mod environment;
mod generation;
mod index;
mod reader;
mod store;

pub use difference::{Compared, Difference};
pub use environment::StoreOptions;
pub use generation::Generations;
pub(crate) use generation::Identity;
pub use index::{ChangedFrom, ChangedRows};
pub use reader::LmdbViewReader;
pub(crate) use reader::view_error;
pub use store::{LmdbProjectionStore, StoreFingerprint};
