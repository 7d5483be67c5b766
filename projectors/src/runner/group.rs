//! A group that runs: its thread, and the handle that others hold.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use event_log::EventFeed;
use events::{Position, StreamId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use views::ViewStatus;

use super::feed::check_origin;
use super::options::{Backoff, RunnerOptions};
use super::parking::{ParkedEntry, Parking};
use super::session::{Failure, Observer, Session};
use super::{GroupError, StopSignal, list_parked};
use crate::lmdb::{
    Environment, LmdbProjectionStore, LmdbViewReader, StoreOptions, generation_folder, remove_older_generations,
};
use crate::port::{Projection, ProjectionStore, StoreError};

/// What a group is made of.
#[derive(Debug, Clone)]
pub struct GroupOptions {
    /// Its name, for example `directory`.
    pub name: String,
    /// The folder of all views; each generation of each group is a folder in it.
    pub views_folder: PathBuf,
    /// How the store is opened.
    pub store: StoreOptions,
    /// How the group runs.
    pub runner: RunnerOptions,
}

/// How a group fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupHealth {
    /// Behind what the feed had when last looked at.
    CatchingUp,
    /// Everything that the feed had is folded.
    Live,
    /// Store or feed failed; it is tried again.
    Stalled {
        /// Why.
        reason: String,
    },
    /// It must not go on; an operator has to act.
    Halted {
        /// Why.
        reason: String,
    },
    /// It was told to end, and has.
    Stopped,
}

/// Makes groups run.
#[derive(Debug)]
pub struct ProjectionGroup;

/// A running group. Dropping it ends the group in the background.
pub struct GroupHandle {
    reader: Arc<LmdbViewReader>,
    environment: Arc<Environment>,
    status: watch::Receiver<ViewStatus>,
    health: watch::Receiver<GroupHealth>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl ProjectionGroup {
    /// Opens the store of the projection's generation and follows the feed from its checkpoint.
    ///
    /// `projection` makes a fresh projection over what is committed: at the start, and after each failure.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] if the store did not come from this feed, [`StoreError::InUse`] if anyone has it open.
    pub async fn start(
        options: GroupOptions,
        projection: impl Fn() -> Box<dyn Projection> + Send + 'static,
        feed: Arc<dyn EventFeed>,
    ) -> Result<GroupHandle, GroupError> {
        let version = projection().version();
        let folder = generation_folder(&options.views_folder, &options.name, version);
        let store = LmdbProjectionStore::open(&folder, &options.store)?;
        let checkpoint = store.checkpoint()?;
        if let Some(found) = checkpoint.map(|c| c.projection_version).filter(|found| *found != version) {
            let reason = format!("they are of projection version {found}, this is version {version}");
            return Err(StoreError::Foreign { reason }.into());
        }
        check_origin(feed.as_ref(), checkpoint).await?;

        let (status, status_seen) = watch::channel(ViewStatus {
            journal_id: feed.journal_id(),
            published: checkpoint.map_or(Position::ZERO, |c| c.position),
            parked: Parking::load(&store)?.names().clone(),
        });
        let (health, health_seen) = watch::channel(GroupHealth::CatchingUp);
        let (stop, stopped) = watch::channel(false);
        let reader = Arc::new(store.view_reader(status_seen.clone()));
        let environment = store.environment();
        let mut report = Report {
            options: options.clone(),
            projection_version: version,
            backoff: Backoff::new(&options.runner),
            status,
            health,
            has_removed_older: false,
        };
        // With nothing to catch up with, no batch would ever say so.
        if feed.head().await? <= report.status.borrow().published {
            report.set_health(GroupHealth::Live);
        }
        let name = format!("{}-fold", options.name);
        let runner = Runner { options, handle: Handle::current(), projection, store, feed, stop: stopped, report };
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || runner.run())
            .map_err(|e| StoreError::Engine { operation: "start a projection thread", source: Box::new(e) })?;
        Ok(GroupHandle { reader, environment, status: status_seen, health: health_seen, stop, thread })
    }
}

impl GroupHandle {
    /// Reads the rows of this group.
    pub fn reader(&self) -> Arc<LmdbViewReader> {
        self.reader.clone()
    }

    /// How far the rows have come.
    pub fn status(&self) -> ViewStatus {
        self.status.borrow().clone()
    }

    /// How the group fares, and when that changes.
    pub fn health(&self) -> watch::Receiver<GroupHealth> {
        self.health.clone()
    }

    /// The streams that are set aside.
    pub fn parked(&self) -> Result<Vec<ParkedEntry>, StoreError> {
        list_parked(self.environment.as_ref())
    }

    /// Ends the group and waits until it has. What it had not committed is folded again at the next start.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        let thread = self.thread;
        // A panic was caught and told as health; there is nothing to add.
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}

/// What runs on the group's thread.
struct Runner<F> {
    options: GroupOptions,
    handle: Handle,
    projection: F,
    store: LmdbProjectionStore,
    feed: Arc<dyn EventFeed>,
    stop: StopSignal,
    report: Report,
}

impl<F: Fn() -> Box<dyn Projection>> Runner<F> {
    fn run(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.follow())).unwrap_or_else(|panic| GroupHealth::Halted {
            reason: format!("the projection panicked: {}", panic_message(panic.as_ref())),
        });
        if let GroupHealth::Halted { reason } = &ended {
            tracing::error!(group = self.options.name, reason, "a projection group halted");
        }
        self.report.health.send_replace(ended);
    }

    /// Session after session; returns how it ended.
    fn follow(&mut self) -> GroupHealth {
        loop {
            let mut session = Session {
                group: &self.options.name,
                store: &self.store,
                feed: self.feed.clone(),
                handle: &self.handle,
                options: &self.options.runner,
                stop: self.stop.clone(),
                until: None,
                observer: &mut self.report,
            };
            let reason = match session.run((self.projection)()) {
                Ok(()) => return GroupHealth::Stopped,
                Err(Failure::Halted(reason)) => return GroupHealth::Halted { reason },
                Err(Failure::Stalled(reason)) => reason,
            };
            let wait = self.report.backoff.next();
            tracing::error!(group = self.options.name, reason, ?wait, "a projection group stalled");
            self.report.health.send_replace(GroupHealth::Stalled { reason });
            let mut stop = self.stop.clone();
            let stopped =
                self.handle.block_on(async { tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await.is_ok() });
            if stopped {
                return GroupHealth::Stopped;
            }
        }
    }
}

/// Tells the world how the group fares.
struct Report {
    options: GroupOptions,
    projection_version: u32,
    status: watch::Sender<ViewStatus>,
    health: watch::Sender<GroupHealth>,
    backoff: Backoff,
    has_removed_older: bool,
}

impl Report {
    fn set_health(&mut self, health: GroupHealth) {
        if health == GroupHealth::Live && !std::mem::replace(&mut self.has_removed_older, true) {
            remove_older_generations(&self.options.views_folder, &self.options.name, self.projection_version);
        }
        self.health.send_if_modified(|now| {
            let changed = *now != health;
            *now = health;
            changed
        });
    }
}

impl Observer for Report {
    fn batch_events(&mut self, far_behind: bool) -> usize {
        let runner = &self.options.runner;
        if far_behind { runner.catch_up_batch_events } else { runner.batch_events }
    }

    fn committed(&mut self, position: Position, head: Position, parked: &Arc<BTreeSet<StreamId>>) {
        self.backoff.reset();
        self.status.send_modify(|status| {
            status.published = position;
            status.parked = parked.clone();
        });
        self.set_health(if position >= head { GroupHealth::Live } else { GroupHealth::CatchingUp });
    }

    fn feed_stalled(&mut self, reason: String) -> Result<(), Failure> {
        tracing::error!(group = self.options.name, reason, "the feed of a projection group stalled");
        self.set_health(GroupHealth::Stalled { reason });
        Ok(())
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
