//! The readers' side: any number of threads, none of which waits for the writer.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use event_log::Watermark;
use events::Position;
use tokio::sync::watch;
use views::{AsOf, Partition, Row, RowKey, ViewError, ViewReader, ViewStatus};

use super::environment::Environment;
use super::generation::Generations;
use crate::port::{StoreError, StoreReader};

/// The number of a generation that was copied: it is the first where it goes.
const COPY_NUMBER: u32 = 1;

/// Reads the rows of one generation.
///
/// Reads run where they are called, also on a runtime's threads: a read is a few microseconds in memory that the
/// kernel maps, which is less than handing it to another thread costs. No await lies inside a read transaction.
#[derive(Clone)]
pub struct LmdbViewReader {
    environment: Arc<Environment>,
    status: watch::Receiver<ViewStatus>,
    watermarks: Option<watch::Receiver<Option<Watermark>>>,
}

impl LmdbViewReader {
    pub(super) fn new(environment: Arc<Environment>, status: watch::Receiver<ViewStatus>) -> Self {
        Self { environment, status, watermarks: None }
    }

    /// The same one, which tells how old its rows may be by the watermarks of the feed that they follow.
    #[must_use]
    pub fn with_watermarks(self, watermarks: Option<watch::Receiver<Option<Watermark>>>) -> Self {
        Self { watermarks, ..self }
    }

    /// The folder of the generation.
    pub fn folder(&self) -> &Path {
        self.environment.folder()
    }

    /// Writes the generation, as it is at one moment, to where there is none yet, packed, as the one that is served there;
    /// the fold goes on meanwhile. The copy is synced.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn copy_to(&self, generations: &Generations) -> Result<(), StoreError> {
        self.environment.copy_to(&generations.folder(COPY_NUMBER))?;
        generations.serve(COPY_NUMBER)
    }
}

#[async_trait]
impl ViewReader for LmdbViewReader {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, ViewError> {
        self.environment.row(key).map_err(view_error)
    }

    async fn multi_get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, ViewError> {
        let txn = self.environment.read("read rows").map_err(view_error)?;
        keys.iter().map(|key| self.environment.find_row(&txn, key).map_err(view_error)).collect()
    }

    async fn range(&self, partition: Partition, from: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Row)>, ViewError> {
        self.environment.rows_in(partition, from, limit).map_err(view_error)
    }

    fn status(&self) -> ViewStatus {
        self.status.borrow().clone()
    }

    fn as_of(&self) -> AsOf {
        let Some(watermarks) = &self.watermarks else { return AsOf::Journal };
        let (published, recorded_at) = {
            let status = self.status.borrow();
            (status.published, status.recorded_at)
        };
        let reached = watermarks.borrow().filter(|watermark| watermark.head <= published);
        // Of the two the later one: under load there are no watermarks, idle there are no events.
        match recorded_at.max(reached.map(|watermark| watermark.time)) {
            Some(time) => AsOf::Time(time),
            None => AsOf::Unknown,
        }
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        let mut status = self.status.clone();
        let reached = status.wait_for(|status| status.published >= position).await;
        reached.map(drop).map_err(|_| ViewError::Unavailable {
            operation: "wait for views",
            reason: "the projection has ended".to_owned(),
        })
    }
}

/// What a reader is told.
pub(crate) fn view_error(error: StoreError) -> ViewError {
    match error {
        StoreError::Corrupt { operation, reason } => ViewError::Corrupt { operation, reason },
        StoreError::Engine { operation, source } => ViewError::Engine { operation, source },
        // A reader neither fills a store nor opens one.
        error => ViewError::Unavailable { operation: "read views", reason: error.to_string() },
    }
}
