//! A PostgreSQL database for one test.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

use crate::services;

/// How long a test waits for the end of its database. What takes longer goes on beside the next test.
const DROP_WAIT: Duration = Duration::from_secs(5);

/// An empty database on the server that `cargo xtask services` runs. It is dropped with this value, whoever is connected.
pub struct Database {
    server: PgConnectOptions,
    /// How it is reached.
    pub url: String,
    name: String,
}

impl Database {
    /// Makes it.
    pub async fn new() -> Self {
        Self::at(&services::url("postgres")).await
    }

    /// Makes it on a server of the test's own.
    pub async fn at(server: &str) -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let url = format!("{}/{name}", server.strip_suffix("/postgres").expect("a url of ours"));
        let server: PgConnectOptions = server.parse().unwrap();
        // A database goes also while a standby is missing.
        let server = server.options([("synchronous_commit", "local")]).disable_statement_logging();
        of_server(&server, "CREATE DATABASE", &name).await.unwrap();
        Self { server, url, name }
    }

    /// A connection for what a journal does not do.
    pub async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.url.parse().unwrap();
        options.options([("search_path", "lawless,pg_catalog")]).disable_statement_logging().connect().await.unwrap()
    }

    /// How many rows a table of the journal has.
    pub async fn count(&self, table: &str) -> u64 {
        let mut connection = self.connect().await;
        let count = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")));
        let count: i64 = count.fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        count.cast_unsigned()
    }

    /// Executes statements.
    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), std::mem::take(&mut self.name));
        let (dropped, done) = std::sync::mpsc::channel::<()>();
        // A runtime of its own: the test's may be going away, and may not be blocked.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // Left behind when it cannot be dropped: a test may have ended the server.
            let _ = runtime.block_on(of_server(&server, "DROP DATABASE IF EXISTS", &name));
            drop(dropped);
        });
        // PostgreSQL waits a minute for a client that is in the midst of connecting, on the thread that waits here.
        let _ = done.recv_timeout(DROP_WAIT);
    }
}

async fn of_server(server: &PgConnectOptions, what: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = server.connect().await?;
    let force = if what.starts_with("DROP") { " WITH (FORCE)" } else { "" };
    let sql = format!("{what} {name}{force}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
