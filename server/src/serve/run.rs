//! The life of `lawless all`: open, fill in the demo, serve, drain, close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use command_api::BatchOptions;
use projectors::{GroupHandle, Publisher};
use query_api::QueryOptions;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::admin::{Admin, admin_router};
use super::descriptors::connections_that_fit;
use super::late::once_found;
use super::listener::{bind, serve};
use super::metrics::{Measured, Publishing, start_metrics};
use super::readiness::Readiness;
use super::router::{around, public_router};
use super::vitals::{Vitals, vitals_router};
use super::welcome::{say_new_key, say_ready};
use crate::catch_up::wait_for_views;
use crate::cli::say;
use crate::config::{Config, Mode};
use crate::demo::{DemoDirectory, fill_demo};
use crate::engine::{Engine, publishes};
use crate::folder::{Addresses, DataFolder};
use crate::secrets::open_keys;
use crate::served_views::{AwaitedViews, ServedViews};
use crate::signals::{stop_signal, stopped};

/// Runs until it is told to stop.
///
/// # Errors
/// An address or the folder is in use, the folder is not ours, an engine fails.
pub async fn run_all(config: &Config, stays_empty: bool) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut stop = stop_signal()?;
    let metrics = start_metrics()?;
    let folder = DataFolder::open(&config.data.folder)?;
    // Bound before anything is written, so that a taken port costs nothing.
    let api = bind(config.server.listen, "--listen").await?;
    let admin = bind(config.server.admin_listen, "--admin-listen").await?;
    let keys = open_keys(folder.path(), config)?;
    if let Some(key) = &keys.new_admin_key {
        say_new_key(key);
    }
    let engine = Engine::open(folder, config).await?;
    fill_demo_if_wanted(config, stays_empty, &engine, &stop).await?;

    let head = engine.head().await?;
    let relay = engine.start_relay();
    let directory = Arc::new(engine.follow().await?);
    let publisher = engine.start_publisher(&directory);
    let views = views_to_serve(&engine, &directory, config);
    let service = engine.commands();
    let body_timeout = config.server.body_read_timeout();
    let batches = BatchOptions { line_read_timeout: body_timeout, stop: Some(stop.clone()), ..BatchOptions::default() };
    let commands = command_api::router(service.clone(), keys.admin.clone(), batches);
    let mut readiness = Readiness::new(stop.clone())
        .and_directory(&directory, head)
        .and_publisher(publisher.as_ref())
        .and_views(&views)
        .and_relay(relay.clone());
    if config.mode == Mode::Distributed {
        readiness = readiness.and_journal(&engine.journal);
    }
    let measured = Measured {
        journal: Some(engine.journal.clone()),
        directory: Some(directory.clone()),
        views: Some(views.clone()),
        publishing: publisher.as_ref().map(Publishing::of),
        relay,
        folder: Some(engine.folder.path().to_owned()),
    };
    let vitals = vitals_router(Vitals { readiness, metrics, measured });
    let operations = admin_router(Admin::of(&engine, directory.clone(), service, keys.admin));
    let addresses = announced(&reachable(&admin)?, &reachable(&api)?);
    let serving = tokio::spawn(serve_both(
        (api, api_router(&views, commands, keys.cursor, config)),
        (admin, around(vitals.merge(operations), body_timeout)),
        config.clone(),
        stop.clone(),
    ));
    let ending = tokio::spawn(end_publisher(publisher, stop.clone()));
    engine.folder.announce(&addresses)?;
    let ready = wait_for_views(&directory, head, stop.clone()).await;
    let found = served_before_the_end(&views, stop.clone()).await;
    if ready.is_ok() && found {
        say_ready(&addresses, engine.folder.path(), head.0, start.elapsed());
    } else if let (Err(error), false) = (ready, *stop.borrow()) {
        // It goes on serving what it has, and says on /readyz why it is not ready.
        tracing::error!(?error, "the views do not catch up");
    }
    stopped(&mut stop).await;
    tracing::info!("stopping");
    let drained = serving.await.context("the listeners panicked")?;
    engine.folder.forget_addresses()?;
    ending.await.context("the publisher panicked")?;
    end_directory(directory).await;
    engine.close().await;
    drained
}

/// The views that this process reads: those it makes, or those that are published, by whomever.
fn views_to_serve(engine: &Engine, directory: &GroupHandle, config: &Config) -> AwaitedViews {
    if !publishes(config) {
        return AwaitedViews::found(ServedViews::Local(directory.views()));
    }
    let (views, finder) = AwaitedViews::wanted();
    let (config, journal_id) = (config.cql.clone(), engine.journal.id());
    tokio::spawn(async move { finder.find_published(&config, Some(journal_id)).await });
    views
}

/// The API over commands, and over views that may not be there yet.
pub(super) fn api_router(
    views: &AwaitedViews,
    commands: axum::Router,
    cursor_key: [u8; 32],
    config: &Config,
) -> axum::Router {
    let body_timeout = config.server.body_read_timeout();
    if let Some(views) = views.get() {
        return public_router(queries(views, cursor_key, config), commands, body_timeout);
    }
    let before = public_router(query_api::unavailable_router(), commands.clone(), body_timeout);
    let config = config.clone();
    once_found(views.clone(), before, move |views| {
        public_router(queries(views, cursor_key, &config), commands.clone(), body_timeout)
    })
}

/// Whether views are there before the process is told to end.
async fn served_before_the_end(views: &AwaitedViews, mut stop: watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = views.wait() => true,
        () = stopped(&mut stop) => false,
    }
}

/// The query API over views.
fn queries(views: ServedViews, cursor_key: [u8; 32], config: &Config) -> axum::Router {
    query_api::router(
        views,
        QueryOptions {
            token_wait_max: Duration::from_millis(config.views.token_wait_ms),
            age_max: Duration::from_millis(config.views.age_max_ms),
            ..QueryOptions::new(cursor_key)
        },
    )
}

/// Both listeners, until told to stop.
pub(super) async fn serve_both(
    api: (TcpListener, axum::Router),
    admin: (TcpListener, axum::Router),
    config: Config,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let max_admin_connections = config.server.max_admin_connections;
    let wanted = config.server.max_connections.saturating_add(max_admin_connections);
    let max_connections = connections_that_fit(wanted).saturating_sub(max_admin_connections).max(1);
    let api = serve(api.0, api.1, &config.server, max_connections, stop.clone());
    let admin = serve(admin.0, admin.1, &config.server, max_admin_connections, stop);
    let (api, admin) = tokio::join!(api, admin);
    api.and(admin)
}

/// The admin listener alone.
pub(super) async fn serve_one(
    admin: TcpListener,
    router: axum::Router,
    config: &Config,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let max_connections = connections_that_fit(config.server.max_admin_connections).max(1);
    serve(admin, router, &config.server, max_connections, stop).await
}

/// Where a process is found by commands.
pub(super) fn announced(admin: &str, api: &str) -> Addresses {
    Addresses { admin: admin.to_owned(), api: api.to_owned() }
}

async fn fill_demo_if_wanted(
    config: &Config,
    stays_empty: bool,
    engine: &Engine,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let unfinished = engine.folder.unfinished_demo()?;
    let is_empty = engine.head().await?.0 == 0;
    let (businesses, seed) = match unfinished {
        // Killed while it was filled in: completed, not doubled.
        Some(unfinished) => unfinished,
        // A database that others use, too, gets one only when it is asked for.
        None if is_empty && !stays_empty && config.mode == Mode::Embedded && config.demo.businesses > 0 => {
            (config.demo.businesses, config.demo.seed)
        }
        None => return Ok(()),
    };
    engine.folder.begin_demo(businesses, seed)?;
    let demo = DemoDirectory::new(businesses, seed);
    let filled = fill_demo(demo, &engine.commands(), config.demo.concurrency, stop.clone()).await?;
    engine.folder.finish_demo()?;
    say(format!("A demo directory of {} businesses, made in {:.1} s.", filled.businesses, filled.took.as_secs_f64()));
    Ok(())
}

/// First of all when the process is told to stop, so that another one publishes while this one still answers.
pub(super) async fn end_publisher(publisher: Option<Publisher>, mut stop: watch::Receiver<bool>) {
    stopped(&mut stop).await;
    if let Some(publisher) = publisher {
        publisher.shutdown().await;
    }
}

/// The rows' readers are gone with the routers; the group ends and is waited for. Who publishes reads the store of the
/// group, and has let go of it before.
pub(super) async fn end_directory(directory: Arc<GroupHandle>) {
    match Arc::try_unwrap(directory) {
        Ok(directory) => directory.shutdown().await,
        // A request outlived the drain deadline; the group ends in the background, its store is always consistent.
        Err(_) => tracing::warn!("requests still read the views; they are not waited for"),
    }
}

/// Where a listener can be reached from this machine: a wildcard address is no destination.
pub(super) fn reachable(listener: &TcpListener) -> anyhow::Result<String> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        let host = if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address = SocketAddr::new(host, address.port());
    }
    Ok(address.to_string())
}
