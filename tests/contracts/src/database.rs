//! A PostgreSQL database for one test.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

use crate::services;

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
        let database = Self { server: server.disable_statement_logging(), url, name };
        database.of_server("CREATE DATABASE").await.unwrap();
        database
    }

    async fn of_server(&self, what: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.server.connect().await?;
        let force = if what.starts_with("DROP") { " WITH (FORCE)" } else { "" };
        let sql = format!("{what} {}{force}", self.name);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
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
        std::thread::scope(|scope| {
            // A runtime of its own: the test's may be going away, and may not be blocked.
            let dropping = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(self.of_server("DROP DATABASE IF EXISTS"))
            });
            // Left behind when it cannot be dropped: a test may have ended the server.
            drop(dropping.join());
        });
    }
}
