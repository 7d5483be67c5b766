//! Follows what is published, and knows which generation is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use events::Position;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::published::PublishedReader;
use super::reader::CqlViewReader;
use super::store::{CqlGroup, CqlStore};
use crate::port::{ViewError, ViewReader, ViewSource};
use crate::publish::Publication;

/// The views of a group, whichever of its generations is served.
pub struct CqlViews {
    served: watch::Receiver<Arc<CqlViewReader>>,
    trouble: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
}

/// What readers and whoever follows for them tell each other.
#[derive(Default)]
pub(super) struct Waiters {
    /// Those who wait for a position: for them it is asked more often.
    number: AtomicUsize,
    first: Notify,
    /// What lies there now is of another journal: nobody may read it.
    pub(super) foreign: AtomicBool,
}

/// Somebody waits for as long as this lives.
pub(super) struct Waiting<'w>(&'w Waiters);

impl Waiters {
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.first.notify_one();
        Waiting(self)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.number.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CqlViews {
    /// Follows a group from here on.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`] if no generation is served yet, [`ViewError::Foreign`] if they are of another journal.
    pub async fn open(store: Arc<CqlStore>, group: CqlGroup) -> Result<Self, ViewError> {
        let mut published = PublishedReader::new(store.clone(), group.clone()).await?;
        let (generation, publication) = served(published.read().await?).ok_or_else(|| nothing_served(&group))?;
        // Whoever did not say which journal takes this one, and no other from here on.
        let group = CqlGroup { journal_id: Some(publication.journal_id), ..group };
        published.follow(group.clone());
        let waiters = Arc::new(Waiters::default());
        let (publication, seen) = watch::channel(publication);
        let reader = CqlViewReader::new(store.clone(), &group, generation, seen, waiters.clone()).await?;
        let (serving, served) = watch::channel(Arc::new(reader));
        let (telling, trouble) = watch::channel(None);
        let follower =
            Follower { store, group, published, waiters, generation, publication, serving, trouble: telling };
        Ok(Self { served, trouble, task: tokio::spawn(follower.run()) })
    }

    /// Why it is not known at present how far rows are published, and when that changes; `None` while it is.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
    }
}

impl Drop for CqlViews {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl ViewSource for CqlViews {
    fn current(&self) -> Arc<dyn ViewReader> {
        self.served.borrow().clone()
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        let mut served = self.served.clone();
        loop {
            let reader = served.borrow_and_update().clone();
            tokio::select! {
                reached = reader.wait_published(position) => match reached {
                    // Another generation is served now.
                    Err(_) if served.has_changed().unwrap_or(false) => {}
                    reached => return reached,
                },
                changed = served.changed() => if changed.is_err() {
                    let reason = "views are no longer followed".to_owned();
                    return Err(ViewError::Unavailable { operation: "wait for views", reason });
                },
            }
        }
    }
}

/// The latest generation that readers may have.
pub(super) fn served(all: Vec<(u32, Publication)>) -> Option<(u32, Publication)> {
    all.into_iter().filter(|(_, publication)| publication.served).max_by_key(|(generation, _)| *generation)
}

fn nothing_served(group: &CqlGroup) -> ViewError {
    let reason = format!("no views of the group {} are published", group.name);
    ViewError::Unavailable { operation: "follow views", reason }
}

/// Asks again and again.
struct Follower {
    store: Arc<CqlStore>,
    group: CqlGroup,
    published: PublishedReader,
    waiters: Arc<Waiters>,
    generation: u32,
    publication: watch::Sender<Publication>,
    serving: watch::Sender<Arc<CqlViewReader>>,
    trouble: watch::Sender<Option<String>>,
}

impl Follower {
    async fn run(mut self) {
        loop {
            let options = &self.store.options;
            if self.waiters.number.load(Ordering::Relaxed) == 0 {
                tokio::select! {
                    () = tokio::time::sleep(options.idle_poll_interval) => {}
                    () = self.waiters.first.notified() => {}
                }
            } else {
                tokio::time::sleep(options.poll_interval).await;
            }
            let looked = self.look().await;
            match &looked {
                Ok(()) => self.waiters.foreign.store(false, Ordering::Relaxed),
                Err(ViewError::Foreign { .. }) => self.waiters.foreign.store(true, Ordering::Relaxed),
                // Whose rows those are has not changed because nobody says.
                Err(_) => {}
            }
            // What is known of the rows stays as it is, and with it how old they are.
            let trouble = looked.err().map(|error| error.to_string());
            match (&trouble, self.trouble.borrow().is_some()) {
                (Some(reason), false) => tracing::error!(group = self.group.name, reason, "cannot follow views"),
                (None, true) => tracing::info!(group = self.group.name, "views are followed again"),
                _ => {}
            }
            self.trouble.send_if_modified(|told| {
                let changed = *told != trouble;
                *told = trouble;
                changed
            });
        }
    }

    async fn look(&mut self) -> Result<(), ViewError> {
        let all = self.published.read().await?;
        let ours = all.iter().find(|(generation, _)| *generation == self.generation);
        let ours = ours.map(|(_, publication)| publication.clone());
        let found = served(all);
        let (generation, publication) = found.ok_or_else(|| nothing_served(&self.group))?;
        if generation == self.generation {
            // Also when it went back, as after a restored backup: what it says is what the rows are.
            self.publication.send_if_modified(|known| {
                let changed = *known != publication;
                *known = publication;
                changed
            });
            return Ok(());
        }
        // Readers do not go back: they change over at a position that both have come to.
        if let Some(ours) = ours.filter(|ours| ours.served && ours.position > publication.position) {
            self.publication.send_if_modified(|known| {
                let changed = *known != ours;
                *known = ours;
                changed
            });
            return Ok(());
        }
        tracing::info!(group = self.group.name, generation, "another generation of views is served");
        let (sender, seen) = watch::channel(publication);
        let waiters = self.waiters.clone();
        let reader = CqlViewReader::new(self.store.clone(), &self.group, generation, seen, waiters).await?;
        self.generation = generation;
        self.serving.send_replace(Arc::new(reader));
        self.publication = sender;
        Ok(())
    }
}
