//! The group-commit writer: takes whatever is queued, has it decided in one call, then tells everybody.
//!
//! A connection that is lost while a batch is under way leaves open whether it was stored. The same batch is then sent
//! again on another connection: each of its commands has a key, so that what was stored is found and not stored twice.

use std::time::{Duration, Instant};

use events::Position;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::sync::watch;
use tracing::Instrument;

use super::batch::part;
use super::call::{Outcome, call, outcome};
use super::failure::{Fate, failure, fate};
use super::open::{Connecting, connect};
use super::options::PostgresJournalOptions;
use super::pool::within_close_timeout;
use super::reader::Reader;
use super::seen::Seen;
use crate::error::JournalError;
use crate::prepared::{Answer, Prepared, count_batch};
use crate::queue::{Inbox, Work};

pub(super) const APPEND: &str = "append";

/// Between two tries to connect: first, and at most.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The most keys removed at a time, and the longest time between two looks for old ones.
const KEYS_REMOVED: i64 = 256;
const KEY_CLEANING_PAUSE_MAX: Duration = Duration::from_secs(60);

/// An append that waits for its answer.
pub(super) struct Pending {
    pub(super) prepared: Box<Prepared>,
    pub(super) answer: Answer,
}

impl Work for Pending {
    fn bytes(&self) -> usize {
        self.prepared.append.payload_bytes()
    }
}

/// The only one of its process who writes.
pub(super) struct Writer {
    options: PostgresJournalOptions,
    inbox: Inbox<Pending>,
    connecting: Connecting,
    reader: Reader,
    /// Hears of each new head that is made here.
    appended: watch::Sender<Position>,
    connection: Option<PgConnection>,
    next_cleaning: Instant,
    /// Why nothing may be written any more.
    stopped: Option<String>,
}

/// What became of one try.
enum Tried {
    Done(Outcome),
    /// Whether it was stored is not known.
    Lost(JournalError),
    Refused(JournalError),
}

impl Writer {
    pub(super) fn new(
        options: PostgresJournalOptions,
        inbox: Inbox<Pending>,
        connecting: Connecting,
        reader: Reader,
        appended: watch::Sender<Position>,
    ) -> Self {
        let next_cleaning = Instant::now();
        Self { options, inbox, connecting, reader, appended, connection: None, next_cleaning, stopped: None }
    }

    /// Works until it is asked to close, or nobody is left to ask.
    pub(super) async fn run(mut self) {
        let mut kept = Vec::new();
        while let Some(waiting) = self.inbox.batch(kept).await {
            let (batch, later) = part(waiting);
            kept = later;
            let span = tracing::debug_span!(
                "journal.batch",
                db.system.name = "postgresql",
                db.operation.batch.size = batch.len()
            );
            self.write(batch).instrument(span).await;
            self.clean_keys().await;
        }
        if let Some(connection) = self.connection {
            within_close_timeout(async {
                if let Err(error) = connection.close().await {
                    tracing::debug!(%error, "the journal's connection did not close");
                }
            })
            .await;
        }
        self.reader.connections.close().await;
        self.inbox.closed();
    }

    async fn write(&mut self, batch: Vec<Pending>) {
        count_batch(batch.len());
        match self.settle(&batch).await {
            Ok(outcome) => answer(batch, outcome),
            Err(error) if self.stopped.is_none() && is_about_one(&error) && batch.len() > 1 => {
                tracing::warn!(%error, commands = batch.len(), "a batch failed, its commands are tried one by one");
                // What is wrong with one of them must not hit the others.
                for pending in batch {
                    match self.settle(std::slice::from_ref(&pending)).await {
                        Ok(outcome) => answer(vec![pending], outcome),
                        Err(error) => fail(pending, error),
                    }
                }
            }
            Err(error) => {
                let reason = self.stopped.clone().unwrap_or_else(|| reason(&error));
                let mut batch = batch.into_iter();
                if let Some(pending) = batch.next() {
                    fail(pending, error);
                }
                for pending in batch {
                    fail(pending, JournalError::Unavailable { operation: APPEND, reason: reason.clone() });
                }
            }
        }
    }

    /// Sends a batch until it is known what became of it, as long as that may take.
    async fn settle(&mut self, batch: &[Pending]) -> Result<Outcome, JournalError> {
        if let Some(reason) = &self.stopped {
            return Err(JournalError::Unavailable { operation: APPEND, reason: reason.clone() });
        }
        let deadline = Instant::now() + self.options.settle_timeout;
        let mut pause = RECONNECT_PAUSE;
        let mut sent = false;
        let mut open_whether_stored = false;
        loop {
            let tried = match self.connected().await {
                Ok(()) => {
                    let again = std::mem::replace(&mut sent, true);
                    self.try_once(batch, again).await
                }
                Err(error @ JournalError::Unavailable { .. }) => Tried::Lost(error),
                Err(error) => Tried::Refused(error),
            };
            match tried {
                Tried::Done(outcome) => return Ok(outcome),
                Tried::Refused(error) if open_whether_stored => return Err(undecided(error)),
                Tried::Refused(error) => return Err(error),
                Tried::Lost(error) => {
                    self.connection = None;
                    open_whether_stored |= sent;
                    if Instant::now() + pause >= deadline {
                        return Err(if open_whether_stored { undecided(error) } else { error });
                    }
                    let reason = reason(&error);
                    tracing::warn!(reason, commands = batch.len(), "the journal's connection is lost, another is made");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RECONNECT_PAUSE_MAX);
                }
            }
        }
    }

    async fn connected(&mut self) -> Result<(), JournalError> {
        if self.connection.is_none() {
            self.connection = Some(connect(APPEND, &self.connecting, self.options.connect_timeout).await?);
        }
        Ok(())
    }

    async fn try_once(&mut self, batch: &[Pending], again: bool) -> Tried {
        let Some(connection) = &mut self.connection else {
            return Tried::Lost(silence("there is no connection"));
        };
        match tokio::time::timeout(
            self.options.answer_timeout,
            call(connection, self.reader.id, &self.reader.seen, batch),
        )
        .await
        {
            Ok(Ok(row)) => match outcome(&row, batch, again) {
                Ok(outcome) => {
                    self.reader.seen.note_head(outcome.head);
                    self.appended.send_if_modified(|told| {
                        let new = outcome.head > *told;
                        *told = outcome.head.max(*told);
                        new
                    });
                    note_newest(&self.reader.seen, batch, &outcome);
                    Tried::Done(outcome)
                }
                Err(error) => Tried::Refused(error),
            },
            Ok(Err(error)) => match fate(&error) {
                Fate::Refused => Tried::Refused(failure(APPEND, error)),
                Fate::Lost => Tried::Lost(failure(APPEND, error)),
                Fate::Fatal => {
                    let error = failure(APPEND, error);
                    tracing::error!(%error, "the journal takes nothing more until it is opened again");
                    self.stopped = Some(error.to_string());
                    Tried::Refused(error)
                }
            },
            Err(_) => Tried::Lost(silence("the server does not answer")),
        }
    }

    /// Removes old keys now and then. What goes wrong with it is told and tried again.
    async fn clean_keys(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let started = Instant::now();
        if started < self.next_cleaning {
            return;
        }
        self.next_cleaning = started + (self.options.key_retention / 100).min(KEY_CLEANING_PAUSE_MAX);
        let retention = i64::try_from(self.options.key_retention.as_micros()).unwrap_or(i64::MAX);
        // The inner limit bounds the work also when none of the oldest is old enough.
        let removing = sqlx::query(
            "DELETE FROM idempotency_keys WHERE first_position IN (
                 SELECT oldest.first_position
                 FROM (SELECT first_position FROM idempotency_keys ORDER BY first_position LIMIT $1) oldest
                 JOIN events e ON e.position = oldest.first_position
                 WHERE e.recorded_at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - $2)",
        )
        .bind(KEYS_REMOVED)
        .bind(retention);
        let removing = connection.execute(removing);
        match tokio::time::timeout(self.options.answer_timeout, removing).await {
            Ok(Ok(done)) if done.rows_affected() == KEYS_REMOVED.unsigned_abs() => self.next_cleaning = started,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "old idempotency keys were not removed"),
            // It is in the middle of an answer, and of no use any more.
            Err(_) => self.connection = None,
        }
    }
}

/// What is stored now, for the next batch to be held against.
fn note_newest(seen: &Seen, batch: &[Pending], outcome: &Outcome) {
    let accepted = outcome.answers.iter().zip(batch).rev().find_map(|(answer, pending)| {
        let appended = answer.as_ref().ok().filter(|appended| !appended.replayed)?;
        Some((appended.last, pending.prepared.append.events.last()?.event_id))
    });
    if let Some((position, event)) = accepted {
        seen.note_newest(position, event);
    }
}

/// Whether it may be one command's fault that a batch failed.
fn is_about_one(error: &JournalError) -> bool {
    matches!(error, JournalError::Engine { .. } | JournalError::Full { .. })
}

/// Also says that it may be stored after all.
fn undecided(error: JournalError) -> JournalError {
    match error {
        JournalError::Unavailable { operation, reason } => {
            JournalError::Unavailable { operation, reason: format!("{reason}; the same key settles what happened") }
        }
        other => other,
    }
}

/// Why, without saying once more what was tried.
fn reason(error: &JournalError) -> String {
    match error {
        JournalError::Unavailable { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

fn silence(reason: &str) -> JournalError {
    JournalError::Unavailable { operation: APPEND, reason: reason.to_owned() }
}

// An answer that nobody waits for any more is dropped: the caller gave up, the journal did not.
fn fail(pending: Pending, error: JournalError) {
    drop(pending.answer.send(Err(error.into())));
}

fn answer(batch: Vec<Pending>, outcome: Outcome) {
    for (pending, told) in batch.into_iter().zip(outcome.answers) {
        drop(pending.answer.send(told));
    }
}
