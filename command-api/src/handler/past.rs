//! What a business was: its state at a version or a time, and what changed when, by whom.

use event_log::JournalError;
use events::{BusinessId, CategoryId, Event, RecordedEvent, StreamVersion, Timestamp};
use thiserror::Error;
use uuid::Uuid;

use super::CommandService;
use super::error::CommandError;
use super::replay::Replay;
use super::slugs::slug_claim;
use super::streams::Reading;
use crate::domain::Aggregate as _;
use crate::domain::business::{State, Status};
use crate::history::{BusinessState, Facts, FieldChange, HistoryActor, HistoryEntry, changes, facts};

/// A moment of a business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// After this many of its events.
    Version(StreamVersion),
    /// After all that was recorded up to then.
    Time(Timestamp),
}

/// Some of the events of a business.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPage {
    /// The newest first.
    pub entries: Vec<HistoryEntry>,
    /// The newest version that the business has.
    pub newest: StreamVersion,
    /// The next page is of what is older than this version; absent at the end.
    pub next_before: Option<StreamVersion>,
}

/// Why there is no answer about the past.
#[derive(Debug, Error)]
pub enum PastError {
    /// There never was such a business.
    #[error("there is no such business")]
    NotFound,
    /// It was not registered yet.
    #[error("the business was registered later, at {}", registered_at.to_rfc3339())]
    NotYet {
        /// When it was.
        registered_at: Timestamp,
    },
    /// It has not come that far.
    #[error("the business is at version {newest}")]
    NoSuchVersion {
        /// How far it is.
        newest: StreamVersion,
    },
    /// What will be is not known.
    #[error("that time has not come yet")]
    Future,
    /// It had been removed by then.
    #[error("the business was removed at version {version}")]
    Removed {
        /// Since when.
        version: StreamVersion,
    },
    /// Its events cannot be read.
    #[error(transparent)]
    Failed(#[from] CommandError),
}

impl From<JournalError> for PastError {
    fn from(error: JournalError) -> Self {
        Self::Failed(error.into())
    }
}

impl CommandService {
    /// The business of an id, or of a slug that it has or once had; also a removed one.
    ///
    /// # Errors
    /// [`PastError::NotFound`], or the journal cannot answer.
    pub async fn find_business(&self, name: &str) -> Result<BusinessId, PastError> {
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let owners = self.inner.journal.find_claims(&[slug_claim(name)]).await?;
        owners.into_iter().flatten().next().map(|stream| BusinessId(stream.id)).ok_or(PastError::NotFound)
    }

    /// The state of a business, now or at a moment.
    ///
    /// # Errors
    /// [`PastError`].
    pub async fn business_state(&self, id: BusinessId, as_of: Option<AsOf>) -> Result<BusinessState, PastError> {
        let mut replay = Replay::of(&self.inner.businesses, id.0);
        let mut removed = None;
        while let Some(next) = replay.peek().await? {
            let beyond = match as_of {
                None => false,
                Some(AsOf::Version(version)) => next.header.version > version,
                Some(AsOf::Time(time)) => next.recorded_at > time,
            };
            if beyond {
                break;
            }
            if let Some((recorded, Event::BusinessRemoved(_))) = replay.step().await? {
                removed = Some(recorded.header.version);
            }
        }
        let version = replay.known().version;
        match as_of {
            _ if version == StreamVersion::ZERO => {
                let first = replay.peek().await?;
                return Err(
                    first.map_or(PastError::NotFound, |first| PastError::NotYet { registered_at: first.recorded_at })
                );
            }
            Some(AsOf::Version(asked)) if asked > version => return Err(PastError::NoSuchVersion { newest: version }),
            // A clock that was set back may be behind what was recorded.
            Some(AsOf::Time(time)) if time > (self.inner.options.clock)().max(replay.times().1) => {
                return Err(PastError::Future);
            }
            _ => {}
        }
        match removed {
            Some(version) => Err(PastError::Removed { version }),
            None => Ok(self.shown(id.0, &replay).await?),
        }
    }

    /// The events of a business before a version, or the newest ones, at most `limit` of them.
    ///
    /// # Errors
    /// [`PastError`].
    pub async fn business_history(
        &self,
        id: BusinessId,
        before: Option<StreamVersion>,
        limit: u64,
    ) -> Result<HistoryPage, PastError> {
        let newest = self.inner.businesses.load(id.0, &mut Reading::reloaded()).await?.version;
        if newest == StreamVersion::ZERO {
            return Err(PastError::NotFound);
        }
        let last = before.map_or(newest.0, |before| before.0.saturating_sub(1)).min(newest.0);
        let first = last.saturating_sub(limit) + 1;
        let mut replay = Replay::up_to(&self.inner.businesses, id.0, newest);
        // Old values are known only to who has folded everything before them.
        while replay.known().version.0 + 1 < first && replay.step().await?.is_some() {}
        let mut entries = Vec::new();
        let mut old = None;
        while replay.known().version.0 < last {
            let before = match old.take() {
                Some(facts) => facts,
                None if replay.known().exists() => facts(&self.shown(id.0, &replay).await?),
                None => Facts::new(),
            };
            let Some((recorded, event)) = replay.step().await? else { break };
            let after = facts(&self.shown(id.0, &replay).await?);
            entries.push(entry(&recorded, event, changes(&before, &after)));
            old = Some(after);
        }
        entries.reverse();
        Ok(HistoryPage { entries, newest, next_before: (first > 1).then_some(StreamVersion(first)) })
    }

    /// The state that was folded, with slugs in place of ids: they are the names that commands use, and never change.
    async fn shown(&self, id: Uuid, replay: &Replay<'_, State>) -> Result<BusinessState, CommandError> {
        let state = &*replay.known().state;
        let mut categories = Vec::with_capacity(state.categories.len());
        for category in &state.categories {
            categories.push(self.category_slug(*category).await?);
        }
        let location = match state.place.location {
            Some(location) => {
                let known = self.inner.locations.load(location.0, &mut Reading::recent()).await?;
                Some(known.state.slug().to_owned())
            }
            None => None,
        };
        let (registered_at, updated_at) = replay.times();
        Ok(BusinessState {
            id,
            version: replay.known().version.0,
            status: match state.status {
                Status::Unknown | Status::Open => "open",
                Status::Closed => "closed",
                Status::Removed => "removed",
            }
            .to_owned(),
            slug: state.slug.clone(),
            name: state.name.clone(),
            description: state.description.clone(),
            categories,
            location,
            address: state.place.address.clone().map(Into::into),
            point: state.place.point.map(Into::into),
            time_zone: state.place.time_zone.clone(),
            phone: state.phone.clone(),
            email: state.email.clone(),
            website: state.website.clone(),
            opening_hours: state.opening_hours.clone(),
            attributes: state.attributes.clone(),
            source: state.source.clone().map(Into::into),
            registered_at: registered_at.to_rfc3339(),
            updated_at: updated_at.to_rfc3339(),
        })
    }

    async fn category_slug(&self, id: CategoryId) -> Result<String, CommandError> {
        let known = self.inner.categories.load(id.0, &mut Reading::recent()).await?;
        Ok(known.state.slug().to_owned())
    }
}

fn entry(recorded: &RecordedEvent, event: Event, changes: Vec<FieldChange>) -> HistoryEntry {
    let header = &recorded.header;
    HistoryEntry {
        version: header.version.0,
        position: recorded.position.0,
        event: header.event_type.clone(),
        recorded_at: recorded.recorded_at.to_rfc3339(),
        occurred_at: header.occurred_at.to_rfc3339(),
        actor: HistoryActor { kind: header.actor.kind.name().to_owned(), id: header.actor.id.clone() },
        command_id: header.command_id.0,
        correlation_id: header.correlation,
        reason: match event {
            Event::BusinessClosed(closed) => closed.reason,
            Event::BusinessRemoved(removed) => Some(removed.reason),
            _ => None,
        },
        changes,
    }
}
