mod engine;
mod laws;
mod publishing;
mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::keyspace::Keyspace;
use contracts::views::{JOURNAL, ViewsHarness, soon};
use events::Position;
use scylla::client::session_builder::SessionBuilder;
use views::cql::{CqlGroup, CqlOptions, CqlStore, CqlViews, ScyllaViewPublisher};
use views::{Publication, PublishedRow, Row, RowKey, ViewPublisher, ViewReader, ViewSource};

const GROUP: &str = "directory";
const VERSION: u32 = 7;

fn group() -> CqlGroup {
    CqlGroup { name: GROUP.to_owned(), journal_id: Some(JOURNAL) }
}

fn up_to(position: u64) -> Publication {
    Publication { journal_id: JOURNAL, position: Position(position), parked: Arc::default(), as_of: None, served: true }
}

fn published(key: &RowKey, version: u64, body: Option<&[u8]>) -> PublishedRow {
    let body = body.map(|body| body.to_vec().into());
    PublishedRow { key: key.to_bytes(), version: Position(version), body }
}

async fn publisher(store: &Arc<CqlStore>, version: u32) -> ScyllaViewPublisher {
    ScyllaViewPublisher::open(store.clone(), GROUP, version, JOURNAL).await.unwrap()
}

/// A keyspace with a publisher, and views that follow it.
struct Cql {
    publisher: ScyllaViewPublisher,
    views: CqlViews,
    store: Arc<CqlStore>,
    keyspace: Keyspace,
}

async fn cql() -> Cql {
    cql_in(Keyspace::new()).await
}

async fn cql_in(keyspace: Keyspace) -> Cql {
    let store = keyspace.connect().await;
    let publisher = publisher(&store, VERSION).await;
    publisher.publish(&up_to(0)).await.unwrap();
    let views = CqlViews::open(store.clone(), group()).await.unwrap();
    Cql { publisher, views, store, keyspace }
}

impl Cql {
    /// As if nothing had been said of any publication.
    async fn wipe_published(&self) {
        let CqlOptions { nodes, keyspace, .. } = &self.keyspace.options;
        let session = SessionBuilder::new().known_nodes(nodes).build().await.unwrap();
        session.query_unpaged(format!("TRUNCATE {keyspace}.published"), ()).await.unwrap();
    }
}

#[async_trait]
impl ViewsHarness for Cql {
    fn reader(&self) -> Arc<dyn ViewReader> {
        self.views.current()
    }

    async fn put(&mut self, rows: Vec<(RowKey, Option<Row>)>, position: Position) {
        let row = |(key, row): (RowKey, Option<Row>)| PublishedRow {
            key: key.to_bytes(),
            version: row.as_ref().map_or(position, |row| row.version),
            body: row.map(|row| row.body),
        };
        self.publisher.publish_rows(rows.into_iter().map(row).collect()).await.unwrap();
        self.publisher.publish(&up_to(position.0)).await.unwrap();
        soon(self.views.wait_published(position)).await.unwrap();
    }
}
