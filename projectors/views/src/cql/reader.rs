//! The readers' side: the rows of one generation.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use events::Position;
use futures::{StreamExt, TryStreamExt, stream};
use scylla::response::query_result::QueryRowsResult;
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::watch;

use super::options::CqlConsistency;
use super::store::{CqlGroup, CqlStore, corrupt, failed, position};
use super::views::Waiters;
use crate::key::{Partition, RowKey, split_key};
use crate::port::{AsOf, Row, ViewError, ViewReader, ViewStatus};
use crate::publish::Publication;

const GET: &str = "read a row";
const RANGE: &str = "read a range of rows";
/// A range asks for at least as many rows at once: some may be removed ones.
const RANGE_ROWS_MIN: usize = 8;

/// Reads the rows of one generation of a group.
pub struct CqlViewReader {
    store: Arc<CqlStore>,
    get: PreparedStatement,
    at_or_after: PreparedStatement,
    after: PreparedStatement,
    publication: watch::Receiver<Publication>,
    waiters: Arc<Waiters>,
}

impl CqlViewReader {
    pub(super) async fn new(
        store: Arc<CqlStore>,
        group: &CqlGroup,
        generation: u32,
        publication: watch::Receiver<Publication>,
        waiters: Arc<Waiters>,
    ) -> Result<Self, ViewError> {
        let rows = format!("{}.{}", store.options.keyspace, group.table(generation)?);
        let get = format!("SELECT version, body, removed FROM {rows} WHERE partition_key = ? AND clustering_key = ?");
        let range = |compares: &str| {
            format!(
                "SELECT clustering_key, version, body, removed FROM {rows} WHERE partition_key = ? AND clustering_key \
                 {compares} ? LIMIT ?"
            )
        };
        let get = store.prepare_read(GET, &get).await?;
        let at_or_after = store.prepare_read(RANGE, &range(">=")).await?;
        let after = store.prepare_read(RANGE, &range(">")).await?;
        Ok(Self { store, get, at_or_after, after, publication, waiters })
    }

    async fn get_by(&self, key: Vec<u8>) -> Result<Option<Row>, ViewError> {
        let (partition, clustering) = split_key(&key).ok_or_else(|| corrupt(GET, "a key is of no kind"))?;
        let rows = self.execute(GET, &self.get, (partition, clustering)).await?;
        let row = rows.maybe_first_row::<(i64, Bytes, bool)>().map_err(|e| corrupt(GET, e))?;
        let Some((version, body, false)) = row else { return Ok(None) };
        Ok(Some(Row { version: position(GET, version)?, body }))
    }

    async fn execute(
        &self,
        operation: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, ViewError> {
        if self.waiters.foreign.load(Ordering::Relaxed) {
            let reason = "the keyspace holds views of another journal by now".to_owned();
            return Err(ViewError::Unavailable { operation, reason });
        }
        let result = self.store.session.execute_unpaged(statement, values).await.map_err(|e| failed(operation, e))?;
        result.into_rows_result().map_err(|e| corrupt(operation, e))
    }
}

#[async_trait]
impl ViewReader for CqlViewReader {
    async fn get(&self, key: &RowKey) -> Result<Option<Row>, ViewError> {
        self.get_by(key.to_bytes()).await
    }

    /// Each from the nodes that have it: one statement for all would make one node ask the others.
    async fn multi_get(&self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, ViewError> {
        let keys: Vec<Vec<u8>> = keys.iter().map(RowKey::to_bytes).collect();
        let reads = stream::iter(keys).map(|key| self.get_by(key));
        reads.buffered(self.store.options.reads_in_flight.get()).try_collect().await
    }

    async fn range(&self, partition: Partition, from: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Row)>, ViewError> {
        let mut found: Vec<(Vec<u8>, Row)> = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        let prefix = partition.prefix();
        let asked_max = limit.max(self.store.options.range_rows_max.get());
        let mut asked = limit.max(RANGE_ROWS_MIN);
        let mut from = from.to_vec();
        let mut statement = &self.at_or_after;
        // Ends with the partition: each round begins behind the row at which the one before ended.
        loop {
            let asked_column = i32::try_from(asked).map_err(|e| corrupt(RANGE, e))?;
            let result = self.execute(RANGE, statement, (&prefix, &from, asked_column)).await?;
            let read = result.rows_num();
            for row in result.rows::<(Vec<u8>, i64, Bytes, bool)>().map_err(|e| corrupt(RANGE, e))? {
                let (clustering, version, body, removed) = row.map_err(|e| corrupt(RANGE, e))?;
                from.clone_from(&clustering);
                if !removed && found.len() < limit {
                    found.push((clustering, Row { version: position(RANGE, version)?, body }));
                }
            }
            if read < asked || found.len() == limit {
                return Ok(found);
            }
            // Where many were removed, nearly all may be.
            asked = asked_max.min(asked * 2);
            statement = &self.after;
        }
    }

    fn status(&self) -> ViewStatus {
        let publication = self.publication.borrow();
        ViewStatus {
            journal_id: publication.journal_id,
            published: publication.position,
            parked: publication.parked.clone(),
            frozen: false,
            recorded_at: publication.as_of,
        }
    }

    fn as_of(&self) -> AsOf {
        self.publication.borrow().as_of.map_or(AsOf::Unknown, AsOf::Time)
    }

    fn keeps_tokens(&self) -> bool {
        self.store.options.consistency == CqlConsistency::LocalQuorum
    }

    async fn wait_published(&self, position: Position) -> Result<(), ViewError> {
        let mut publication = self.publication.clone();
        if publication.borrow().position >= position {
            return Ok(());
        }
        let _waiting = self.waiters.wait();
        let reached = publication.wait_for(|publication| publication.position >= position).await;
        reached.map(drop).map_err(|_| ViewError::Unavailable {
            operation: "wait for views",
            reason: "this generation is no longer followed".to_owned(),
        })
    }
}
