//! The engines of a data folder, opened.

use std::path::Path;
use std::sync::Arc;

use command_api::{CommandOptions, CommandService, Places};
use events::Position;
use projectors::{DirectoryProjection, GroupHandle, GroupOptions, ProjectionGroup, RunnerOptions, StoreOptions};

use crate::config::{Config, ViewsConfig};
use crate::folder::DataFolder;
use crate::journal::OpenJournal;

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
    views: ViewsConfig,
}

impl Engine {
    /// Opens the journal of a folder, or makes it.
    ///
    /// # Errors
    /// [`event_log::JournalError`].
    pub(crate) async fn open(folder: DataFolder, config: &Config) -> anyhow::Result<Self> {
        let journal = OpenJournal::open(&folder, config).await?;
        Ok(Self { folder, journal, places: Arc::new(Places::new()), views: config.views.clone() })
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

    /// Starts the group that makes the rows of the directory.
    ///
    /// # Errors
    /// [`projectors::GroupError`].
    pub(crate) async fn start_directory(&self) -> anyhow::Result<GroupHandle> {
        let options = directory_options(&self.folder.views_folder(), &self.views);
        Ok(ProjectionGroup::start(options, || Box::new(DirectoryProjection::default()), self.journal.feed()).await?)
    }

    /// Closes the journal and lets go of the folder.
    pub(crate) async fn close(self) {
        self.journal.close().await;
    }
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
