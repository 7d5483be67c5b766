//! The group-commit writer: takes whatever is queued, decides it in one transaction, then tells everybody.

use std::fs::File;
use std::time::{Duration, Instant};

use events::{Position, StreamId, Timestamp};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::{oneshot, watch};
use tracing::Instrument;

use super::batch::decide;
use super::clock::now;
use super::failure::{failure, is_fatal};
use super::options::SqliteJournalOptions;
use super::statements::{Statements, read_counter, remove_old_keys, store_snapshot};
use crate::append::Appended;
use crate::error::{AppendError, JournalError};
use crate::port::Snapshot;
use crate::prepared::{Answer, Prepared, count_batch};
use crate::queue::{Inbox, Work};

/// The most keys removed in one transaction.
const KEYS_REMOVED_PER_BATCH: u32 = 256;
/// The longest time between two looks for old keys.
const KEY_CLEANING_PAUSE_MAX: Duration = Duration::from_secs(60);

/// What is done in a transaction.
pub(super) enum SqliteWork {
    Append(Box<Prepared>, Answer),
    Snapshot(StreamId, Snapshot, oneshot::Sender<Result<(), JournalError>>),
}

/// The only one who writes. Owns the lock: when it ends, the next may open the journal.
pub(super) struct Writer {
    pub(super) options: SqliteJournalOptions,
    pub(super) inbox: Inbox<SqliteWork>,
    pub(super) connection: SqliteConnection,
    pub(super) readers: SqlitePool,
    pub(super) head: watch::Sender<Position>,
    pub(super) statements: Statements,
    pub(super) next_cleaning: Instant,
    /// Why nothing may be written any more.
    pub(super) stopped: Option<String>,
    pub(super) lock: File,
}

impl Writer {
    /// Works until it is asked to close, or nobody is left to ask.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.inbox.batch(Vec::new()).await {
            let span =
                tracing::debug_span!("journal.batch", db.system.name = "sqlite", db.operation.batch.size = batch.len());
            self.write(batch).instrument(span).await;
        }
        self.shut_down().await;
    }

    async fn write(&mut self, batch: Vec<SqliteWork>) {
        count_batch(batch.len());
        match self.transact(&batch).await {
            Ok(answers) => answer_all(batch, answers),
            Err(error) if self.stopped.is_none() && batch.len() > 1 => {
                tracing::warn!(%error, commands = batch.len(), "a batch failed, its commands are tried one by one");
                // What is wrong with one of them, its size for example, must not hit the others.
                for work in batch {
                    match self.transact(std::slice::from_ref(&work)).await {
                        Ok(answers) => answer_all(vec![work], answers),
                        Err(error) => work.fail(error),
                    }
                }
            }
            Err(error) => {
                let mut works = batch.into_iter();
                if let Some(work) = works.next() {
                    work.fail(error);
                }
                works.for_each(|work| work.fail(self.unavailable()));
            }
        }
    }

    /// One transaction. Once it returns answers, they are true whatever happens to the machine.
    async fn transact(&mut self, batch: &[SqliteWork]) -> Result<Vec<Result<Appended, AppendError>>, JournalError> {
        if self.stopped.is_some() {
            return Err(self.unavailable());
        }
        match self.attempt(batch).await {
            Ok((answers, head)) => {
                self.head.send_if_modified(|seen| std::mem::replace(seen, head) != head);
                Ok(answers)
            }
            Err(error) => {
                // SQLite may have rolled back already and says so with an error; then there is nothing to do.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
                if is_fatal(&error) {
                    tracing::error!(%error, "the journal takes nothing more until it is opened again");
                    self.stopped = Some(error.to_string());
                }
                Err(error)
            }
        }
    }

    async fn attempt(
        &mut self,
        batch: &[SqliteWork],
    ) -> Result<(Vec<Result<Appended, AppendError>>, Position), JournalError> {
        const APPEND: &str = "append";
        let engine = |error| failure(APPEND, error);
        let appends: Vec<&Prepared> = batch.iter().filter_map(SqliteWork::prepared).collect();
        let connection = &mut self.connection;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(engine)?;
        let (head, newest) = read_counter(connection).await?;
        let seen = *self.head.borrow();
        if head < seen {
            let reason = format!("the counter says {head} after {seen} was reached");
            return Err(JournalError::Corrupt { operation: APPEND, reason });
        }
        // Behind the lock, and never before the newest event, whatever the clock does.
        let recorded_at = now().max(newest);
        let known = self.statements.look_up(connection, &appends).await?;
        let decided = decide(known, head, recorded_at, appends.into_iter());
        if !decided.events.is_empty() {
            self.statements.store(connection, &decided, recorded_at).await.map_err(engine)?;
        }
        for work in batch {
            if let SqliteWork::Snapshot(stream, snapshot, _) = work {
                store_snapshot(connection, *stream, snapshot).await.map_err(engine)?;
            }
        }
        self.clean_keys(recorded_at).await.map_err(engine)?;
        sqlx::query("COMMIT").execute(&mut self.connection).await.map_err(engine)?;
        Ok((decided.answers, decided.head))
    }

    async fn clean_keys(&mut self, recorded_at: Timestamp) -> Result<(), sqlx::Error> {
        let started = Instant::now();
        if started < self.next_cleaning {
            return Ok(());
        }
        let retention = i64::try_from(self.options.key_retention.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp(recorded_at.0.saturating_sub(retention));
        let removed = remove_old_keys(&mut self.connection, before, KEYS_REMOVED_PER_BATCH).await?;
        if removed < u64::from(KEYS_REMOVED_PER_BATCH) {
            self.next_cleaning = started + (self.options.key_retention / 100).min(KEY_CLEANING_PAUSE_MAX);
        }
        Ok(())
    }

    fn unavailable(&self) -> JournalError {
        let reason = self.stopped.clone().unwrap_or_else(|| "the engine failed".to_owned());
        JournalError::Unavailable { operation: "append", reason }
    }

    /// Readers first: the log can be moved into the main file, and cut off, only when nobody reads it.
    async fn shut_down(self) {
        self.readers.close().await;
        let mut connection = self.connection;
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await {
            tracing::warn!(%error, "the journal's log was not moved into its file; the next opening does it");
        }
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "the journal's connection did not close");
        }
        drop(self.lock);
        self.inbox.closed();
    }
}

impl Work for SqliteWork {
    fn bytes(&self) -> usize {
        match self {
            Self::Append(prepared, _) => prepared.append.payload_bytes(),
            Self::Snapshot(_, snapshot, _) => snapshot.state.len(),
        }
    }
}

impl SqliteWork {
    fn prepared(&self) -> Option<&Prepared> {
        match self {
            Self::Append(prepared, _) => Some(prepared),
            Self::Snapshot(..) => None,
        }
    }

    // An answer that nobody waits for any more is dropped: the caller gave up, the journal did not.
    fn fail(self, error: JournalError) {
        match self {
            Self::Append(_, answer) => drop(answer.send(Err(error.into()))),
            Self::Snapshot(_, _, answer) => drop(answer.send(Err(error))),
        }
    }
}

fn answer_all(batch: Vec<SqliteWork>, answers: Vec<Result<Appended, AppendError>>) {
    let mut answers = answers.into_iter();
    for work in batch {
        match work {
            SqliteWork::Append(_, answer) => {
                let told = answers.next().expect("every append of a batch was decided");
                let _ = answer.send(told);
            }
            SqliteWork::Snapshot(_, _, answer) => {
                let _ = answer.send(Ok(()));
            }
        }
    }
}
