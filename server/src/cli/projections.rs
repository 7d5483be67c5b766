//! `lawless projections`: asks the running server, or opens the folder itself when none runs.

use anyhow::Context;
use events::{Actor, ActorKind, Position};
use projectors::{Generations, LmdbProjectionStore, ProjectionStore, StoreOptions, list_parked};

use super::rebuild::say_rebuild;
use super::say;
use crate::admin_client::{AdminClient, GroupStatus, ParkedStream, SkipRequest};
use crate::config::Config;
use crate::engine::{DIRECTORY_GROUP, Engine};
use crate::folder::{DataFolder, running_server};
use crate::secrets::read_admin_key;
use crate::skip;

/// Prints where every projection group stands.
///
/// # Errors
/// The server or the folder cannot be asked.
pub async fn list_projections(config: &Config) -> anyhow::Result<()> {
    for group in groups(config).await? {
        say_group(&group);
        say_parked(&group);
        if let Some(rebuild) = &group.rebuild {
            say_rebuild(rebuild);
        }
    }
    Ok(())
}

/// Prints what is parked, and why.
///
/// # Errors
/// The server or the folder cannot be asked.
pub async fn list_parked_events(config: &Config) -> anyhow::Result<()> {
    groups(config).await?.iter().for_each(say_parked);
    Ok(())
}

/// Has the running server fold nothing for now.
///
/// # Errors
/// No server runs, or it refuses.
pub async fn pause_projections(config: &Config, group: &str) -> anyhow::Result<()> {
    say_group(&running(config)?.pause(group).await?);
    Ok(())
}

/// Has the running server fold again.
///
/// # Errors
/// No server runs, or it refuses.
pub async fn resume_projections(config: &Config, group: &str) -> anyhow::Result<()> {
    say_group(&running(config)?.resume(group).await?);
    Ok(())
}

async fn groups(config: &Config) -> anyhow::Result<Vec<GroupStatus>> {
    match client(config)? {
        Some(admin) => admin.projections().await,
        None => Ok(vec![Stopped::open(config).await?.status().await?]),
    }
}

fn running(config: &Config) -> anyhow::Result<AdminClient> {
    client(config)?.with_context(|| format!("no server runs on {}: nothing is folded", config.data.folder.display()))
}

fn say_group(group: &GroupStatus) {
    say(format!("{}: {}, {} of {} events", group.group, group.health, group.published, group.head));
    if let Some(reason) = &group.reason {
        say(format!("  {reason}"));
    }
}

fn say_parked(group: &GroupStatus) {
    for parked in &group.parked {
        let ParkedStream { stream, position, event_type, error, queued } = parked;
        say(format!("  parked: {event_type} at {position} of {stream}, {queued} more wait behind it: {error}"));
    }
    if group.parked.is_empty() {
        say(format!("  {}: nothing is parked", group.group));
    }
}

/// Goes on without a parked event.
///
/// # Errors
/// Nothing is parked there, or the server or the folder cannot be used.
pub async fn skip_parked_event(config: &Config, group: &str, position: u64, reason: String) -> anyhow::Result<()> {
    let decided = match client(config)? {
        Some(admin) => admin.skip(group, &SkipRequest { position, reason }).await?.position,
        None => {
            anyhow::ensure!(group == DIRECTORY_GROUP, "there is no projection group {group:?}");
            let stopped = Stopped::open(config).await?;
            let parked = list_parked(&stopped.store)?;
            let actor = Actor { kind: ActorKind::Admin, id: "command-line".to_owned() };
            let journal = stopped.engine.journal.port();
            let at =
                skip::skip_parked_event(journal.as_ref(), group, &parked, Position(position), &reason, actor).await?;
            stopped.engine.close().await;
            at.0
        }
    };
    say(format!("the decision is event {decided}; {group} goes on without event {position}"));
    Ok(())
}

/// Of the server that runs on the data folder; `None` when none does.
pub(super) fn client(config: &Config) -> anyhow::Result<Option<AdminClient>> {
    let Some(server) = running_server(&config.data.folder)? else { return Ok(None) };
    let key = read_admin_key(config)?;
    Ok(Some(AdminClient::new(&server.admin, key)?))
}

/// A folder on which no server runs.
struct Stopped {
    engine: Engine,
    store: LmdbProjectionStore,
}

impl Stopped {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        anyhow::ensure!(config.data.folder.is_dir(), "there is no data folder {}", config.data.folder.display());
        let engine = Engine::open(DataFolder::open(&config.data.folder)?, config).await?;
        let serving = Generations::of(&engine.folder.views_folder(), DIRECTORY_GROUP).serving_folder()?;
        let folder = serving.context("there are no views yet; the server makes them")?;
        let options = StoreOptions { map_bytes: config.views.map_gib << 30, ..StoreOptions::default() };
        let store = LmdbProjectionStore::open(&folder, &options)?;
        Ok(Self { engine, store })
    }

    async fn status(self) -> anyhow::Result<GroupStatus> {
        let published = self.store.checkpoint()?.map_or(0, |checkpoint| checkpoint.position.0);
        let status = GroupStatus {
            group: DIRECTORY_GROUP.to_owned(),
            health: "not running".to_owned(),
            reason: None,
            published,
            head: self.engine.journal.feed().head().await?.0,
            parked: list_parked(&self.store)?.into_iter().map(ParkedStream::from).collect(),
            rebuild: None,
        };
        self.engine.close().await;
        Ok(status)
    }
}
