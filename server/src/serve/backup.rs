//! `POST /admin/backup`: a backup of the running server, with its progress as it goes.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http_api::Problem;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::admin::{Admin, invalid, unavailable};
use crate::admin_client::{BackupLine, BackupRequest};
use crate::backup::{BackupSource, Manifest, Progress, check_empty, make_backup};

/// Answers with a line for each look at the progress, and one for the end. Whoever goes away ends the backup.
pub(super) async fn backup(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<BackupRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(BackupRequest { folder }) = body.map_err(|e| invalid(e.body_text()))?;
    if !folder.is_absolute() {
        return Err(invalid(format!("{} is not an absolute path", folder.display())));
    }
    check_empty(&folder, &admin.folder).map_err(|error| invalid(format!("{error:#}")))?;
    let Ok(permit) = admin.backups.clone().try_acquire_owned() else {
        return Err(unavailable("another backup is being made"));
    };
    let journal = admin.journal.file().map_err(|error| invalid(error.to_string()))?;
    let source = BackupSource { folder: admin.folder.clone(), journal, views: Some(admin.directory.reader()) };
    let content_type = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, content_type)], begin(source, folder, permit)).into_response())
}

fn begin(source: BackupSource, folder: PathBuf, permit: OwnedSemaphorePermit) -> Body {
    let (progress, shown) = watch::channel(Progress::default());
    let (end, ended) = oneshot::channel();
    tokio::spawn(async move {
        let made = make_backup(source, folder.clone(), &progress).await;
        match &made {
            Ok(manifest) => tracing::info!(folder = %folder.display(), head = manifest.head, "made a backup"),
            Err(error) => tracing::error!(folder = %folder.display(), error = ?error, "a backup failed"),
        }
        drop(permit);
        // Nobody may be there any more; then it is in the log.
        let _ = end.send(made);
    });
    let telling = Telling { shown, ended: Some(ended) };
    Body::from_stream(stream::unfold(telling, |mut telling| async move {
        let line = telling.next().await?;
        Some((Ok::<_, serde_json::Error>(line), telling))
    }))
}

/// What has still to be told.
struct Telling {
    shown: watch::Receiver<Progress>,
    /// `None` once the end was told.
    ended: Option<oneshot::Receiver<anyhow::Result<Manifest>>>,
}

impl Telling {
    async fn next(&mut self) -> Option<Bytes> {
        let ended = self.ended.as_mut()?;
        let line = tokio::select! {
            Ok(()) = self.shown.changed() => BackupLine::Progress(self.shown.borrow_and_update().clone()),
            end = ended => {
                self.ended = None;
                match end {
                    Ok(Ok(manifest)) => BackupLine::Done(manifest),
                    Ok(Err(error)) => BackupLine::Failed(format!("{error:#}")),
                    Err(_) => BackupLine::Failed("the server's backup ended without a word".to_owned()),
                }
            }
        };
        let mut text = serde_json::to_vec(&line).expect("text and numbers can be written as JSON");
        text.push(b'\n');
        Some(text.into())
    }
}
