//! From the checkpoint on until something ends it: one projection object, one reading thread, batch after batch.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use event_log::EventFeed;
use events::{Position, StreamId};
use tokio::runtime::Handle;

use super::StopSignal;
use super::feed::{Inbox, Next, follow, words};
use super::fold::{GroupFold, Last};
use super::measures::Measures;
use super::options::RunnerOptions;
use super::overlay::Overlay;
use super::parking::Parking;
use crate::port::{Changes, Checkpoint, Projection, ProjectionStore, StoreError, StoreReader};

/// Events between two looks at the clock of memory and at the stop signal.
const EVENTS_PER_CHECK: usize = 256;

/// What a session works on.
pub(super) struct Session<'a> {
    pub(super) group: &'a str,
    /// Names it in metrics, spans and threads: two generations of a group may be folded side by side.
    pub(super) label: &'a str,
    pub(super) store: &'a dyn ProjectionStore,
    pub(super) feed: Arc<dyn EventFeed>,
    pub(super) handle: &'a Handle,
    pub(super) options: &'a RunnerOptions,
    pub(super) stop: StopSignal,
    /// Where to end; a group follows for ever.
    pub(super) until: Option<Position>,
    pub(super) observer: &'a mut dyn Observer,
}

/// Who decides how batches are cut and hears what became of them.
pub(super) trait Observer {
    /// The most events of the batch that begins.
    fn batch_events(&mut self, far_behind: bool) -> usize;
    /// A batch is durable.
    fn committed(&mut self, last: Last, head: Position, parked: &Arc<BTreeSet<StreamId>>);
    /// The feed answers again, and has nothing new yet.
    fn feed_answers(&mut self);
    /// The feed did not answer; it is asked again if this returns `Ok`.
    fn feed_stalled(&mut self, reason: String) -> Result<(), Failure>;
}

/// Why a session failed.
pub(super) enum Failure {
    /// It may go on later from the checkpoint.
    Stalled(String),
    /// It must not go on.
    Halted(String),
    /// It must not go on until the feed was mended.
    FeedHalted(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } | StoreError::Engine { .. } => Self::Stalled(words(&error)),
            StoreError::Foreign { .. } | StoreError::InUse { .. } | StoreError::Corrupt { .. } => {
                Self::Halted(words(&error))
            }
        }
    }
}

/// A batch on its way into the store.
struct Committing<'scope> {
    batch: Arc<Batch>,
    head: Position,
    thread: ScopedJoinHandle<'scope, Result<Duration, StoreError>>,
}

/// What is committed together.
struct Batch {
    changes: Changes,
    checkpoint: Checkpoint,
    last: Last,
    events: usize,
    parked: Arc<BTreeSet<StreamId>>,
}

/// Whether there is a next batch.
enum Flow {
    Continue,
    End,
}

impl<'a> Session<'a> {
    /// Runs until told to stop, or `until` is reached.
    pub(super) fn run(&mut self, projection: Box<dyn Projection>) -> Result<(), Failure> {
        let position = self.store.checkpoint()?.map_or(Position::ZERO, |checkpoint| checkpoint.position);
        if self.until.is_some_and(|until| position >= until) {
            return Ok(());
        }
        let parking = Parking::load(self.store)?;
        let mut fold = GroupFold::new(self.group, projection, parking);
        let measures = Measures::new(self.label);
        let (follower, inbox) = follow(self.feed.clone(), position, self.options, self.stop.clone());
        thread::scope(|scope| {
            let handle = self.handle;
            thread::Builder::new()
                .name(format!("{}-feed", self.label))
                .spawn_scoped(scope, move || follower.run(handle))
                .map_err(|e| Failure::Stalled(format!("cannot start a thread: {e}")))?;
            // Owned in here: the reading thread ends when the inbox goes, also when the fold fails or panics.
            let mut inbox = inbox;
            let mut position = position;
            let mut committing = None;
            while let Flow::Continue =
                self.batch(scope, &mut fold, &mut inbox, &measures, &mut position, &mut committing)?
            {}
            self.settle(&mut committing, &measures)
        })
    }

    fn batch<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        fold: &mut GroupFold,
        inbox: &mut Inbox,
        measures: &Measures,
        position: &mut Position,
        committing: &mut Option<Committing<'scope>>,
    ) -> Result<Flow, Failure>
    where
        'a: 'scope,
    {
        let mut next = inbox.wait();
        let far_behind = inbox.head().0.saturating_sub(position.0) > self.options.batch_events as u64;
        let limit = self.observer.batch_events(far_behind).max(1);
        let span =
            tracing::debug_span!("batch", messaging.consumer.group.name = self.label, after = position.0, far_behind);
        let _entered = span.enter();

        let mut events = 0;
        let mut flow = Flow::Continue;
        let mut halted = None;
        let folding = tracing::debug_span!("fold").entered();
        let before = committing.as_ref().map(|committing| committing.batch.clone());
        let overlay = before.as_deref().map(|batch| Overlay { changes: &batch.changes, store: self.store });
        let reader: &dyn StoreReader = match &overlay {
            Some(overlay) => overlay,
            None => self.store,
        };
        loop {
            match next {
                Next::Event(incoming) => {
                    let at = incoming.event.position;
                    fold.take(reader, *incoming)?;
                    *position = at;
                    events += 1;
                }
                Next::Empty => break,
                Next::Answers => {
                    self.observer.feed_answers();
                    break;
                }
                Next::Stalled(reason) => {
                    self.observer.feed_stalled(reason)?;
                    break;
                }
                Next::Halted(reason) => {
                    halted = Some(reason);
                    break;
                }
                Next::Ended => {
                    flow = Flow::End;
                    break;
                }
            }
            if self.until.is_some_and(|until| *position >= until) {
                flow = Flow::End;
                break;
            }
            if events % EVENTS_PER_CHECK == 0 {
                if *self.stop.borrow() {
                    flow = Flow::End;
                    break;
                }
                if fold.pending_bytes() >= self.options.catch_up_bytes {
                    break;
                }
            }
            if events >= limit {
                break;
            }
            // Far behind, more is certain to come and waiting for it saves renderings. Else nobody waits for company.
            next = if far_behind && inbox.head() > *position { inbox.wait() } else { inbox.ready() };
        }
        drop(folding);

        self.settle(committing, measures)?;

        // Nothing that was told to anyone rests on a large unfinished batch: ending is quicker without it.
        let abandon = far_behind && *self.stop.borrow();
        if let (Some(last), false) = (fold.last().filter(|_| events > 0), abandon) {
            let batch = self.render(fold, last, events)?;
            // With more to come the next events are folded meanwhile.
            if far_behind && inbox.head() > *position {
                *committing = Some(self.commit_beside(scope, batch, inbox.head())?);
            } else {
                let took = commit(self.store, &batch)?;
                self.committed(&batch, inbox.head(), took, measures);
            }
        }
        halted.map_or(Ok(flow), |reason| Err(Failure::FeedHalted(reason)))
    }

    fn render(&self, fold: &mut GroupFold, last: Last, events: usize) -> Result<Batch, StoreError> {
        let changes = tracing::debug_span!("render").in_scope(|| fold.render(self.store))?;
        let checkpoint = Checkpoint {
            journal_id: self.feed.journal_id(),
            projection_version: fold.projection_version(),
            position: last.position,
            event_id: last.event_id,
        };
        Ok(Batch { changes, checkpoint, last, events, parked: fold.parking().names().clone() })
    }

    fn commit_beside<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        batch: Batch,
        head: Position,
    ) -> Result<Committing<'scope>, Failure>
    where
        'a: 'scope,
    {
        let (store, batch) = (self.store, Arc::new(batch));
        let committed = batch.clone();
        let span = tracing::Span::current();
        let thread = thread::Builder::new()
            .name(format!("{}-commit", self.label))
            .spawn_scoped(scope, move || span.in_scope(|| commit(store, &committed)))
            .map_err(|e| Failure::Stalled(format!("cannot start a thread: {e}")))?;
        Ok(Committing { batch, head, thread })
    }

    /// Waits for the batch that is being committed, if one is.
    fn settle(&mut self, committing: &mut Option<Committing<'_>>, measures: &Measures) -> Result<(), Failure> {
        let Some(Committing { batch, head, thread }) = committing.take() else { return Ok(()) };
        let took = match thread.join() {
            Ok(took) => took?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        self.committed(&batch, head, took, measures);
        Ok(())
    }

    fn committed(&mut self, batch: &Batch, head: Position, took: Duration, measures: &Measures) {
        measures.committed(batch.events, &batch.changes, took);
        let position = batch.last.position;
        tracing::debug_span!("publish", messaging.consumer.group.name = self.label, position = position.0)
            .in_scope(|| self.observer.committed(batch.last, head, &batch.parked));
    }
}

fn commit(store: &dyn ProjectionStore, batch: &Batch) -> Result<Duration, StoreError> {
    let begun = Instant::now();
    tracing::debug_span!("commit", messaging.batch.message_count = batch.events, rows = batch.changes.rows.len())
        .in_scope(|| store.commit(&batch.changes, &batch.checkpoint))?;
    Ok(begun.elapsed())
}
