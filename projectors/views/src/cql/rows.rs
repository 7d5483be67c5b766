//! Writes rows, each by itself.

use std::sync::Arc;

use events::Position;
use scylla::statement::prepared::PreparedStatement;

use super::published::column_of;
use super::store::{CqlStore, corrupt, failed};
use crate::key::split_key;
use crate::port::ViewError;
use crate::publish::PublishedRow;

/// Writes the rows of one generation.
pub(super) struct RowWriter {
    store: Arc<CqlStore>,
    operation: &'static str,
    upsert: PreparedStatement,
}

impl RowWriter {
    pub(super) async fn new(store: Arc<CqlStore>, operation: &'static str, table: &str) -> Result<Self, ViewError> {
        let upsert = format!(
            "INSERT INTO {}.{table} (partition_key, clustering_key, version, body, removed) VALUES (?, ?, ?, ?, ?) \
             USING TIMESTAMP ?",
            store.options.keyspace
        );
        let upsert = store.prepare(operation, &upsert).await?;
        Ok(Self { store, operation, upsert })
    }

    /// Writes a row as it is at a version, at a time in the sense of the store: of two writes the later one holds.
    pub(super) async fn write(&self, row: &PublishedRow, version: Position, at: i64) -> Result<(), ViewError> {
        let PublishedRow { key, body, .. } = row;
        let operation = self.operation;
        let (partition, clustering) = split_key(key).ok_or_else(|| corrupt(operation, "a key is of no kind"))?;
        // An empty body, not none: nothing is ever deleted.
        let (removed, body) = (body.is_none(), body.as_deref().unwrap_or_default());
        let values = (partition, clustering, column_of(version)?, body, removed, at);
        let written = self.store.session.execute_unpaged(&self.upsert, values).await;
        written.map(drop).map_err(|e| failed(operation, e))
    }
}
