//! Views that another process of this machine makes: read from its stores, followed by looking.

use std::sync::Arc;
use std::time::Duration;

use event_log::Watermark;
use events::{EventId, Position, Timestamp};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use uuid::Uuid;
use views::{AsOf, ViewStatus};

use super::group::{GroupHandle, GroupHealth, GroupOptions, GroupViews, Served};
use super::parking::Parking;
use crate::lmdb::{Generations, Identity, LmdbProjectionStore};
use crate::port::{ProjectionStore, StoreError};

/// How often it is looked how far the rows have come: a read of one small value.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// How often, in looks, it is looked which generation is served, and how old its rows are.
const LOOKS_PER_ROUND: u32 = 25;

/// Follows the views of a group whose projectors run in another process of this machine. `None` while there are none.
///
/// # Errors
/// What is there cannot be read.
pub fn share_views(options: &GroupOptions, projection_version: u32) -> Result<Option<GroupViews>, StoreError> {
    let generations = Generations::of(&options.views_folder, &options.name);
    let watermarks = watch::Sender::new(None);
    let mut follower = Follower { options: options.clone(), generations, projection_version, watermarks };
    let Some(number) = follower.generations.serving()? else { return Ok(None) };
    let Some(shared) = follower.open(number)? else { return Ok(None) };
    follower.hear_age();
    let (served, served_seen) =
        watch::channel(Served::of_parts(&shared.store, &shared.reader, shared.status.subscribe()));
    // Whether its projectors run shows in the age of the rows, not here; here, whether they can be read.
    let (health, health_seen) = watch::channel(GroupHealth::Live);
    tokio::spawn(async move {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::select! {
            () = served.closed() => {}
            () = follower.look_again_and_again(number, shared, &served, &health, looks) => {}
        }
    });
    Ok(Some(GroupViews::of(served_seen, health_seen)))
}

impl GroupHandle {
    /// Tells readers in other processes how old the rows may be, and forgets those that ended without a word. To be called
    /// again and again.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn share(&self) -> Result<(), StoreError> {
        let published = self.status().published;
        let reader = self.reader();
        if let AsOf::Time(time) = views::ViewReader::as_of(reader.as_ref()) {
            self.generations().tell_age(&format!("{} {}\n", time.0, published.0))?;
        }
        self.clear_stale_readers()
    }
}

struct Follower {
    options: GroupOptions,
    generations: Generations,
    projection_version: u32,
    watermarks: watch::Sender<Option<Watermark>>,
}

/// A generation of another process.
struct Shared {
    store: Arc<LmdbProjectionStore>,
    reader: Arc<crate::lmdb::LmdbViewReader>,
    status: watch::Sender<ViewStatus>,
    identity: Identity,
}

impl Follower {
    /// `None` if nothing was folded yet.
    fn open(&self, number: u32) -> Result<Option<Shared>, StoreError> {
        let folder = self.generations.folder(number);
        let Some(identity) = self.generations.identity(number) else { return Ok(None) };
        let store = Arc::new(LmdbProjectionStore::open_shared(&folder, &self.options.store)?);
        let Some(status) = self.status(&store)? else { return Ok(None) };
        let (status, seen) = watch::channel(status);
        let reader = Arc::new(store.view_reader(seen).with_watermarks(Some(self.watermarks.subscribe())));
        Ok(Some(Shared { store, reader, status, identity }))
    }

    fn status(&self, store: &LmdbProjectionStore) -> Result<Option<ViewStatus>, StoreError> {
        let Some(checkpoint) = store.checkpoint()? else { return Ok(None) };
        Ok(Some(ViewStatus {
            journal_id: checkpoint.journal_id,
            published: checkpoint.position,
            parked: Parking::load(store)?.names().clone(),
            frozen: checkpoint.projection_version != self.projection_version,
            recorded_at: None,
        }))
    }

    async fn look_again_and_again(
        &mut self,
        mut number: u32,
        mut shared: Shared,
        served: &watch::Sender<Served>,
        health: &watch::Sender<GroupHealth>,
        mut looks: Interval,
    ) {
        let mut told = None;
        loop {
            let mut looked = Ok(());
            for _ in 0..LOOKS_PER_ROUND {
                looks.tick().await;
                looked = self.look(&shared);
            }
            let well = match self.other_generation(number, &shared) {
                Ok(Some((other, opened))) => {
                    tracing::info!(generation = other, "another generation of views is served");
                    served.send_replace(Served::of_parts(&opened.store, &opened.reader, opened.status.subscribe()));
                    (number, shared) = (other, opened);
                    Ok(())
                }
                Ok(None) => {
                    // What is told there is told of this one.
                    self.hear_age();
                    looked
                }
                Err(error) => Err(error),
            };
            self.tell_once(&mut told, health, well);
        }
    }

    fn look(&self, shared: &Shared) -> Result<(), StoreError> {
        let position = shared.store.checkpoint()?.map_or(Position::ZERO, |checkpoint| checkpoint.position);
        if position != shared.status.borrow().published
            && let Some(status) = self.status(&shared.store)?
        {
            shared.status.send_replace(status);
        }
        Ok(())
    }

    /// `None`: the one of this number is still served.
    fn other_generation(&self, number: u32, opened: &Shared) -> Result<Option<(u32, Shared)>, StoreError> {
        let Some(other) = self.generations.serving()? else { return Err(removed()) };
        if other != number {
            return self.open(other)?.map(|shared| Some((other, shared))).ok_or_else(removed);
        }
        // The file that is read may not be the one that is written any more.
        match self.generations.identity(number) {
            Some(identity) if identity == opened.identity => Ok(None),
            _ => Err(removed()),
        }
    }

    fn hear_age(&self) {
        let age = self.generations.told_age().and_then(|age| {
            let (time, head) = age.trim().split_once(' ')?;
            Some((Timestamp(time.parse().ok()?), Position(head.parse().ok()?)))
        });
        if let Some((time, head)) = age {
            let watermark = Watermark { time, head, event_id: EventId(Uuid::nil()) };
            self.watermarks.send_if_modified(|newest| {
                let changed = *newest != Some(watermark);
                *newest = Some(watermark);
                changed
            });
        }
    }

    /// The same trouble is told once, and is how the group fares.
    fn tell_once(
        &self,
        told: &mut Option<String>,
        health: &watch::Sender<GroupHealth>,
        result: Result<(), StoreError>,
    ) {
        let trouble = result.err().map(|error| error.to_string());
        if let Some(reason) = trouble.as_ref().filter(|reason| told.as_ref() != Some(reason)) {
            tracing::error!(group = self.options.name, reason, "the views of another process cannot be read");
        }
        if *told != trouble {
            let stalled = trouble.clone().map(|reason| GroupHealth::Stalled { reason });
            health.send_replace(stalled.unwrap_or(GroupHealth::Live));
        }
        *told = trouble;
    }
}

fn removed() -> StoreError {
    let reason = "the views were removed: start this process again".to_owned();
    StoreError::Corrupt { operation: "read which views are served", reason }
}
