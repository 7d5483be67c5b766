//! The engines of a data folder, opened.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use command_api::{CommandOptions, CommandService, Places};
use events::Position;
use projectors::{
    DIRECTORY_VERSION, DirectoryProjection, Followed, GroupHandle, GroupOptions, GroupViews, ProjectionGroup,
    Publisher, RunnerOptions, StoreOptions, share_views,
};

use crate::config::{Config, KafkaConfig, Mode, SchemaRegistryConfig, ViewsConfig};
use crate::cql_config::CqlConfig;
use crate::folder::{DataFolder, views_folder};
use crate::journal::OpenJournal;
use crate::relay::{RelayWatch, RunningRelay};

/// Name of the group that makes pages, cards, lists and trees.
pub(crate) const DIRECTORY_GROUP: &str = "directory";

/// An open data folder.
pub(crate) struct Engine {
    /// The folder, held.
    pub folder: DataFolder,
    /// Its journal.
    pub journal: OpenJournal,
    /// The gazetteer that commands use.
    pub places: Arc<Places>,
    followed: Followed,
    relay: Mutex<RunningRelay>,
    views: ViewsConfig,
    kafka: KafkaConfig,
    schema_registry: SchemaRegistryConfig,
    /// Where rows are published, if they are.
    cql: Option<CqlConfig>,
}

impl Engine {
    /// Opens the journal of a folder, or makes it.
    ///
    /// # Errors
    /// [`event_log::JournalError`].
    pub(crate) async fn open(folder: DataFolder, config: &Config) -> anyhow::Result<Self> {
        let journal = OpenJournal::open(&folder, config).await?;
        let followed = journal.followed(&config.kafka)?;
        Ok(Self {
            folder,
            journal,
            places: Arc::new(Places::new()),
            followed,
            relay: Mutex::new(RunningRelay::None),
            views: config.views.clone(),
            kafka: config.kafka.clone(),
            schema_registry: config.schema_registry.clone(),
            cql: publishes(config).then(|| config.cql.clone()),
        })
    }

    /// The newest position.
    ///
    /// # Errors
    /// [`event_log::JournalError`].
    pub(crate) async fn head(&self) -> anyhow::Result<Position> {
        Ok(self.journal.feed().head().await?)
    }

    /// Decides commands and appends to the journal.
    pub(crate) fn commands(&self) -> CommandService {
        CommandService::new(self.journal.port(), self.places.clone(), CommandOptions::default())
    }

    /// Starts the group that makes the rows of the directory, and what carries events to it: no other process may.
    ///
    /// # Errors
    /// [`projectors::GroupError`].
    pub(crate) async fn start_directory(&self) -> anyhow::Result<GroupHandle> {
        self.start_relay();
        self.follow().await
    }

    /// Carries events to whoever follows them, here or elsewhere, until the engine is closed.
    pub(crate) fn start_relay(&self) -> RelayWatch {
        let relay = self.journal.start_relay(&self.kafka, &self.schema_registry);
        let watch = relay.watch();
        *self.relay.lock().unwrap_or_else(PoisonError::into_inner) = relay;
        watch
    }

    /// Starts the group that makes the rows of the directory.
    ///
    /// # Errors
    /// [`projectors::GroupError`].
    pub(crate) async fn follow(&self) -> anyhow::Result<GroupHandle> {
        let options = directory_options(&self.folder.views_folder(), &self.views, self.cql.is_some());
        Ok(ProjectionGroup::start(options, || Box::new(DirectoryProjection::default()), self.followed.clone()).await?)
    }

    /// Publishes the rows of the directory, if they are to be. To be ended before the group.
    pub(crate) fn start_publisher(&self, directory: &GroupHandle) -> Option<Publisher> {
        #[cfg(feature = "distributed")]
        return match (&self.cql, &self.journal) {
            (Some(config), OpenJournal::Postgres(journal)) => {
                Some(crate::cql::start_publisher(directory, journal, config))
            }
            _ => None,
        };
        #[cfg(not(feature = "distributed"))]
        {
            let _ = (directory, &self.cql);
            None
        }
    }

    /// Closes the journal and lets go of the folder.
    pub(crate) async fn close(self) {
        let relay = self.relay.into_inner().unwrap_or_else(PoisonError::into_inner);
        relay.shutdown().await;
        self.journal.close().await;
    }
}

/// The directory's views that another process of this machine makes in a folder; `None` while there are none.
///
/// # Errors
/// [`projectors::StoreError`].
pub(crate) fn share_directory(folder: &Path, views: &ViewsConfig) -> anyhow::Result<Option<GroupViews>> {
    Ok(share_views(&directory_options(&views_folder(folder), views, false), DIRECTORY_VERSION)?)
}

/// Whether finished rows go to a CQL store, and are read there.
pub(crate) fn publishes(config: &Config) -> bool {
    config.mode == Mode::Distributed && config.cql.is_set()
}

/// How the directory's group runs. What publishes must know what changed.
fn directory_options(views_folder: &Path, views: &ViewsConfig, index_versions: bool) -> GroupOptions {
    GroupOptions {
        name: DIRECTORY_GROUP.to_owned(),
        views_folder: views_folder.to_owned(),
        store: StoreOptions { map_bytes: views.map_gib << 30, index_versions, ..StoreOptions::default() },
        runner: RunnerOptions {
            batch_events: views.batch_events,
            catch_up_bytes: views.catch_up_mib << 20,
            ..RunnerOptions::default()
        },
    }
}
