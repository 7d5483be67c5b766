//! The local store on LMDB: one environment per generation, one writer, readers that never wait.

mod difference;
mod environment;
mod generation;
mod reader;
mod store;

pub use difference::{Compared, Difference};
pub use environment::StoreOptions;
pub use generation::Generations;
pub use reader::LmdbViewReader;
pub use store::{LmdbProjectionStore, StoreFingerprint};
