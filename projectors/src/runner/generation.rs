//! One generation of a group: its store, and the thread that folds events into it.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use event_log::JournalError;
use events::{Position, StreamId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use views::ViewStatus;

use super::feed::words;
use super::fold::Last;
use super::followed::Followed;
use super::group::{GroupHealth, GroupOptions};
use super::options::Backoff;
use super::parking::Parking;
use super::session::{Failure, Observer, Session};
use super::{GroupError, StopSignal};
use crate::lmdb::{Generations, LmdbProjectionStore, LmdbViewReader};
use crate::port::{Checkpoint, Projection, ProjectionStore, StoreError};

/// Niceness of a rebuild: of a core that others want, too, it gets a tenth.
#[cfg(target_os = "linux")]
const REBUILD_NICENESS: i32 = 10;

/// What all generations of a group share.
pub(super) struct Spec {
    pub(super) options: GroupOptions,
    /// Makes a fresh projection over what is committed: at the start, and after each failure.
    pub(super) projection: Box<dyn Fn() -> Box<dyn Projection> + Send + Sync>,
    pub(super) followed: Followed,
    pub(super) handle: Handle,
}

/// What a generation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its rows are read.
    Serves,
    /// It is made beside the one whose rows are read.
    Rebuilds,
}

impl Purpose {
    /// Names the generation in metrics and threads.
    fn label(self, group: &str) -> String {
        match self {
            Self::Serves => group.to_owned(),
            Self::Rebuilds => format!("{group}-rebuild"),
        }
    }
}

/// A generation. Its thread runs or not; its rows can be read all the while.
pub(super) struct Generation {
    pub(super) number: u32,
    pub(super) store: Arc<LmdbProjectionStore>,
    pub(super) reader: Arc<LmdbViewReader>,
    pub(super) status: watch::Receiver<ViewStatus>,
    pub(super) health: watch::Receiver<GroupHealth>,
    /// Of another version of the projection than this program has: its rows stay as they are.
    pub(super) frozen: bool,
    state: State,
}

enum State {
    Idle(Box<Folding>),
    Running {
        stop: watch::Sender<bool>,
        thread: JoinHandle<Folding>,
    },
    /// The thread could not be joined.
    Lost,
}

/// What the thread has while it runs.
struct Folding {
    spec: Arc<Spec>,
    purpose: Purpose,
    label: String,
    store: Arc<LmdbProjectionStore>,
    report: Report,
    origin: Origin,
}

/// Whether it is known that the store came from this feed.
enum Origin {
    Checked,
    /// The feed did not answer.
    Unchecked(Option<Checkpoint>),
}

impl Generation {
    /// Opens a generation, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] if the store did not come from this feed, [`StoreError::InUse`] if anyone has it open.
    pub(super) async fn open(spec: &Arc<Spec>, number: u32, purpose: Purpose) -> Result<Self, GroupError> {
        let folder = Generations::of(&spec.options.views_folder, &spec.options.name).folder(number);
        let store = LmdbProjectionStore::open(&folder, &spec.options.store)?;
        let checkpoint = store.checkpoint()?;
        let origin = match spec.followed.check_origin(checkpoint).await {
            Ok(()) => Origin::Checked,
            // What there is may be served meanwhile; nothing is folded before it is known that it came from this feed.
            Err(GroupError::Journal(JournalError::Unavailable { operation, reason })) => {
                tracing::error!(operation, reason, "the feed does not answer yet");
                Origin::Unchecked(checkpoint)
            }
            Err(error) => return Err(error),
        };
        let version = (spec.projection)().version();
        // Rows that are to be published and cannot tell what changed are made anew, as if by other rules.
        let unpublishable = spec.options.store.index_versions && !store.is_indexed();
        let frozen = checkpoint.is_some_and(|checkpoint| checkpoint.projection_version != version || unpublishable);
        let (status, status_seen) = watch::channel(ViewStatus {
            journal_id: spec.followed.feed.journal_id(),
            published: checkpoint.map_or(Position::ZERO, |c| c.position),
            parked: Parking::load(&store)?.names().clone(),
            frozen,
            recorded_at: None,
        });
        let (health, health_seen) = watch::channel(GroupHealth::CatchingUp);
        let mut report = Report { spec: spec.clone(), backoff: Backoff::new(&spec.options.runner), status, health };
        if !frozen && report.has_caught_up().await {
            report.set_health(GroupHealth::Live);
        }
        let store = Arc::new(store);
        let label = purpose.label(&spec.options.name);
        let folding = Folding { spec: spec.clone(), purpose, label, store: store.clone(), report, origin };
        Ok(Self {
            number,
            reader: Arc::new(store.view_reader(status_seen.clone()).with_watermarks(spec.followed.feed.watermarks())),
            store,
            status: status_seen,
            health: health_seen,
            frozen,
            state: State::Idle(Box::new(folding)),
        })
    }

    /// How far its rows have come.
    pub(super) fn published(&self) -> Position {
        self.status.borrow().published
    }

    /// It is served from its next start on.
    pub(super) fn serves(&mut self) {
        if let State::Idle(folding) = &mut self.state {
            folding.purpose = Purpose::Serves;
            folding.label = Purpose::Serves.label(&folding.spec.options.name);
        }
    }

    /// Folds on a thread of its own, up to a position or for ever. Nothing happens if it does already, or is frozen.
    pub(super) fn start(&mut self, until: Option<Position>) -> Result<(), StoreError> {
        if self.frozen || !matches!(self.state, State::Idle(_)) {
            return Ok(());
        }
        let State::Idle(mut folding) = std::mem::replace(&mut self.state, State::Lost) else { return Ok(()) };
        // Before the thread begins: nobody is to see that it was stopped.
        if *folding.report.health.borrow() != GroupHealth::Live {
            folding.report.set_health(GroupHealth::CatchingUp);
        }
        let (stop, stopped) = watch::channel(false);
        let name = format!("{}-fold", folding.label);
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || folding.run(&stopped, until))
            .map_err(|e| StoreError::Engine { operation: "start a projection thread", source: Box::new(e) })?;
        self.state = State::Running { stop, thread };
        Ok(())
    }

    /// Ends the thread, if it runs, and waits until it has ended.
    pub(super) async fn stop(&mut self) {
        if let State::Running { stop, .. } = &self.state {
            stop.send_replace(true);
        }
        self.join().await;
    }

    /// Folds up to a position and ends there, or when the group is told to stop.
    ///
    /// # Errors
    /// It halted on its way.
    pub(super) async fn fold_until(&mut self, position: Position, mut group_stop: StopSignal) -> Result<(), Failure> {
        if self.frozen || self.published() >= position {
            return Ok(());
        }
        self.start(Some(position))?;
        let State::Running { stop, .. } = &self.state else { return Ok(()) };
        let stop = stop.clone();
        let passes_on = tokio::spawn(async move {
            let _ = group_stop.wait_for(|stop| *stop).await;
            stop.send_replace(true);
        });
        self.join().await;
        passes_on.abort();
        match &*self.health.borrow() {
            GroupHealth::Halted { reason } => Err(Failure::Halted(reason.clone())),
            _ => Ok(()),
        }
    }

    /// Waits until the thread has ended by itself.
    async fn join(&mut self) {
        if !matches!(self.state, State::Running { .. }) {
            return;
        }
        let State::Running { thread, .. } = std::mem::replace(&mut self.state, State::Lost) else { return };
        // A panic of the fold was caught and told as health.
        if let Ok(Ok(folding)) = tokio::task::spawn_blocking(move || thread.join()).await {
            self.state = State::Idle(Box::new(folding));
        }
    }
}

impl Folding {
    fn run(mut self, stop: &StopSignal, until: Option<Position>) -> Self {
        if self.purpose == Purpose::Rebuilds {
            yield_to_requests();
        }
        if self.spec.handle.block_on(self.report.has_caught_up()) {
            self.report.set_health(GroupHealth::Live);
        }
        let ended = catch_unwind(AssertUnwindSafe(|| self.follow(stop, until))).unwrap_or_else(|panic| {
            GroupHealth::Halted { reason: format!("the projection panicked: {}", panic_message(panic.as_ref())) }
        });
        if let GroupHealth::Halted { reason } = &ended {
            tracing::error!(group = self.label, reason, "a projection group halted");
        }
        self.report.health.send_replace(ended);
        self
    }

    /// Session after session; returns how it ended.
    fn follow(&mut self, stop: &StopSignal, until: Option<Position>) -> GroupHealth {
        loop {
            let reason = match self.session(stop, until) {
                Ok(()) => return GroupHealth::Stopped,
                Err(Failure::FeedHalted(reason)) if until.is_none() => match self.outlast(reason, stop) {
                    true => continue,
                    false => return GroupHealth::Stopped,
                },
                Err(Failure::Halted(reason) | Failure::FeedHalted(reason)) => return GroupHealth::Halted { reason },
                Err(Failure::Stalled(reason)) => reason,
            };
            let wait = self.report.backoff.next();
            tracing::error!(group = self.label, reason, ?wait, "a projection group stalled");
            self.report.health.send_replace(GroupHealth::Stalled { reason });
            let mut stop = stop.clone();
            let stopped = self
                .spec
                .handle
                .block_on(async { tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await.is_ok() });
            if stopped {
                return GroupHealth::Stopped;
            }
        }
    }

    /// A feed that is not what it must be may be mended: a topic is filled again. True once it is where these rows came
    /// from; they go on then, or halt again in silence. False when told to stop.
    fn outlast(&mut self, reason: String, stop: &StopSignal) -> bool {
        let halted = GroupHealth::Halted { reason };
        if let GroupHealth::Halted { reason } = &halted
            && *self.report.health.borrow() != halted
        {
            tracing::error!(
                group = self.label,
                reason,
                "a projection group halted; it goes on when its feed is mended"
            );
        }
        self.report.set_health(halted);
        let (spec, mut stop) = (self.spec.clone(), stop.clone());
        spec.handle.block_on(async {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => false,
                () = self.feed_mended() => true,
            }
        })
    }

    /// Returns once the feed has what these rows have folded.
    async fn feed_mended(&mut self) {
        loop {
            tokio::time::sleep(self.spec.options.runner.halted_look).await;
            // A store that fails tells whoever goes on.
            let Ok(checkpoint) = self.store.checkpoint() else { return };
            match self.spec.followed.check_origin(checkpoint).await {
                Ok(()) => break,
                Err(error) => tracing::debug!(group = self.label, reason = words(&error), "the feed is not mended"),
            }
        }
        // With more to fold the first batch says so.
        if self.report.has_caught_up().await {
            self.report.set_health(GroupHealth::Live);
        }
    }

    /// Folds until something ends it.
    fn session(&mut self, stop: &StopSignal, until: Option<Position>) -> Result<(), Failure> {
        if let Origin::Unchecked(checkpoint) = self.origin {
            let mut stop = stop.clone();
            let checked = self.spec.handle.block_on(async {
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => None,
                    checked = self.spec.followed.check_origin(checkpoint) => Some(checked),
                }
            });
            match checked {
                None => return Ok(()),
                Some(Ok(())) => self.origin = Origin::Checked,
                Some(Err(error @ GroupError::Journal(JournalError::Unavailable { .. }))) => {
                    return Err(Failure::Stalled(words(&error)));
                }
                Some(Err(error)) => return Err(Failure::Halted(words(&error))),
            }
        }
        let mut session = Session {
            group: &self.spec.options.name,
            label: &self.label,
            store: self.store.as_ref(),
            feed: self.spec.followed.feed.clone(),
            handle: &self.spec.handle,
            options: &self.spec.options.runner,
            stop: stop.clone(),
            until,
            observer: &mut self.report,
        };
        session.run((self.spec.projection)())
    }
}

/// Lets this thread, and those that it starts, wait for whoever answers requests and folds what is served.
///
/// Where priorities are of processes and not of threads (anywhere but on Linux) nothing happens.
fn yield_to_requests() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        let niceness = getpriority_process(None).unwrap_or(0);
        if niceness < REBUILD_NICENESS
            && let Err(error) = setpriority_process(None, REBUILD_NICENESS)
        {
            tracing::debug!(%error, "a rebuild keeps its priority");
        }
    }
}

/// Tells the world how the generation fares.
struct Report {
    spec: Arc<Spec>,
    backoff: Backoff,
    status: watch::Sender<ViewStatus>,
    health: watch::Sender<GroupHealth>,
}

impl Report {
    /// With nothing to catch up with, no batch would ever say so.
    async fn has_caught_up(&self) -> bool {
        let (followed, published) = (&self.spec.followed, self.status.borrow().published);
        // What carries the events may not be there before the first of them is.
        if let (Position::ZERO, Some(journal)) = (published, &followed.journal)
            && journal.head().await.is_ok_and(|head| head == Position::ZERO)
        {
            return true;
        }
        followed.feed.head().await.is_ok_and(|head| head <= published)
    }

    fn set_health(&mut self, health: GroupHealth) {
        self.health.send_if_modified(|now| {
            let changed = *now != health;
            *now = health;
            changed
        });
    }
}

impl Observer for Report {
    fn batch_events(&mut self, far_behind: bool) -> usize {
        let runner = &self.spec.options.runner;
        if far_behind { runner.catch_up_batch_events } else { runner.batch_events }
    }

    fn committed(&mut self, last: Last, head: Position, parked: &Arc<BTreeSet<StreamId>>) {
        self.backoff.reset();
        self.status.send_modify(|status| {
            status.published = last.position;
            status.recorded_at = Some(last.recorded_at);
            status.parked = parked.clone();
        });
        self.set_health(if last.position >= head { GroupHealth::Live } else { GroupHealth::CatchingUp });
    }

    fn feed_answers(&mut self) {
        self.backoff.reset();
        // It was asked for what comes next, and there was nothing.
        self.set_health(GroupHealth::Live);
    }

    fn feed_stalled(&mut self, reason: String) -> Result<(), Failure> {
        tracing::error!(group = self.spec.options.name, reason, "the feed of a projection group stalled");
        self.set_health(GroupHealth::Stalled { reason });
        Ok(())
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
