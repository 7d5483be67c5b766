//! Follows a feed: reads, folds, renders once per batch, commits rows and position together, publishes.

mod feed;
mod fold;
mod followed;
mod generation;
mod group;
mod measures;
mod options;
mod overlay;
mod pace;
mod parking;
mod rebuild;
mod replay;
mod session;
mod shared;
mod supervisor;

use event_log::JournalError;
use thiserror::Error;
use tokio::sync::watch;

use crate::port::{StoreError, StoreReader};

pub use followed::Followed;
pub(crate) use group::Served;
pub use group::{GroupHandle, GroupHealth, GroupOptions, GroupViews, ProjectionGroup, RebuildRefused};
pub(crate) use options::Backoff;
pub use options::RunnerOptions;
pub use parking::ParkedEntry;
pub use rebuild::{RebuildPhase, RebuildStatus};
pub use replay::{ReplayOptions, replay};
pub use shared::share_views;

/// True once a group has to end.
type StopSignal = watch::Receiver<bool>;

/// Why a group did not start, or a replay did not end.
#[derive(Debug, Error)]
pub enum GroupError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The fold cannot go on.
    #[error("the projection halted: {reason}")]
    Halted {
        /// Why.
        reason: String,
    },
}

/// The parked streams of a group, as committed.
pub fn list_parked(store: &dyn StoreReader) -> Result<Vec<ParkedEntry>, StoreError> {
    Ok(parking::Parking::load(store)?.entries())
}
