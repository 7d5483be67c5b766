//! Folds events into finished rows.
//!
//! This crate must not know how events came to be, nor how rows are served.

mod directory;
mod lmdb;
mod port;
mod publisher;
mod runner;

pub use directory::{DIRECTORY_VERSION, DirectoryProjection};
pub use lmdb::{
    ChangedFrom, ChangedRows, Compared, Difference, Generations, LmdbProjectionStore, LmdbViewReader, StoreFingerprint,
    StoreOptions,
};
pub use port::{ApplyError, Changes, Checkpoint, Projection, ProjectionStore, StoreError, StoreReader};
pub use publisher::{Publisher, PublisherHealth, PublisherOptions, PublisherPorts};
pub use runner::{
    Followed, GroupError, GroupHandle, GroupHealth, GroupOptions, GroupViews, ParkedEntry, ProjectionGroup,
    RebuildPhase, RebuildRefused, RebuildStatus, ReplayOptions, RunnerOptions, list_parked, replay, share_views,
};
