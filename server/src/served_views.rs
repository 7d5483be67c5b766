//! The rows that a process reads, wherever they lie, and the wait for the first of them.

use std::path::Path;
#[cfg(feature = "distributed")]
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use events::{JournalId, Position};
use projectors::{GroupHealth, GroupViews};
use tokio::sync::watch;
#[cfg(feature = "distributed")]
use views::cql::CqlViews;
use views::{ViewError, ViewReader, ViewSource};

use crate::config::ViewsConfig;
use crate::cql_config::CqlConfig;
use crate::engine::share_directory;

/// How often it is looked for views that projectors on this machine make.
const LOOK_FOR_LOCAL_EVERY: Duration = Duration::from_millis(200);
/// Looks at views that cannot be read before that is an error.
const UNREADABLE_TRIES: u32 = 20;
/// How often it is looked for views that are published.
#[cfg(feature = "distributed")]
const LOOK_FOR_PUBLISHED_EVERY: Duration = Duration::from_millis(250);

/// The rows of the directory.
#[derive(Clone)]
pub(crate) enum ServedViews {
    /// In a data folder, whoever fills it.
    Local(GroupViews),
    /// In a CQL store.
    #[cfg(feature = "distributed")]
    Published(Arc<CqlViews>),
}

impl ServedViews {
    /// Why they cannot be vouched for; `None` if they can.
    fn trouble(&self) -> Option<String> {
        match self {
            Self::Local(views) => match &*views.health().borrow() {
                GroupHealth::Stalled { reason } | GroupHealth::Halted { reason } => Some(reason.clone()),
                GroupHealth::Stopped => Some("the projection has ended".to_owned()),
                _ => None,
            },
            #[cfg(feature = "distributed")]
            Self::Published(views) => views.trouble().borrow().clone(),
        }
    }

    fn source(&self) -> &dyn ViewSource {
        match self {
            Self::Local(views) => views,
            #[cfg(feature = "distributed")]
            Self::Published(views) => &**views,
        }
    }
}

#[async_trait]
impl ViewSource for ServedViews {
    fn current(&self) -> std::sync::Arc<dyn ViewReader> {
        self.source().current()
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        self.source().wait_published(position).await
    }
}

/// Views that may not be there yet.
#[derive(Clone)]
pub(crate) struct AwaitedViews(watch::Receiver<Result<ServedViews, String>>);

/// Looks for them.
pub(crate) struct ViewFinder(watch::Sender<Result<ServedViews, String>>);

impl AwaitedViews {
    /// Those that somebody looks for from now on.
    pub(crate) fn wanted() -> (Self, ViewFinder) {
        let (finder, awaited) = watch::channel(Err("nobody has looked for views yet".to_owned()));
        (Self(awaited), ViewFinder(finder))
    }

    /// Those that are there.
    pub(crate) fn found(views: ServedViews) -> Self {
        Self(watch::channel(Ok(views)).1)
    }

    /// The views, once they are there.
    pub(crate) fn get(&self) -> Option<ServedViews> {
        self.0.borrow().as_ref().ok().cloned()
    }

    /// Returns once they are there; never, if nobody looks any more.
    pub(crate) async fn wait(&self) {
        let mut awaited = self.0.clone();
        if awaited.wait_for(Result::is_ok).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Why requests for them cannot be answered, or not be vouched for.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &*self.0.borrow() {
            Ok(views) => views.trouble().map(|reason| format!("views: {reason}")),
            Err(reason) => Some(format!("there are no views yet: {reason}")),
        }
    }
}

impl ViewFinder {
    /// Looks for views that projectors on this machine make in a data folder, until there are some.
    ///
    /// # Errors
    /// What is there cannot be read.
    pub(crate) async fn find_local(self, folder: &Path, config: &ViewsConfig) -> anyhow::Result<()> {
        self.tell(format!("`lawless projectors` makes them in {}", folder.display()));
        let mut tries = 0;
        loop {
            match share_directory(folder, config) {
                Ok(Some(views)) => {
                    self.0.send_modify(|told| *told = Ok(ServedViews::Local(views)));
                    return Ok(());
                }
                Ok(None) => tries = 0,
                // They may be in the making.
                Err(error) if tries == UNREADABLE_TRIES => return Err(error),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(LOOK_FOR_LOCAL_EVERY).await;
        }
    }

    /// Looks for views that are published, of this journal or of whichever has some there, until there are some.
    #[cfg(feature = "distributed")]
    pub(crate) async fn find_published(self, config: &CqlConfig, journal_id: Option<JournalId>) {
        let mut directory = crate::cql::PublishedDirectory::of(config, journal_id);
        loop {
            match directory.open().await {
                Ok(views) => {
                    self.0.send_modify(|told| *told = Ok(ServedViews::Published(Arc::new(views))));
                    return;
                }
                Err(error) => self.tell(error.to_string()),
            }
            tokio::time::sleep(LOOK_FOR_PUBLISHED_EVERY).await;
        }
    }

    /// As the one with the engines: never in this program.
    #[cfg(not(feature = "distributed"))]
    pub(crate) async fn find_published(self, config: &CqlConfig, journal_id: Option<JournalId>) {
        let _ = (config, journal_id);
        self.tell("this program has no engines of mode distributed".to_owned());
    }

    /// The same reason is logged once.
    fn tell(&self, reason: String) {
        self.0.send_if_modified(|told| {
            let news = told.as_ref().err() != Some(&reason);
            if news {
                tracing::warn!(reason, "waiting for views");
                *told = Err(reason);
            }
            news
        });
    }
}
