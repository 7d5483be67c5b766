//! The engines of a data folder, opened.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use command_api::{CommandOptions, CommandService, Places};
use event_log::EventFeed;
use events::Position;
use projectors::{
    DIRECTORY_VERSION, DirectoryProjection, GroupHandle, GroupOptions, GroupViews, ProjectionGroup, RunnerOptions,
    StoreOptions, share_views,
};

use crate::config::{Config, KafkaConfig, SchemaRegistryConfig, ViewsConfig};
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
    feed: Arc<dyn EventFeed>,
    relay: Mutex<RunningRelay>,
    views: ViewsConfig,
    kafka: KafkaConfig,
    schema_registry: SchemaRegistryConfig,
}

impl Engine {
    /// Opens the journal of a folder, or makes it.
    ///
    /// # Errors
    /// [`event_log::JournalError`].
    pub(crate) async fn open(folder: DataFolder, config: &Config) -> anyhow::Result<Self> {
        let journal = OpenJournal::open(&folder, config).await?;
        let feed = journal.followed(&config.kafka)?;
        Ok(Self {
            folder,
            journal,
            places: Arc::new(Places::new()),
            feed,
            relay: Mutex::new(RunningRelay::None),
            views: config.views.clone(),
            kafka: config.kafka.clone(),
            schema_registry: config.schema_registry.clone(),
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
        let options = directory_options(&self.folder.views_folder(), &self.views);
        Ok(ProjectionGroup::start(options, || Box::new(DirectoryProjection::default()), self.feed.clone()).await?)
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
    Ok(share_views(&directory_options(&views_folder(folder), views), DIRECTORY_VERSION)?)
}

/// How the directory's group runs.
fn directory_options(views_folder: &Path, views: &ViewsConfig) -> GroupOptions {
    GroupOptions {
        name: DIRECTORY_GROUP.to_owned(),
        views_folder: views_folder.to_owned(),
        store: StoreOptions { map_bytes: views.map_gib << 30, ..StoreOptions::default() },
        runner: RunnerOptions {
            batch_events: views.batch_events,
            catch_up_bytes: views.catch_up_mib << 20,
            ..RunnerOptions::default()
        },
    }
}
