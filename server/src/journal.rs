//! The journal of the mode that the settings choose: the one place where the port meets its adapters.

use std::sync::Arc;
use std::time::Duration;

use event_log::{EventFeed, Journal, JournalError, SqliteJournal, SqliteJournalOptions};
use events::JournalId;

use crate::config::Config;
use crate::exit::Refusal;
use crate::folder::DataFolder;

/// An open journal. A clone is another handle to the same one.
#[derive(Debug, Clone)]
pub(crate) enum OpenJournal {
    /// A file in the data folder.
    Sqlite(SqliteJournal),
}

impl OpenJournal {
    /// Opens the journal, or makes it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) async fn open(folder: &DataFolder, config: &Config) -> Result<Self, JournalError> {
        let journal = &config.journal;
        let options = SqliteJournalOptions {
            max_batch: journal.max_batch,
            queue: journal.queue,
            key_retention: Duration::from_secs(journal.key_retention_hours * 3600),
            read_connections: journal.read_connections,
            ..SqliteJournalOptions::default()
        };
        Ok(Self::Sqlite(SqliteJournal::open(folder.journal_file(), options).await?))
    }

    /// For whoever decides commands.
    pub(crate) fn port(&self) -> Arc<dyn Journal> {
        match self {
            Self::Sqlite(journal) => Arc::new(journal.clone()),
        }
    }

    /// For whoever follows.
    pub(crate) fn feed(&self) -> Arc<dyn EventFeed> {
        match self {
            Self::Sqlite(journal) => Arc::new(journal.feed()),
        }
    }

    /// The file, to be copied.
    ///
    /// # Errors
    /// It lies in a database, which has tools of its own for that.
    pub(crate) fn file(&self) -> Result<SqliteJournal, Refusal> {
        match self {
            Self::Sqlite(journal) => Ok(journal.clone()),
        }
    }

    /// Names the order of positions.
    pub(crate) fn id(&self) -> JournalId {
        match self {
            Self::Sqlite(journal) => journal.id(),
        }
    }

    /// Appends that wait for the writer.
    pub(crate) fn queued(&self) -> usize {
        match self {
            Self::Sqlite(journal) => journal.queued(),
        }
    }

    /// Finishes what is queued and lets go of the engine.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(journal) => journal.close().await,
        }
    }
}
