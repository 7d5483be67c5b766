//! The journal of the mode that the settings choose: the one place where the port meets its adapters.

use std::sync::Arc;
use std::time::Duration;

use event_log::{EventFeed, Journal, JournalRecords, SqliteJournal, SqliteJournalOptions};
#[cfg(feature = "distributed")]
use event_log::{PostgresJournal, PostgresJournalOptions, ReplicaOptions};
use events::JournalId;
use projectors::Followed;

use crate::config::{Config, JournalConfig, KafkaConfig, Mode, SchemaRegistryConfig};
use crate::exit::Refusal;
use crate::folder::DataFolder;
use crate::relay::RunningRelay;

/// An open journal. A clone is another handle to the same one.
#[derive(Debug, Clone)]
pub(crate) enum OpenJournal {
    /// A file in the data folder.
    Sqlite(SqliteJournal),
    /// Tables of a database, which other processes may write, too.
    #[cfg(feature = "distributed")]
    Postgres(PostgresJournal),
}

impl OpenJournal {
    /// Opens the journal; embedded, it is made if there is none.
    ///
    /// # Errors
    /// [`event_log::JournalError`]; the folder is one of the other mode.
    pub(crate) async fn open(folder: &DataFolder, config: &Config) -> anyhow::Result<Self> {
        folder.belongs_to(config.mode)?;
        match config.mode {
            Mode::Embedded => {
                let options = sqlite_options(&config.journal);
                Ok(Self::Sqlite(SqliteJournal::open(folder.journal_file(), options).await?))
            }
            Mode::Distributed => Self::open_remote(config).await,
        }
    }

    /// Opens the journal of mode `distributed`, which belongs to no folder.
    ///
    /// # Errors
    /// [`event_log::JournalError`]; this program was built without its engines.
    pub(crate) async fn open_remote(config: &Config) -> anyhow::Result<Self> {
        #[cfg(feature = "distributed")]
        return Ok(Self::Postgres(
            PostgresJournal::open(config.journal.url.as_str(), postgres_options(&config.journal)).await?,
        ));
        #[cfg(not(feature = "distributed"))]
        {
            let _ = config;
            Err(Refusal::not_built_in().into())
        }
    }

    /// For whoever decides commands.
    pub(crate) fn port(&self) -> Arc<dyn Journal> {
        match self {
            Self::Sqlite(journal) => Arc::new(journal.clone()),
            #[cfg(feature = "distributed")]
            Self::Postgres(journal) => Arc::new(journal.clone()),
        }
    }

    /// For whoever follows it in the projectors' place: embedded the journal's own tail, else what Kafka carries.
    ///
    /// # Errors
    /// The settings are none that Kafka's client takes.
    pub(crate) fn followed(&self, config: &KafkaConfig) -> anyhow::Result<Followed> {
        match self {
            Self::Sqlite(_) => {
                let _ = config;
                Ok(self.feed().into())
            }
            #[cfg(feature = "distributed")]
            Self::Postgres(journal) => Ok(Followed::copy(crate::kafka::open_feed(journal.id(), config)?, self.feed())),
        }
    }

    /// Carries the events to whoever follows them elsewhere, if anyone does.
    pub(crate) fn start_relay(&self, config: &KafkaConfig, registry: &SchemaRegistryConfig) -> RunningRelay {
        match self {
            Self::Sqlite(_) => {
                let _ = (config, registry);
                RunningRelay::None
            }
            #[cfg(feature = "distributed")]
            Self::Postgres(journal) => RunningRelay::Kafka(crate::kafka::start_relay(journal, config, registry)),
        }
    }

    /// The journal's own tail.
    pub(crate) fn feed(&self) -> Arc<dyn EventFeed> {
        match self {
            Self::Sqlite(journal) => Arc::new(journal.feed()),
            #[cfg(feature = "distributed")]
            Self::Postgres(journal) => Arc::new(journal.feed()),
        }
    }

    /// For whoever copies or compares all of it.
    pub(crate) fn records(&self) -> Arc<dyn JournalRecords> {
        match self {
            Self::Sqlite(journal) => Arc::new(journal.clone()),
            #[cfg(feature = "distributed")]
            Self::Postgres(journal) => Arc::new(journal.clone()),
        }
    }

    /// Sets the gauges of what changes without anybody's doing.
    pub(crate) async fn measure(&self) {
        metrics::gauge!("lawless_journal_queue_depth").set(self.queued() as f64);
        #[cfg(feature = "distributed")]
        if let Self::Postgres(journal) = self {
            journal.measure().await;
        }
    }

    /// The file, to be copied.
    ///
    /// # Errors
    /// The journal lies in a database, which has tools of its own for that.
    pub(crate) fn file(&self) -> Result<SqliteJournal, Refusal> {
        match self {
            Self::Sqlite(journal) => Ok(journal.clone()),
            #[cfg(feature = "distributed")]
            Self::Postgres(_) => Err(Refusal::of_the_database("backup")),
        }
    }

    /// Names the order of positions.
    pub(crate) fn id(&self) -> JournalId {
        self.port().id()
    }

    /// Appends that wait for the writer.
    fn queued(&self) -> usize {
        match self {
            Self::Sqlite(journal) => journal.queued(),
            #[cfg(feature = "distributed")]
            Self::Postgres(journal) => journal.queued(),
        }
    }

    /// Finishes what is queued and lets go of the engine.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(journal) => journal.close().await,
            #[cfg(feature = "distributed")]
            Self::Postgres(journal) => journal.close().await,
        }
    }
}

fn sqlite_options(config: &JournalConfig) -> SqliteJournalOptions {
    SqliteJournalOptions {
        max_batch: config.max_batch,
        queue: config.queue,
        key_retention: key_retention(config),
        read_connections: config.read_connections,
        ..SqliteJournalOptions::default()
    }
}

#[cfg(feature = "distributed")]
fn postgres_options(config: &JournalConfig) -> PostgresJournalOptions {
    PostgresJournalOptions {
        max_batch: config.max_batch,
        queue: config.queue,
        key_retention: key_retention(config),
        read_connections: config.read_connections,
        replica: (!config.replica_url.is_empty()).then(|| ReplicaOptions {
            url: config.replica_url.as_str().to_owned(),
            lag_max: Duration::from_millis(config.replica_lag_max_ms),
        }),
        ..PostgresJournalOptions::default()
    }
}

fn key_retention(config: &JournalConfig) -> Duration {
    Duration::from_secs(config.key_retention_hours * 3600)
}
