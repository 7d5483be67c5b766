//! A whole feed into a fresh store, with batches cut as the caller likes: for verification, tests and benches.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use event_log::EventFeed;
use events::{Position, StreamId};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::GroupError;
use super::fold::Last;
use super::followed::check_origin;
use super::options::RunnerOptions;
use super::session::{Failure, Observer, Session};
use crate::lmdb::{LmdbProjectionStore, StoreOptions};
use crate::port::{Projection, ProjectionStore};

/// What is replayed, and where to.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// Name of the group.
    pub group: String,
    /// Folder of the store itself; an existing one is continued.
    pub folder: PathBuf,
    /// The last position to fold; absent for the head of the feed.
    pub until: Option<Position>,
    /// How the store is opened.
    pub store: StoreOptions,
    /// How the feed is read.
    pub runner: RunnerOptions,
}

/// Folds a feed into the store of a folder and returns the store. `batch_events` is asked for the size of each batch;
/// `committed` hears how far it has come.
///
/// Blocks: not to be called on a thread of the runtime that `handle` belongs to.
pub fn replay(
    handle: &Handle,
    feed: Arc<dyn EventFeed>,
    projection: Box<dyn Projection>,
    options: &ReplayOptions,
    batch_events: impl FnMut() -> usize,
    committed: impl FnMut(Position),
) -> Result<LmdbProjectionStore, GroupError> {
    let store = LmdbProjectionStore::open(&options.folder, &options.store)?;
    let checkpoint = store.checkpoint()?;
    let until = handle.block_on(async {
        check_origin(feed.as_ref(), checkpoint).await?;
        match options.until {
            Some(until) => Ok(until),
            None => feed.head().await.map_err(GroupError::from),
        }
    })?;
    let (_stop, stopped) = watch::channel(false);
    let mut session = Session {
        group: &options.group,
        label: &options.group,
        store: &store,
        feed,
        handle,
        options: &options.runner,
        stop: stopped,
        until: Some(until),
        observer: &mut Replaying { batch_events, committed },
    };
    match session.run(projection) {
        Ok(()) => Ok(store),
        Err(Failure::Stalled(reason) | Failure::Halted(reason) | Failure::FeedHalted(reason)) => {
            Err(GroupError::Halted { reason })
        }
    }
}

struct Replaying<B, C> {
    batch_events: B,
    committed: C,
}

impl<B: FnMut() -> usize, C: FnMut(Position)> Observer for Replaying<B, C> {
    fn batch_events(&mut self, _far_behind: bool) -> usize {
        (self.batch_events)()
    }

    fn committed(&mut self, last: Last, _head: Position, _parked: &Arc<BTreeSet<StreamId>>) {
        (self.committed)(last.position);
    }

    fn feed_answers(&mut self) {}

    fn feed_stalled(&mut self, reason: String) -> Result<(), Failure> {
        Err(Failure::Halted(reason))
    }
}
