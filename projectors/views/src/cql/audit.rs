//! Holds what is stored against what should be, and writes anew what is not.

use std::sync::Arc;

use bytes::Bytes;
use events::Position;
use futures::{StreamExt, TryStreamExt, stream};
use scylla::statement::prepared::PreparedStatement;

use super::published::PublishedReader;
use super::rows::RowWriter;
use super::store::{CqlGroup, CqlStore, corrupt, failed, position, timestamp};
use crate::key::split_key;
use crate::port::ViewError;
use crate::publish::{Publication, PublishedRow};

const READ: &str = "read rows that are verified";
const WRITE: &str = "write a row anew";
/// The lowest byte of a time is for writing anew, this often at one version.
const ANEW_MAX: i64 = 255;

/// The rows of one generation, as they are stored.
pub struct CqlAudit {
    store: Arc<CqlStore>,
    select: PreparedStatement,
    writer: RowWriter,
    publication: Publication,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// What it says of itself.
    pub version: Position,
    /// The body; `None` if it says that it was removed.
    pub body: Option<Bytes>,
    /// The latest time of its columns.
    written: i64,
}

impl CqlAudit {
    /// Of the generation that a version of the projection made.
    ///
    /// # Errors
    /// [`ViewError::Foreign`] if the keyspace holds views of another journal, [`ViewError::Unavailable`] if nothing of that
    /// generation is published there.
    pub async fn open(store: Arc<CqlStore>, group: CqlGroup, projection_version: u32) -> Result<Self, ViewError> {
        let table = group.table(projection_version)?;
        let all = PublishedReader::new(store.clone(), group).await?.read().await?;
        let ours = all.into_iter().find(|(generation, _)| *generation == projection_version);
        let (_, publication) = ours.ok_or_else(|| ViewError::Unavailable {
            operation: READ,
            reason: format!("nothing of version {projection_version} is published there"),
        })?;
        let select = format!(
            "SELECT version, body, removed, WRITETIME(version), WRITETIME(body), WRITETIME(removed) FROM {}.{table} \
             WHERE partition_key = ? AND clustering_key = ?",
            store.options.keyspace
        );
        let select = store.prepare_read(READ, &select).await?;
        let writer = RowWriter::new(store.clone(), WRITE, &table).await?;
        Ok(Self { store, select, writer, publication })
    }

    /// How far it was published when this was opened.
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// Rows by their keys, in order; `None` where there is none.
    ///
    /// # Errors
    /// As reading.
    pub async fn stored(&self, rows: &[PublishedRow]) -> Result<Vec<Option<StoredRow>>, ViewError> {
        let reads = stream::iter(rows).map(|row| self.stored_by(&row.key));
        reads.buffered(self.store.options.reads_in_flight.get()).try_collect().await
    }

    async fn stored_by(&self, key: &[u8]) -> Result<Option<StoredRow>, ViewError> {
        // A column may be missing where somebody else wrote.
        type Columns = (Option<i64>, Option<Bytes>, Option<bool>, Option<i64>, Option<i64>, Option<i64>);
        let values = split_key(key).ok_or_else(|| corrupt(READ, "a key is of no kind"))?;
        let result = self.store.session.execute_unpaged(&self.select, values).await.map_err(|e| failed(READ, e))?;
        let rows = result.into_rows_result().map_err(|e| corrupt(READ, e))?;
        let row = rows.maybe_first_row::<Columns>().map_err(|e| corrupt(READ, e))?;
        row.map(|(version, body, removed, first, second, third)| {
            Ok(StoredRow {
                version: version.map_or(Ok(Position::ZERO), |version| position(READ, version))?,
                body: body.filter(|_| removed != Some(true)),
                written: [first, second, third].into_iter().flatten().max().unwrap_or_default(),
            })
        })
        .transpose()
    }

    /// Writes a row as it should be over what is stored. `known` is the position up to which the row is known to be right. False:
    /// what is stored was written at a time that no write of ours has, and nothing was done.
    ///
    /// # Errors
    /// As writing.
    pub async fn write_anew(
        &self,
        row: &PublishedRow,
        stored: Option<&StoredRow>,
        known: Position,
    ) -> Result<bool, ViewError> {
        for version in [row.version, known] {
            let first = timestamp(WRITE, version)?;
            let at = match stored {
                Some(stored) => first.max(stored.written.saturating_add(1)),
                // What is not there may have been deleted, at a time that nobody tells.
                None => first + ANEW_MAX,
            };
            if at <= first + ANEW_MAX {
                return self.writer.write(row, version, at).await.map(|()| true);
            }
        }
        Ok(false)
    }
}
