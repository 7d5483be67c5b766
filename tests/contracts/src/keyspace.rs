//! A keyspace for one test.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use events::Position;
use futures::TryStreamExt;
use scylla::client::session_builder::SessionBuilder;
use uuid::Uuid;
use views::Row;
use views::cql::{CqlOptions, CqlStore};

use crate::services;

/// The name of a keyspace that nobody else has, on the store that `cargo xtask services` runs. It is dropped with this
/// value.
pub struct Keyspace {
    /// How to reach it.
    pub options: CqlOptions,
}

impl Keyspace {
    /// Names one; who publishes makes it.
    pub fn new() -> Self {
        Self::at(services::cql())
    }

    /// Names one in a store of the test's own.
    pub fn at(node: String) -> Self {
        Self { options: CqlOptions::of(vec![node], format!("test_{}", Uuid::now_v7().simple())) }
    }

    /// Executes a statement, in which `{keyspace}` is its name: to do what no program does.
    pub async fn execute(&self, statement: &str) {
        let CqlOptions { nodes, keyspace, .. } = &self.options;
        let session = SessionBuilder::new().known_nodes(nodes).build().await.unwrap();
        session.query_unpaged(statement.replace("{keyspace}", keyspace), ()).await.unwrap();
    }

    /// Connects to it.
    pub async fn connect(&self) -> Arc<CqlStore> {
        CqlStore::connect(self.options.clone()).await.unwrap()
    }
}

impl Default for Keyspace {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        let CqlOptions { nodes, keyspace, .. } = &self.options;
        let drop_it = async {
            let session = SessionBuilder::new().known_nodes(nodes).fetch_schema_metadata(false).build().await.ok()?;
            session.query_unpaged(format!("DROP KEYSPACE IF EXISTS {keyspace}"), ()).await.ok()
        };
        std::thread::scope(|scope| {
            // A runtime of its own: the test's may be going away, and may not be blocked. What cannot be dropped stays: a
            // test may have ended the store.
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(drop_it);
            });
        });
    }
}

/// All rows of a table of rows that are not removed, by their keys.
pub async fn live_rows(keyspace: &Keyspace, table: &str) -> BTreeMap<Vec<u8>, Row> {
    type Columns = (Vec<u8>, Vec<u8>, i64, Bytes, bool);
    let CqlOptions { nodes, keyspace, .. } = &keyspace.options;
    let session = SessionBuilder::new().known_nodes(nodes).build().await.unwrap();
    let all = format!("SELECT partition_key, clustering_key, version, body, removed FROM {keyspace}.{table}");
    let pages = session.query_iter(all, ()).await.unwrap().rows_stream::<Columns>().unwrap();
    let rows = pages.try_filter_map(async |(partition, clustering, version, body, removed)| {
        let row = Row { version: Position(version.cast_unsigned()), body };
        Ok((!removed).then(|| ([partition, clustering].concat(), row)))
    });
    rows.try_collect().await.unwrap()
}
