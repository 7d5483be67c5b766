//! Follows a feed: reads, folds, renders once per batch, commits rows and position together, publishes.

mod feed;
mod fold;
mod group;
mod measures;
mod options;
mod overlay;
mod parking;
mod replay;
mod session;

use event_log::JournalError;
use thiserror::Error;
use tokio::sync::watch;

use crate::port::{StoreError, StoreReader};

pub use group::{GroupHandle, GroupHealth, GroupOptions, ProjectionGroup};
pub use options::RunnerOptions;
pub use parking::ParkedEntry;
pub use replay::{ReplayOptions, replay};

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
