//! The writers' side.

use std::sync::Arc;

use async_trait::async_trait;
use events::{JournalId, Position};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::options::CqlOptions;
use super::published::{PublishedReader, PublishedWriter};
use super::rows::RowWriter;
use super::store::{CqlGroup, CqlStore, corrupt, timestamp};
use super::views::served;
use crate::port::ViewError;
use crate::publish::{Publication, PublishedRow, ViewPublisher, ViewPublishers};

const OPERATION: &str = "publish rows";

/// Connects to a CQL store when it is needed, and publishes there.
pub struct ScyllaViewPublishers {
    options: CqlOptions,
    store: OnceCell<Arc<CqlStore>>,
}

impl ScyllaViewPublishers {
    /// Connects to nothing yet.
    pub fn new(options: CqlOptions) -> Self {
        Self { options, store: OnceCell::new() }
    }

    async fn store(&self) -> Result<&Arc<CqlStore>, ViewError> {
        self.store.get_or_try_init(|| CqlStore::connect(self.options.clone())).await
    }
}

#[async_trait]
impl ViewPublishers for ScyllaViewPublishers {
    async fn connect(&self) -> Result<(), ViewError> {
        self.store().await.map(drop)
    }

    async fn open(
        &self,
        group: &str,
        projection_version: u32,
        journal_id: JournalId,
    ) -> Result<Arc<dyn ViewPublisher>, ViewError> {
        let store = self.store().await?.clone();
        Ok(Arc::new(ScyllaViewPublisher::open(store, group, projection_version, journal_id).await?))
    }
}

/// Publishes one generation of a group to a CQL store, by single-row upserts and nothing else.
pub struct ScyllaViewPublisher {
    store: Arc<CqlStore>,
    generation: i32,
    rows: RowWriter,
    reader: PublishedReader,
    writer: PublishedWriter,
}

impl ScyllaViewPublisher {
    /// Makes the tables if they are not there. The generation is named by the version of its projection.
    ///
    /// # Errors
    /// [`ViewError::Foreign`] if the keyspace holds views of another journal.
    pub async fn open(
        store: Arc<CqlStore>,
        group: &str,
        projection_version: u32,
        journal_id: JournalId,
    ) -> Result<Self, ViewError> {
        let group = CqlGroup { name: group.to_owned(), journal_id: Some(journal_id) };
        let generation = i32::try_from(projection_version).map_err(|e| corrupt(OPERATION, e))?;
        let table = group.table(projection_version)?;
        store.make_tables(&table).await?;
        let reader = PublishedReader::new(store.clone(), group.clone()).await?;
        reader.read().await?;
        let rows = RowWriter::new(store.clone(), OPERATION, &table).await?;
        let writer = PublishedWriter::new(store.clone(), group).await?;
        Ok(Self { store, generation, rows, reader, writer })
    }

    /// A round may be millions of rows, and is not to begin anew because a node paused for a moment.
    async fn upsert_surely(&self, row: PublishedRow) -> Result<(), ViewError> {
        let mut pause = self.store.options.write_backoff;
        for _ in 1..self.store.options.write_tries.get() {
            match self.upsert(&row).await {
                Err(ViewError::Unavailable { .. }) => {}
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.upsert(&row).await
    }

    async fn upsert(&self, row: &PublishedRow) -> Result<(), ViewError> {
        let at = timestamp(OPERATION, row.version)?;
        self.rows.write(row, row.version, at).await
    }
}

#[async_trait]
impl ViewPublisher for ScyllaViewPublisher {
    async fn published(&self) -> Result<Option<Publication>, ViewError> {
        let all = self.reader.read().await?;
        let ours = all.into_iter().find(|(generation, _)| i64::from(*generation) == i64::from(self.generation));
        Ok(ours.map(|(_, publication)| publication))
    }

    async fn readers_have(&self) -> Result<Option<Position>, ViewError> {
        Ok(served(self.reader.read().await?).map(|(_, publication)| publication.position))
    }

    async fn publish_rows(&self, rows: Vec<PublishedRow>) -> Result<(), ViewError> {
        let writes = stream::iter(rows).map(|row| self.upsert_surely(row));
        writes.buffer_unordered(self.store.options.writes_in_flight.get()).try_collect().await
    }

    async fn publish(&self, publication: &Publication) -> Result<(), ViewError> {
        self.writer.write(self.generation, publication).await
    }
}
