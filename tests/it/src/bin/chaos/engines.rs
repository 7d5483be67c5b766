//! The engines, one of each, of this run alone.

use std::sync::Arc;

use anyhow::Context;
use contracts::own::OwnEngine;

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineName {
    Postgres,
    Kafka,
    Cassandra,
}

/// All of them.
pub(crate) struct Engines {
    postgres: Arc<OwnEngine>,
    kafka: Arc<OwnEngine>,
    cassandra: Arc<OwnEngine>,
}

impl Engines {
    /// Starts them side by side.
    ///
    /// # Errors
    /// One of them does not start.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let one = |name| blocking(move || Arc::new(OwnEngine::start(name)));
        let (postgres, kafka, cassandra) = tokio::try_join!(one("postgres"), one("kafka"), one("cassandra"))?;
        Ok(Self { postgres, kafka, cassandra })
    }

    fn of(&self, name: EngineName) -> Arc<OwnEngine> {
        Arc::clone(match name {
            EngineName::Postgres => &self.postgres,
            EngineName::Kafka => &self.kafka,
            EngineName::Cassandra => &self.cassandra,
        })
    }

    /// How one is reached.
    pub(crate) fn address(&self, name: EngineName) -> String {
        self.of(name).address()
    }

    /// SIGKILL.
    pub(crate) async fn kill(&self, name: EngineName) -> anyhow::Result<()> {
        let engine = self.of(name);
        blocking(move || engine.kill()).await
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn end(&self, name: EngineName) -> anyhow::Result<()> {
        let engine = self.of(name);
        blocking(move || engine.down()).await
    }

    /// Starts it again; waits until it answers.
    pub(crate) async fn up(&self, name: EngineName) -> anyhow::Result<()> {
        let engine = self.of(name);
        blocking(move || engine.up()).await
    }

    /// SIGSTOP.
    pub(crate) async fn pause(&self, name: EngineName) -> anyhow::Result<()> {
        let engine = self.of(name);
        blocking(move || engine.pause()).await
    }

    /// SIGCONT.
    pub(crate) async fn resume(&self, name: EngineName) -> anyhow::Result<()> {
        let engine = self.of(name);
        blocking(move || engine.resume()).await
    }

    /// Ends them on a thread that may wait.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        blocking(move || drop(self)).await
    }
}

/// What is done with an engine waits, and panics when it fails.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("an engine")
}
