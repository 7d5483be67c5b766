//! The processes of the server, and the time that they use.

use std::path::Path;

use anyhow::{Context, ensure};
use contracts::database::Database;
use sqlx::Connection;

use crate::process::{family_cpu_seconds, parent};

/// A PostgreSQL server on this machine: the process that started all of its others.
pub(super) struct Server {
    postmaster: u32,
}

impl Server {
    /// The server of a database.
    pub(super) async fn of(database: &Database) -> anyhow::Result<Self> {
        let mut connection = database.connect().await;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
        let postmaster = parent(u32::try_from(backend).context("the number of a process")?)?;
        let program = std::fs::read_link(Path::new("/proc").join(postmaster.to_string()).join("exe"));
        let is_postgres = program.is_ok_and(|program| program.file_name().is_some_and(|name| name == "postgres"));
        ensure!(is_postgres, "the server's processes are not seen from here: its processor time cannot be taken");
        connection.close().await?;
        Ok(Self { postmaster })
    }

    /// Processor time of all its processes so far.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        family_cpu_seconds(self.postmaster)
    }
}
