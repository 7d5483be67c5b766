//! The real directory in this process: journal, handler, runner, store, queries.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use command_api::{
    Accepted, AdminKeyFile, BatchOptions, CommandContext, CommandError, CommandOptions, CommandService, Places,
};
use event_log::{EventFeed as _, SqliteEventFeed, SqliteJournal, SqliteJournalOptions};
use events::{Actor, ActorKind, Position, Timestamp};
use http_api::{CONSISTENCY_HEADER, ConsistencyToken};
use http_body_util::BodyExt as _;
use projectors::{DirectoryProjection, GroupHandle, GroupOptions, ProjectionGroup, RunnerOptions, StoreOptions};
use query_api::QueryOptions;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::generate::Asked;

/// What time it is for readers, always: Monday noon in London.
pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";
/// The address space of the store; a case is small.
const MAP_BYTES: usize = 1 << 30;

/// What runs.
pub(crate) struct World {
    journal: SqliteJournal,
    service: CommandService,
    commands: Router,
    admin_key: String,
    group_options: GroupOptions,
    views: Option<(GroupHandle, Router)>,
    /// Position of the newest accepted command.
    newest: Position,
}

/// An answer of the query side.
pub(crate) struct Read {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    body: Vec<u8>,
}

impl World {
    pub(crate) async fn open(folder: &Path, places: Arc<Places>) -> Self {
        let journal =
            SqliteJournal::open(folder.join("journal.sqlite"), SqliteJournalOptions::default()).await.unwrap();
        let service = CommandService::new(Arc::new(journal.clone()), places, CommandOptions::default());
        let key_file = folder.join("admin-key");
        let (keys, _) = AdminKeyFile::load_or_create(&key_file).unwrap();
        let commands = command_api::router(service.clone(), keys, BatchOptions::default());
        let admin_key = std::fs::read_to_string(&key_file).unwrap().trim().to_owned();
        let group_options = GroupOptions {
            name: "directory".to_owned(),
            views_folder: folder.join("views"),
            store: StoreOptions { map_bytes: MAP_BYTES, ..StoreOptions::default() },
            runner: RunnerOptions::default(),
        };
        let newest = journal.feed().head().await.unwrap();
        let mut world = Self { journal, service, commands, admin_key, group_options, views: None, newest };
        world.start_views().await;
        world
    }

    /// Closes everything and opens it again: nothing may be lost, and nothing is remembered.
    pub(crate) async fn reopen(self, folder: &Path, places: Arc<Places>) -> Self {
        self.close().await;
        Self::open(folder, places).await
    }

    pub(crate) async fn close(mut self) {
        self.stop_views().await;
        drop((self.service, self.commands));
        self.journal.close().await;
    }

    pub(crate) async fn start_views(&mut self) {
        let feed: Arc<SqliteEventFeed> = Arc::new(self.journal.feed());
        let make = || -> Box<dyn projectors::Projection> { Box::new(DirectoryProjection::default()) };
        let group = ProjectionGroup::start(self.group_options.clone(), make, feed).await.unwrap();
        let options =
            QueryOptions { clock: Arc::new(|| NOW.parse::<jiff::Timestamp>().unwrap()), ..QueryOptions::new([7; 32]) };
        let router = query_api::router(group.reader(), options);
        self.views = Some((group, router));
    }

    pub(crate) async fn stop_views(&mut self) {
        if let Some((group, router)) = self.views.take() {
            drop(router);
            group.shutdown().await;
        }
    }

    pub(crate) async fn execute(&mut self, asked: &Asked) -> Result<Accepted, CommandError> {
        let mut context = CommandContext::of(Actor { kind: ActorKind::Admin, id: "model".to_owned() });
        context.idempotency_key.clone_from(&asked.key);
        context.if_match = asked.if_match;
        let accepted = self.service.execute(context, asked.command.clone()).await?;
        self.newest = self.newest.max(accepted.position);
        Ok(accepted)
    }

    /// When the event at a position was recorded.
    pub(crate) async fn recorded_at(&self, position: Position) -> Timestamp {
        let events = self.journal.feed().read(Position(position.0 - 1), 1).await.unwrap();
        assert_eq!(events[0].position, position);
        events[0].recorded_at
    }

    /// Asks the command side, as the admin.
    pub(crate) async fn ask(&self, path: &str) -> Read {
        let authorization = format!("Bearer {}", self.admin_key);
        let request = Request::get(path).header(header::AUTHORIZATION, authorization).body(Body::empty());
        let response = self.commands.clone().oneshot(request.expect("a sound path")).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Read { status, location: String::new(), body }
    }

    /// Reads, having seen every command that was accepted.
    pub(crate) async fn get(&self, path: &str) -> Read {
        let (group, router) = self.views.as_ref().expect("views run while they are read");
        let token = ConsistencyToken { journal: group.status().journal_id, position: self.newest };
        let request =
            Request::get(path).header(CONSISTENCY_HEADER, token.to_string()).body(Body::empty()).expect("a sound path");
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let text = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(text(http_api::STALE_HEADER), None, "{path}: every command must be seen within the time");
        let location = text(header::LOCATION).unwrap_or_default();
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Read { status, location, body }
    }
}

impl Read {
    /// The document; it must be there and have exactly this shape.
    pub(crate) fn document<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
