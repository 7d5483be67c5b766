//! Where finished rows go in mode `distributed`, and where they are read. The one place where these ports meet their
//! adapters.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use event_log::PostgresJournal;
use events::JournalId;
use projectors::{DIRECTORY_VERSION, GroupHandle, Publisher, PublisherOptions, PublisherPorts};
use views::ViewError;
use views::cql::{
    CqlAudit, CqlConsistency, CqlCredentials, CqlGroup, CqlOptions, CqlPool, CqlStore, CqlViews, ScyllaViewPublishers,
};

use crate::cql_config::{ConnectionsPer, Consistency, CqlConfig};
use crate::engine::DIRECTORY_GROUP;

/// Publishes the rows of the directory for as long as it lives; a store that is away is tried again and again.
pub(crate) fn start_publisher(directory: &GroupHandle, journal: &PostgresJournal, config: &CqlConfig) -> Publisher {
    let options = PublisherOptions::default();
    // Of the version that makes them, so that two versions can publish side by side while one follows the other.
    let turn = journal.turn(&format!("publisher:{DIRECTORY_GROUP}:{DIRECTORY_VERSION}"), options.keep_turn_every * 3);
    let publishers = Arc::new(ScyllaViewPublishers::new(self::options(config)));
    let ports = PublisherPorts { publishers, journal: Arc::new(journal.feed()), turn };
    Publisher::start(DIRECTORY_GROUP, directory, ports, options)
}

/// Looks for the rows of the directory that are published, of this journal or of whichever has some there.
pub(crate) struct PublishedDirectory {
    options: CqlOptions,
    journal_id: Option<JournalId>,
    store: Option<Arc<CqlStore>>,
}

impl PublishedDirectory {
    /// Connects to nothing yet.
    pub(crate) fn of(config: &CqlConfig, journal_id: Option<JournalId>) -> Self {
        if config.consistency == Consistency::LocalOne {
            tracing::warn!("cql.consistency is local_one: requests with a consistency token are refused");
        }
        Self { options: options(config), journal_id, store: None }
    }

    /// Follows them, if there are some.
    ///
    /// # Errors
    /// [`ViewError::Unavailable`] if the store is away or nothing is served yet, [`ViewError::Foreign`] if what is there is of
    /// another journal.
    pub(crate) async fn open(&mut self) -> Result<CqlViews, ViewError> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => self.store.insert(CqlStore::connect(self.options.clone()).await?).clone(),
        };
        let group = CqlGroup { name: DIRECTORY_GROUP.to_owned(), journal_id: self.journal_id };
        CqlViews::open(store, group).await
    }
}

/// The rows that a version of the projection has published, to be held against others.
///
/// # Errors
/// The store is away, or has nothing of that version, or holds views of another journal.
pub(crate) async fn audit(config: &CqlConfig, journal_id: JournalId, version: u32) -> Result<CqlAudit, ViewError> {
    let store = CqlStore::connect(options(config)).await?;
    let group = CqlGroup { name: DIRECTORY_GROUP.to_owned(), journal_id: Some(journal_id) };
    CqlAudit::open(store, group, version).await
}

/// What the adapters are told.
fn options(config: &CqlConfig) -> CqlOptions {
    let positive = |number: usize| NonZeroUsize::new(number).expect("it was checked when it was read");
    let connections = positive(config.connections);
    CqlOptions {
        replicas: config.replication_factor,
        consistency: match config.consistency {
            Consistency::LocalQuorum => CqlConsistency::LocalQuorum,
            Consistency::LocalOne => CqlConsistency::LocalOne,
        },
        data_center: (!config.data_center.is_empty()).then(|| config.data_center.clone()),
        credentials: (!config.user.is_empty())
            .then(|| CqlCredentials { user: config.user.clone(), password: config.password.reveal().to_owned() }),
        pool: match config.connections_per {
            ConnectionsPer::Node => CqlPool::PerHost(connections),
            ConnectionsPer::Shard => CqlPool::PerShard(connections),
        },
        connect_timeout: Duration::from_millis(config.connect_timeout_ms),
        request_timeout: Duration::from_millis(config.request_timeout_ms),
        speculate_after: Duration::from_millis(config.speculate_after_ms),
        reads_in_flight: positive(config.reads_in_flight),
        writes_in_flight: positive(config.writes_in_flight),
        poll_interval: Duration::from_millis(config.poll_interval_ms),
        idle_poll_interval: Duration::from_millis(config.idle_poll_interval_ms),
        ..CqlOptions::of(config.nodes(), &config.keyspace)
    }
}
