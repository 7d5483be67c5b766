//! What operators do, on the admin listener. It is bound to the loopback unless told otherwise.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use command_api::{AdminKeyFile, CommandService};
use events::{Actor, ActorKind, Position};
use http_api::Problem;
use projectors::{GroupHandle, GroupHealth, ParkedEntry, RebuildRefused};
use tokio::sync::Semaphore;

use super::backup::backup;
use super::readiness::words;
use crate::admin_client::{GroupStatus, ParkedStream, Rebuild, SkipAnswer, SkipRequest};
use crate::engine::{DIRECTORY_GROUP, Engine};
use crate::import::{DirectoryWriter, LocalWriter, RemoteAnswer, RemoteCall, WriteError};
use crate::journal::OpenJournal;
use crate::skip::{SkipError, skip_parked_event};

/// A group that was told to go on does so by then, or is in no hurry to say so.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

/// What the admin endpoints work on.
pub(super) struct Admin {
    pub(super) directory: Arc<GroupHandle>,
    pub(super) journal: OpenJournal,
    pub(super) commands: CommandService,
    pub(super) admin_key: AdminKeyFile,
    /// The data folder.
    pub(super) folder: PathBuf,
    /// One backup at a time.
    pub(super) backups: Arc<Semaphore>,
}

impl Admin {
    /// Over the engines of a data folder.
    pub(super) fn of(
        engine: &Engine,
        directory: Arc<GroupHandle>,
        commands: CommandService,
        admin_key: AdminKeyFile,
    ) -> Self {
        Self {
            directory,
            journal: engine.journal.clone(),
            commands,
            admin_key,
            folder: engine.folder.path().to_owned(),
            backups: Arc::new(Semaphore::new(1)),
        }
    }
}

/// The admin endpoints.
pub(super) fn admin_router(admin: Admin) -> Router {
    let admin = Arc::new(admin);
    let operators_only = Router::new()
        .route("/admin/projections/{group}/skip", post(skip))
        .route("/admin/projections/{group}/rebuild", post(rebuild))
        .route("/admin/projections/{group}/pause", post(pause))
        .route("/admin/projections/{group}/resume", post(resume))
        .route("/admin/backup", post(backup))
        .route("/admin/import", post(import))
        .route_layer(from_fn_with_state(admin.clone(), refuse_strangers));
    Router::new().route("/admin/projections", get(projections)).merge(operators_only).with_state(admin)
}

async fn projections(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<GroupStatus>>, Problem> {
    Ok(Json(vec![group_status(&admin).await?]))
}

async fn group_status(admin: &Admin) -> Result<GroupStatus, Problem> {
    let head = admin.journal.feed().head().await.map_err(|e| unavailable(&e))?;
    let parked = admin.directory.parked().map_err(|e| unavailable(&e))?;
    let (health, reason) = words(&admin.directory.health().borrow());
    let rebuild = admin.directory.rebuilding().borrow().clone();
    Ok(GroupStatus {
        group: DIRECTORY_GROUP.to_owned(),
        health: health.to_owned(),
        reason,
        published: admin.directory.status().published.0,
        head: head.0,
        parked: parked.into_iter().map(ParkedStream::from).collect(),
        rebuild: rebuild.map(|status| Rebuild::towards(status, head.0)),
    })
}

/// Begins to make all rows anew (202). How it fares is seen where every group stands.
async fn rebuild(_: KnownGroup, State(admin): State<Arc<Admin>>) -> Result<(StatusCode, Json<Rebuild>), Problem> {
    let head = admin.journal.feed().head().await.map_err(|e| unavailable(&e))?;
    match admin.directory.rebuild().await {
        Ok(status) => Ok((StatusCode::ACCEPTED, Json(Rebuild::towards(status, head.0)))),
        Err(error @ (RebuildRefused::UnderWay | RebuildRefused::Paused)) => {
            let problem = Problem::new(StatusCode::CONFLICT, "rebuild_refused", "A rebuild cannot begin now");
            Err(problem.detail(error.to_string()))
        }
        Err(error) => Err(unavailable(&error)),
    }
}

async fn pause(_: KnownGroup, State(admin): State<Arc<Admin>>) -> Result<Json<GroupStatus>, Problem> {
    admin.directory.pause().await;
    Ok(Json(group_status(&admin).await?))
}

async fn resume(_: KnownGroup, State(admin): State<Arc<Admin>>) -> Result<Json<GroupStatus>, Problem> {
    admin.directory.resume().await;
    settle(&admin).await?;
    Ok(Json(group_status(&admin).await?))
}

/// Waits until the group is no longer seen as paused; and if it has nothing to catch up with, until that is seen.
async fn settle(admin: &Admin) -> Result<(), Problem> {
    let head = admin.journal.feed().head().await.map_err(|e| unavailable(&e))?;
    let behind = admin.directory.status().published < head;
    let mut health = admin.directory.health();
    let settled = health.wait_for(|health| match health {
        GroupHealth::Paused => false,
        GroupHealth::CatchingUp => behind,
        _ => true,
    });
    // What is told then is what there is to tell.
    let _ = tokio::time::timeout(SETTLE_TIMEOUT, settled).await;
    Ok(())
}

/// Says that there is such a group: there is one.
struct KnownGroup;

impl FromRequestParts<Arc<Admin>> for KnownGroup {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        let Path(group) = Path::<String>::from_request_parts(parts, admin).await.map_err(|e| invalid(e.body_text()))?;
        if group == DIRECTORY_GROUP {
            return Ok(Self);
        }
        let problem = Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such projection group");
        Err(problem.detail(format!("{group:?} is none; there is {DIRECTORY_GROUP:?}")))
    }
}

async fn skip(
    _: KnownGroup,
    State(admin): State<Arc<Admin>>,
    body: Result<Json<SkipRequest>, JsonRejection>,
) -> Result<Json<SkipAnswer>, Problem> {
    let Json(request) = body.map_err(|e| invalid(e.body_text()))?;
    let parked = admin.directory.parked().map_err(|e| unavailable(&e))?;
    let actor = Actor { kind: ActorKind::Admin, id: "admin-listener".to_owned() };
    let position = Position(request.position);
    let journal = admin.journal.port();
    let decided = skip_parked_event(journal.as_ref(), DIRECTORY_GROUP, &parked, position, &request.reason, actor).await;
    match decided {
        Ok(position) => Ok(Json(SkipAnswer { position: position.0 })),
        Err(error @ SkipError::Reason) => Err(invalid(error.to_string())),
        Err(error @ SkipError::NotParked(_)) => {
            Err(Problem::new(StatusCode::NOT_FOUND, "not_found", "Nothing is parked there").detail(error.to_string()))
        }
        Err(error @ (SkipError::Append(_) | SkipError::Journal(_))) => Err(unavailable(&error)),
    }
}

/// What `lawless import` asks: it opens no folder on which a server runs.
async fn import(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<RemoteCall>, JsonRejection>,
) -> Result<Json<RemoteAnswer>, Problem> {
    let Json(RemoteCall { dry_run, call }) = body.map_err(|e| invalid(e.body_text()))?;
    let writer = LocalWriter::new(admin.commands.clone(), dry_run);
    let answer = match Box::pin(writer.call(call)).await {
        Ok(answer) => Ok(answer),
        Err(WriteError::Refused(findings)) => Err(findings),
        Err(error @ WriteError::Unavailable(_)) => return Err(unavailable(&error)),
    };
    Ok(Json(RemoteAnswer { answer, position: writer.position().map(|position| position.0) }))
}

/// Middleware: refuses requests without the admin key, before anything else of them is looked at.
async fn refuse_strangers(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let given = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if given.is_some_and(|given| admin.admin_key.check(given).is_ok()) {
        return next.run(request).await;
    }
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "The admin key is needed");
    problem.detail("send `Authorization: Bearer <admin key>`; the key lies in the data folder").into_response()
}

pub(super) fn invalid(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", "The request is not valid").detail(detail)
}

pub(super) fn unavailable(error: &(impl std::fmt::Display + ?Sized)) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "This cannot be done now").detail(error.to_string())
}

impl From<ParkedEntry> for ParkedStream {
    fn from(entry: ParkedEntry) -> Self {
        let ParkedEntry { stream, position, event_type, error, queued } = entry;
        Self { stream: stream.to_string(), position: position.0, event_type, error, queued }
    }
}
