//! One role of mode `distributed`, in a process of its own.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use command_api::{BatchOptions, CommandOptions, CommandService, Places};
use metrics_exporter_prometheus::PrometheusHandle;
use projectors::GroupViews;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::admin::{Admin, admin_router};
use super::listener::bind;
use super::metrics::{Measured, start_metrics};
use super::readiness::Readiness;
use super::router::{around, public_router};
use super::run::{announced, end_directory, queries, reachable, serve_both, serve_one};
use super::vitals::{Vitals, vitals_router};
use crate::cli::say;
use crate::config::{Config, Mode};
use crate::engine::{Engine, share_directory};
use crate::exit::Refusal;
use crate::folder::DataFolder;
use crate::journal::OpenJournal;
use crate::relay::RelayWatch;
use crate::secrets::open_keys;
use crate::signals::{stop_signal, stopped};

/// How often the projectors tell readers in other processes how old the rows are.
const SHARE_EVERY: Duration = Duration::from_millis(250);
/// How often a query process looks whether there are views yet.
const LOOK_FOR_VIEWS_EVERY: Duration = Duration::from_millis(200);

/// What every role begins with.
struct Beginning {
    start: Instant,
    stop: watch::Receiver<bool>,
    metrics: PrometheusHandle,
    admin: TcpListener,
}

impl Beginning {
    /// Addresses are bound before anything is written, so that a taken port costs nothing.
    async fn of(config: &Config, role: &str) -> anyhow::Result<Self> {
        if config.mode != Mode::Distributed {
            let reason = format!("`lawless {role}` is a role of mode distributed; embedded, one process does it all");
            return Err(Refusal::Configuration(reason).into());
        }
        let (start, stop, metrics) = (Instant::now(), stop_signal()?, start_metrics()?);
        Ok(Self { start, stop, metrics, admin: bind(config.server.admin_listen, "--admin-listen").await? })
    }

    fn vitals(&self, readiness: Readiness, measured: Measured) -> Vitals {
        Vitals { readiness, metrics: self.metrics.clone(), measured }
    }

    fn ready(&self, what: &str) -> anyhow::Result<()> {
        let took = self.start.elapsed().as_secs_f64();
        say(format!("{what} after {took:.1} s. Health: http://{}/readyz and /metrics", reachable(&self.admin)?));
        Ok(())
    }
}

/// Decides commands: the write side of the API. Any number of these may run.
///
/// # Errors
/// An address is in use, the journal cannot be opened.
pub async fn run_command_api(config: &Config) -> anyhow::Result<()> {
    let begun = Beginning::of(config, "command-api").await?;
    let api = bind(config.server.listen, "--listen").await?;
    let folder = DataFolder::visit(&config.data.folder)?;
    let keys = open_keys(&folder, config)?;
    let journal = OpenJournal::open_remote(config).await?;
    let service = CommandService::new(journal.port(), Arc::new(Places::new()), CommandOptions::default());
    let commands = command_api::router(service, keys.admin, batches(config, &begun.stop));
    let measured = Measured {
        journal: Some(journal.clone()),
        directory: None,
        views: None,
        relay: RelayWatch::None,
        folder: None,
    };
    let vitals = begun.vitals(Readiness::new(begun.stop.clone()).and_journal(&journal), measured);
    let body_timeout = config.server.body_read_timeout();
    begun.ready(&format!("Taking commands on http://{}", reachable(&api)?))?;
    let drained = serve_both(
        (api, public_router(Router::new(), commands, body_timeout)),
        (begun.admin, around(vitals_router(vitals), body_timeout)),
        config.clone(),
        begun.stop,
    )
    .await;
    journal.close().await;
    drained
}

/// Answers reads from the views that projectors on this machine make. Any number of these may run.
///
/// # Errors
/// An address is in use, the views cannot be read.
pub async fn run_query_api(config: &Config) -> anyhow::Result<()> {
    let mut begun = Beginning::of(config, "query-api").await?;
    let api = bind(config.server.listen, "--listen").await?;
    let folder = DataFolder::visit(&config.data.folder)?;
    let keys = open_keys(&folder, config)?;
    let Some(views) = find_views(config, &folder, &mut begun.stop).await? else { return Ok(()) };
    let queries = queries(views.clone(), keys.cursor, config);
    let measured =
        Measured { journal: None, directory: None, views: Some(views), relay: RelayWatch::None, folder: None };
    let vitals = begun.vitals(Readiness::new(begun.stop.clone()), measured);
    let body_timeout = config.server.body_read_timeout();
    begun.ready(&format!("Answering reads on http://{}", reachable(&api)?))?;
    serve_both(
        (api, public_router(queries, Router::new(), body_timeout)),
        (begun.admin, around(vitals_router(vitals), body_timeout)),
        config.clone(),
        begun.stop,
    )
    .await
}

/// Makes the views, from what Kafka carries. One on a data folder.
///
/// # Errors
/// An address or the folder is in use, the journal cannot be opened, the views are of another one.
pub async fn run_projectors(config: &Config) -> anyhow::Result<()> {
    let begun = Beginning::of(config, "projectors").await?;
    let engine = Engine::open(DataFolder::open(&config.data.folder)?, config).await?;
    let keys = open_keys(engine.folder.path(), config)?;
    let directory = Arc::new(engine.follow().await?);
    let measured = Measured {
        journal: Some(engine.journal.clone()),
        directory: Some(directory.clone()),
        views: Some(directory.views()),
        relay: RelayWatch::None,
        folder: Some(engine.folder.path().to_owned()),
    };
    let readiness =
        Readiness::new(begun.stop.clone()).and_directory(&directory, engine.head().await?).and_journal(&engine.journal);
    let vitals = begun.vitals(readiness, measured);
    let operations = admin_router(Admin::of(&engine, directory.clone(), engine.commands(), keys.admin));
    let body_timeout = config.server.body_read_timeout();
    let admin_address = reachable(&begun.admin)?;
    engine.folder.announce(&announced(&admin_address, &admin_address))?;
    begun.ready("Making views")?;
    let sharing = tokio::spawn(share_again_and_again(directory.clone(), begun.stop.clone()));
    let router = around(vitals_router(vitals).merge(operations), body_timeout);
    let drained = serve_one(begun.admin, router, config, begun.stop).await;
    engine.folder.forget_addresses()?;
    // It ends with the stop signal.
    let _ = sharing.await;
    end_directory(directory).await;
    engine.close().await;
    drained
}

/// Carries events from the journal to Kafka. One works, the others stand by.
///
/// # Errors
/// An address is in use, the journal cannot be opened.
pub async fn run_relay(config: &Config) -> anyhow::Result<()> {
    let begun = Beginning::of(config, "relay").await?;
    let journal = OpenJournal::open_remote(config).await?;
    let relay = journal.start_relay(&config.kafka, &config.schema_registry);
    let readiness = Readiness::new(begun.stop.clone()).and_journal(&journal).and_relay(relay.watch());
    let measured =
        Measured { journal: Some(journal.clone()), directory: None, views: None, relay: relay.watch(), folder: None };
    let vitals = begun.vitals(readiness, measured);
    begun.ready("Relaying, or standing by,")?;
    let router = around(vitals_router(vitals), config.server.body_read_timeout());
    // First of all, so that another one goes on while this one still answers.
    let mut stop = begun.stop.clone();
    let ending = tokio::spawn(async move {
        stopped(&mut stop).await;
        relay.shutdown().await;
    });
    let drained = serve_one(begun.admin, router, config, begun.stop).await;
    ending.await.context("the relay panicked")?;
    journal.close().await;
    drained
}

fn batches(config: &Config, stop: &watch::Receiver<bool>) -> BatchOptions {
    BatchOptions {
        line_read_timeout: config.server.body_read_timeout(),
        stop: Some(stop.clone()),
        ..BatchOptions::default()
    }
}

/// Waits for the first views; `None` when told to stop before.
async fn find_views(
    config: &Config,
    folder: &Path,
    stop: &mut watch::Receiver<bool>,
) -> anyhow::Result<Option<GroupViews>> {
    let mut told = false;
    loop {
        if let Some(views) = share_directory(folder, &config.views)? {
            return Ok(Some(views));
        }
        if !told {
            told = true;
            say(format!("{} has no views yet: `lawless projectors` makes them; waiting", folder.display()));
        }
        if ends_before(LOOK_FOR_VIEWS_EVERY, stopped(stop)).await {
            return Ok(None);
        }
    }
}

async fn share_again_and_again(directory: Arc<projectors::GroupHandle>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = directory.share() {
            tracing::warn!(%error, "readers in other processes cannot be told how old the rows are");
        }
        if ends_before(SHARE_EVERY, stopped(&mut stop)).await {
            return;
        }
    }
}

async fn ends_before(time: Duration, end: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(time, end).await.is_ok()
}
