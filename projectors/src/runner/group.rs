//! A group that runs, and the handle that others hold.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use events::Position;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use views::{ViewError, ViewReader, ViewSource, ViewStatus};

use super::followed::Followed;
use super::generation::{Generation, Spec};
use super::options::RunnerOptions;
use super::parking::ParkedEntry;
use super::rebuild::RebuildStatus;
use super::supervisor::{Order, Shown, Supervisor};
use super::{GroupError, list_parked};
use crate::lmdb::{Generations, LmdbProjectionStore, LmdbViewReader, StoreOptions, view_error};
use crate::port::{Checkpoint, Projection, ProjectionStore, StoreError};

/// Orders that wait for one another.
const ORDERS: usize = 16;

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
    /// The rows are of another version of the projection and stay as they are until those of this version are made.
    Rebuilding,
    /// An operator told it to fold nothing for now.
    Paused,
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
    served: watch::Receiver<Served>,
    health: watch::Receiver<GroupHealth>,
    rebuild: watch::Receiver<Option<RebuildStatus>>,
    generations: Generations,
    projection_version: u32,
    orders: mpsc::Sender<Order>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The views of a group, whichever of its generations is served.
#[derive(Clone)]
pub struct GroupViews {
    served: watch::Receiver<Served>,
    health: watch::Receiver<GroupHealth>,
}

/// The generation that is served.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) store: Arc<LmdbProjectionStore>,
    pub(crate) reader: Arc<LmdbViewReader>,
    pub(crate) status: watch::Receiver<ViewStatus>,
}

/// Why a rebuild does not begin.
#[derive(Debug, Error)]
pub enum RebuildRefused {
    /// One at a time.
    #[error("a rebuild is under way")]
    UnderWay,
    /// Nothing is folded now.
    #[error("the group is paused")]
    Paused,
    /// The group has ended.
    #[error("the group has ended")]
    Ended,
    /// The new generation cannot be opened.
    #[error("a new generation cannot be opened: {0}")]
    Failed(String),
}

impl ProjectionGroup {
    /// Opens the generation that is served and follows a feed from its checkpoint. Rows of another version of the
    /// projection are served as they are while those of this version are made.
    ///
    /// `projection` makes a fresh projection over what is committed: at the start, and after each failure.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] if the store did not come from this feed, or not from the journal that it copies, [`StoreError::InUse`] if anyone has it open.
    pub async fn start(
        options: GroupOptions,
        projection: impl Fn() -> Box<dyn Projection> + Send + Sync + 'static,
        followed: impl Into<Followed>,
    ) -> Result<GroupHandle, GroupError> {
        let generations = Generations::of(&options.views_folder, &options.name);
        let spec =
            Spec { options, projection: Box::new(projection), followed: followed.into(), handle: Handle::current() };
        let projection_version = (spec.projection)().version();
        let supervisor = Supervisor::open(Arc::new(spec)).await?;
        let (served, served_seen) = watch::channel(supervisor.served());
        let (health, health_seen) = watch::channel(supervisor.health());
        let (rebuild, rebuild_seen) = watch::channel(supervisor.rebuilding());
        let (orders, orders_taken) = mpsc::channel(ORDERS);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(supervisor.run(orders_taken, stopped, Shown { served, health, rebuild }));
        Ok(GroupHandle {
            served: served_seen,
            health: health_seen,
            rebuild: rebuild_seen,
            generations,
            projection_version,
            orders,
            stop,
            task,
        })
    }
}

impl GroupHandle {
    /// Reads the rows of the generation that is served now.
    pub fn reader(&self) -> Arc<LmdbViewReader> {
        self.served.borrow().reader.clone()
    }

    /// The rows of whichever generation is served.
    pub fn views(&self) -> GroupViews {
        GroupViews { served: self.served.clone(), health: self.health.clone() }
    }

    /// Whichever generation is served.
    pub(crate) fn served(&self) -> watch::Receiver<Served> {
        self.served.clone()
    }

    /// What the rules of its projection are named by.
    pub(crate) fn projection_version(&self) -> u32 {
        self.projection_version
    }

    pub(super) fn generations(&self) -> &Generations {
        &self.generations
    }

    pub(super) fn clear_stale_readers(&self) -> Result<(), StoreError> {
        self.served.borrow().store.clear_stale_readers()
    }

    /// How far the rows have come.
    pub fn status(&self) -> ViewStatus {
        self.served.borrow().status.borrow().clone()
    }

    /// How the group fares, and when that changes.
    pub fn health(&self) -> watch::Receiver<GroupHealth> {
        self.health.clone()
    }

    /// The streams that are set aside.
    pub fn parked(&self) -> Result<Vec<ParkedEntry>, StoreError> {
        list_parked(self.served.borrow().store.as_ref())
    }

    /// How the last rebuild of this process fares or ended, and when that changes.
    pub fn rebuilding(&self) -> watch::Receiver<Option<RebuildStatus>> {
        self.rebuild.clone()
    }

    /// Begins to make all rows anew, beside those that are served.
    ///
    /// # Errors
    /// [`RebuildRefused`].
    pub async fn rebuild(&self) -> Result<RebuildStatus, RebuildRefused> {
        self.order(Order::Rebuild).await.unwrap_or(Err(RebuildRefused::Ended))
    }

    /// Folds nothing from now on; what is there is served. Returns once nothing is folded.
    pub async fn pause(&self) {
        self.order(Order::Pause).await;
    }

    /// Folds again.
    pub async fn resume(&self) {
        self.order(Order::Resume).await;
    }

    /// Ends the group and waits until it has. What it had not committed is folded again at the next start.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // A panic was told as health; there is nothing to add.
        let _ = self.task.await;
    }

    /// `None` if the group has ended.
    async fn order<A>(&self, order: impl FnOnce(oneshot::Sender<A>) -> Order) -> Option<A> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).await.ok()?;
        answered.await.ok()
    }
}

impl Served {
    /// How far its store has come.
    pub(crate) fn checkpoint(&self) -> Result<Option<Checkpoint>, ViewError> {
        self.store.checkpoint().map_err(view_error)
    }

    pub(super) fn of(generation: &Generation) -> Self {
        Self::of_parts(&generation.store, &generation.reader, generation.status.clone())
    }

    pub(super) fn of_parts(
        store: &Arc<LmdbProjectionStore>,
        reader: &Arc<LmdbViewReader>,
        status: watch::Receiver<ViewStatus>,
    ) -> Self {
        Self { store: store.clone(), reader: reader.clone(), status }
    }
}

impl GroupViews {
    pub(super) fn of(served: watch::Receiver<Served>, health: watch::Receiver<GroupHealth>) -> Self {
        Self { served, health }
    }

    /// How far the rows have come.
    pub fn status(&self) -> ViewStatus {
        self.served.borrow().status.borrow().clone()
    }

    /// How whoever makes or finds the rows fares, and when that changes.
    pub fn health(&self) -> watch::Receiver<GroupHealth> {
        self.health.clone()
    }
}

#[async_trait]
impl ViewSource for GroupViews {
    fn current(&self) -> Arc<dyn ViewReader> {
        self.served.borrow().reader.clone()
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        let (mut served, mut health) = (self.served.clone(), self.health.clone());
        let over = health.wait_for(|health| matches!(health, GroupHealth::Halted { .. } | GroupHealth::Stopped));
        tokio::pin!(over);
        loop {
            let reader = served.borrow_and_update().reader.clone();
            if reader.status().published >= position {
                return Ok(());
            }
            tokio::select! {
                reached = reader.wait_published(position) => {
                    // Another one is served from now on: it may have come further.
                    if reached.is_ok() || !served.has_changed().unwrap_or(false) {
                        return reached;
                    }
                }
                Ok(()) = served.changed() => {}
                _ = &mut over => return Err(ViewError::Unavailable {
                    operation: "wait for views",
                    reason: "the projection has ended".to_owned(),
                }),
            }
        }
    }
}
