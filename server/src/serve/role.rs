//! One role of mode `distributed`, in a process of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use command_api::{BatchOptions, CommandOptions, CommandService, Places};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::admin::{Admin, admin_router};
use super::listener::bind;
use super::metrics::{Measured, Publishing, start_metrics};
use super::readiness::Readiness;
use super::router::{around, public_router};
use super::run::{announced, api_router, end_directory, end_publisher, reachable, serve_both, serve_one};
use super::vitals::{Vitals, vitals_router};
use crate::cli::say;
use crate::config::{Config, Mode};
use crate::engine::{Engine, publishes};
use crate::exit::Refusal;
use crate::folder::DataFolder;
use crate::journal::OpenJournal;
use crate::relay::RelayWatch;
use crate::secrets::open_keys;
use crate::served_views::{AwaitedViews, ServedViews};
use crate::signals::{stop_signal, stopped};

/// How often the projectors tell readers in other processes how old the rows are.
const SHARE_EVERY: Duration = Duration::from_millis(250);

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
        publishing: None,
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

/// Answers reads from the views that are published, or else from those that projectors on this machine make. Any number of
/// these may run.
///
/// # Errors
/// An address is in use, the views cannot be read.
pub async fn run_query_api(config: &Config) -> anyhow::Result<()> {
    let begun = Beginning::of(config, "query-api").await?;
    let api = bind(config.server.listen, "--listen").await?;
    let folder = DataFolder::visit(&config.data.folder)?;
    let keys = open_keys(&folder, config)?;
    let (views, finder) = AwaitedViews::wanted();
    let readiness = Readiness::new(begun.stop.clone()).and_views(&views);
    let measured = Measured {
        journal: None,
        directory: None,
        views: Some(views.clone()),
        publishing: None,
        relay: RelayWatch::None,
        folder: None,
    };
    let vitals = begun.vitals(readiness, measured);
    let body_timeout = config.server.body_read_timeout();
    begun.ready(&format!("Answering reads on http://{}", reachable(&api)?))?;
    let serving = serve_both(
        (api, api_router(&views, Router::new(), keys.cursor, config)),
        (begun.admin, around(vitals_router(vitals), body_timeout)),
        config.clone(),
        begun.stop,
    );
    let finding = async {
        if publishes(config) {
            finder.find_published(&config.cql, None).await;
            return Ok(());
        }
        finder.find_local(&folder, &config.views).await
    };
    tokio::pin!(serving);
    tokio::select! {
        drained = &mut serving => drained,
        found = finding => match found {
            Ok(()) => serving.await,
            Err(error) => Err(error),
        },
    }
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
    let publisher = engine.start_publisher(&directory);
    let measured = Measured {
        journal: Some(engine.journal.clone()),
        directory: Some(directory.clone()),
        views: Some(AwaitedViews::found(ServedViews::Local(directory.views()))),
        publishing: publisher.as_ref().map(Publishing::of),
        relay: RelayWatch::None,
        folder: Some(engine.folder.path().to_owned()),
    };
    let readiness = Readiness::new(begun.stop.clone())
        .and_directory(&directory, engine.head().await?)
        .and_publisher(publisher.as_ref())
        .and_journal(&engine.journal);
    let vitals = begun.vitals(readiness, measured);
    let operations = admin_router(Admin::of(&engine, directory.clone(), engine.commands(), keys.admin));
    let body_timeout = config.server.body_read_timeout();
    let admin_address = reachable(&begun.admin)?;
    engine.folder.announce(&announced(&admin_address, &admin_address))?;
    begun.ready("Making views")?;
    let ending = tokio::spawn(end_publisher(publisher, begun.stop.clone()));
    let sharing = tokio::spawn(share_again_and_again(directory.clone(), begun.stop.clone()));
    let router = around(vitals_router(vitals).merge(operations), body_timeout);
    let drained = serve_one(begun.admin, router, config, begun.stop).await;
    engine.folder.forget_addresses()?;
    // It ends with the stop signal.
    let _ = sharing.await;
    ending.await.context("the publisher panicked")?;
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
    let measured = Measured {
        journal: Some(journal.clone()),
        directory: None,
        views: None,
        publishing: None,
        relay: relay.watch(),
        folder: None,
    };
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
