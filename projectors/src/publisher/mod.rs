//! Publishes the rows of a group to where any machine can read them.
//!
//! The fold neither waits for it nor reads what it wrote: what lies above what is published is known to the local store, and
//! is published from there, whoever published before.

mod again;
mod measures;
mod options;
mod round;
mod turn;

use std::ops::ControlFlow;
use std::sync::Arc;

use event_log::{EventFeed, Turn};
use events::JournalId;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use views::{AsOf, Publication, ViewError, ViewPublisher, ViewPublishers, ViewReader};

use self::again::position_before;
use self::measures::Measures;
pub use self::options::PublisherOptions;
use self::round::Source;
use self::turn::Keeper;
use crate::lmdb::ChangedFrom;
use crate::runner::{Backoff, GroupHandle, GroupHealth, Served};

/// How a publisher fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublisherHealth {
    /// There is nothing that could be published yet.
    Waiting,
    /// Another process publishes.
    Standby,
    /// Rows are published that were not.
    CatchingUp,
    /// Everything is published that the local store had when last looked at.
    Live,
    /// It failed, and is tried again.
    Stalled {
        /// Why.
        reason: String,
    },
    /// It must not go on; an operator has to act.
    Halted {
        /// Why.
        reason: String,
    },
    /// It has ended.
    Stopped,
}

/// What a publisher needs besides rows.
#[derive(Clone)]
pub struct PublisherPorts {
    /// Where rows go.
    pub publishers: Arc<dyn ViewPublishers>,
    /// The journal itself, which knows when its events were recorded.
    pub journal: Arc<dyn EventFeed>,
    /// Who publishes, of all who could. Two at once do no harm.
    pub turn: Arc<dyn Turn>,
}

/// A publisher that runs. Dropping it ends it, wherever it is: what was begun is done again by the next one.
pub struct Publisher {
    health: watch::Receiver<PublisherHealth>,
    published: watch::Receiver<Option<Publication>>,
    reading: Arc<Mutex<()>>,
    turn: Keeper,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Publishes what a group serves, generation after generation.
    pub fn start(name: &str, group: &GroupHandle, ports: PublisherPorts, options: PublisherOptions) -> Self {
        let (health, seen) = watch::channel(PublisherHealth::Waiting);
        let (published, published_seen) = watch::channel(None);
        let reading = Arc::new(Mutex::new(()));
        let turn = Keeper::of(ports.turn.clone(), &options);
        let worker = Worker {
            group: name.to_owned(),
            projection_version: group.projection_version(),
            served: group.served(),
            group_health: group.health(),
            ports,
            opened: None,
            backoff: Backoff::between(options.retry_backoff, options.retry_backoff_max),
            options,
            health,
            published,
            measures: Measures::of(name),
            reading: reading.clone(),
        };
        Self { health: seen, published: published_seen, reading, turn, task: tokio::spawn(worker.run()) }
    }

    /// Ends it, gives its turn to whoever stands by, and waits until it has let go of the local store.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // Whether it was aborted or had ended is the same here.
        let _ = (&mut self.task).await;
        self.turn.give_back().await;
        drop(self.reading.lock().await);
    }

    /// What it knows to be published, and when that changes.
    pub fn published(&self) -> watch::Receiver<Option<Publication>> {
        self.published.clone()
    }

    /// How it fares, and when that changes.
    pub fn health(&self) -> watch::Receiver<PublisherHealth> {
        self.health.clone()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Worker {
    group: String,
    projection_version: u32,
    served: watch::Receiver<Served>,
    group_health: watch::Receiver<GroupHealth>,
    ports: PublisherPorts,
    /// Kept over failures: opening one anew needs nodes that may be away.
    opened: Option<Opened>,
    backoff: Backoff,
    options: PublisherOptions,
    health: watch::Sender<PublisherHealth>,
    published: watch::Sender<Option<Publication>>,
    measures: Measures,
    /// Held while the store is read.
    reading: Arc<Mutex<()>>,
}

/// The publisher of a generation.
struct Opened {
    version: u32,
    journal_id: JournalId,
    publisher: Arc<dyn ViewPublisher>,
}

/// The group serves another generation, or has ended.
enum Over {
    AnotherGeneration,
    Group,
}

impl Worker {
    /// Stands by, and publishes while it is its turn.
    async fn run(mut self) {
        let turn = Keeper::of(self.ports.turn.clone(), &self.options);
        loop {
            // Whoever stands by is to go on at once. What cannot be reached now is tried again when it is needed.
            let (_, ()) = tokio::join!(self.ports.publishers.connect(), turn.wait(|health| self.tell(health)));
            tokio::select! {
                () = self.publish() => break,
                () = turn.lost() => tracing::warn!(group = self.group, "another process publishes"),
            }
        }
        turn.give_back().await;
    }

    async fn publish(&mut self) {
        loop {
            let served = self.served.borrow_and_update().clone();
            match self.generation(&served).await {
                Ok(Over::AnotherGeneration) => {}
                Ok(Over::Group) => return,
                Err(error @ ViewError::Foreign { .. }) => {
                    tracing::error!(group = self.group, error = &error as &dyn std::error::Error, "publishing halted");
                    self.tell(PublisherHealth::Halted { reason: error.to_string() });
                    return;
                }
                Err(error) => {
                    self.measures.failed();
                    if !matches!(error, ViewError::Unavailable { .. }) {
                        self.opened = None;
                    }
                    let wait = self.backoff.next();
                    tracing::error!(
                        group = self.group,
                        error = &error as &dyn std::error::Error,
                        ?wait,
                        "publishing stalled"
                    );
                    self.tell(PublisherHealth::Stalled { reason: error.to_string() });
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Publishes a generation until another one is served. Every time it begins it asks how far rows are published.
    async fn generation(&mut self, served: &Served) -> Result<Over, ViewError> {
        let version = match self.version(served).await? {
            ControlFlow::Continue(version) => version,
            ControlFlow::Break(over) => return Ok(over),
        };
        let mut status = served.status.clone();
        let journal_id = status.borrow().journal_id;
        let publisher = self.open(version, journal_id).await?;
        let (reading, entries_max) = (self.reading.clone(), self.options.rows_per_read);
        let source = Source { store: served.store.clone(), reading, entries_max };
        let mut known = self.look(publisher.as_ref()).await?;
        let mut again = match &known {
            Some(known) => {
                let position = position_before(self.ports.journal.as_ref(), known, self.options.again).await?;
                (position < known.position).then(|| ChangedFrom::above(position))
            }
            None => None,
        };
        let mut beat = Instant::now() + self.options.heartbeat;
        loop {
            let beats = Instant::now() >= beat;
            if beats {
                beat = Instant::now() + self.options.heartbeat;
                // Another one may publish as well, or the store was restored to what it was.
                known = self.look(publisher.as_ref()).await?;
            }
            // In this order: what is said of the age of rows holds for the position that is looked at later.
            let as_of = served.reader.as_of();
            let status_now = status.borrow_and_update().clone();
            let is_live = *self.group_health.borrow_and_update() == GroupHealth::Live;
            let mut next = Publication {
                journal_id,
                position: status_now.published,
                parked: status_now.parked,
                as_of: match as_of {
                    AsOf::Time(time) => Some(time),
                    AsOf::Journal | AsOf::Unknown => None,
                },
                served: known.as_ref().is_some_and(|known| known.served),
            };
            let mut is_whole = true;
            if is_news(known.as_ref(), &next, is_live, beats) {
                let above = known.as_ref().map(|known| known.position).unwrap_or_default();
                if above < next.position {
                    self.tell(PublisherHealth::CatchingUp);
                    is_whole = round::publish_above(above, &source, publisher.as_ref(), &self.measures).await?;
                }
                // What took long is old by now: readers are not to go back to that.
                if is_live && is_whole && !next.served {
                    next.served = publisher.readers_have().await?.is_none_or(|theirs| theirs <= next.position);
                }
                publisher.publish(&next).await?;
                known = Some(next);
                self.published.send_replace(known.clone());
                self.backoff.reset();
            }
            // What is new goes first.
            if let Some(from) = again.take_if(|_| is_whole) {
                again = round::publish_again(from, &source, publisher.as_ref(), &self.measures).await?;
            }
            if is_whole && again.is_none() {
                self.tell(PublisherHealth::Live);
            }
            tokio::select! {
                biased;
                changed = self.served.changed() => return Ok(over(changed.is_ok())),
                changed = status.changed() => if changed.is_err() { return self.another().await },
                () = std::future::ready(()), if !is_whole || again.is_some() => {}
                _ = self.group_health.changed() => {}
                () = tokio::time::sleep_until(beat) => {}
            }
        }
    }

    /// Waits until there is something to publish, and names the version of the projection that made it.
    async fn version(&mut self, served: &Served) -> Result<ControlFlow<Over, u32>, ViewError> {
        let mut status = served.status.clone();
        loop {
            let is_indexed = served.store.is_indexed();
            let checkpoint = if is_indexed { served.checkpoint()? } else { None };
            match checkpoint {
                Some(checkpoint) => return Ok(ControlFlow::Continue(checkpoint.projection_version)),
                // That there is nothing yet is worth telling, too: readers need not wait for the first event.
                None if is_indexed && *self.group_health.borrow_and_update() == GroupHealth::Live => {
                    return Ok(ControlFlow::Continue(self.projection_version));
                }
                // Nothing was folded yet, or these rows are made anew.
                None => {
                    self.tell(PublisherHealth::Waiting);
                    tokio::select! {
                        changed = self.served.changed() => return Ok(ControlFlow::Break(over(changed.is_ok()))),
                        changed = status.changed() => {
                            if changed.is_err() {
                                return self.another().await.map(ControlFlow::Break);
                            }
                        }
                        _ = self.group_health.changed() => {}
                    }
                }
            }
        }
    }

    async fn open(&mut self, version: u32, journal_id: JournalId) -> Result<Arc<dyn ViewPublisher>, ViewError> {
        if let Some(opened) = &self.opened
            && (opened.version, opened.journal_id) == (version, journal_id)
        {
            return Ok(opened.publisher.clone());
        }
        let publisher = self.ports.publishers.open(&self.group, version, journal_id).await?;
        self.opened = Some(Opened { version, journal_id, publisher: publisher.clone() });
        Ok(publisher)
    }

    /// Asks what is published.
    async fn look(&self, publisher: &dyn ViewPublisher) -> Result<Option<Publication>, ViewError> {
        let known = publisher.published().await?;
        self.published.send_replace(known.clone());
        Ok(known)
    }

    /// The generation that was followed is gone.
    async fn another(&mut self) -> Result<Over, ViewError> {
        Ok(over(self.served.changed().await.is_ok()))
    }

    fn tell(&self, health: PublisherHealth) {
        self.health.send_if_modified(|now| {
            let changed = *now != health;
            *now = health;
            changed
        });
    }
}

/// Also after a panic: what nobody does any more must not look well.
impl Drop for Worker {
    fn drop(&mut self) {
        if !matches!(*self.health.borrow(), PublisherHealth::Halted { .. }) {
            self.tell(PublisherHealth::Stopped);
        }
    }
}

fn over(goes_on: bool) -> Over {
    if goes_on { Over::AnotherGeneration } else { Over::Group }
}

/// Whether it is to be said. That nothing happened is said with each heartbeat only.
fn is_news(known: Option<&Publication>, next: &Publication, is_live: bool, beats: bool) -> bool {
    let Some(known) = known else { return true };
    match next.position.cmp(&known.position) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => (is_live && !known.served) || (beats && next.as_of > known.as_of),
        std::cmp::Ordering::Less => false,
    }
}
