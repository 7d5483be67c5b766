//! Talks to the admin listener of a running server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use http_api::Problem;
use projectors::{RebuildPhase, RebuildStatus};
use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::backup::{Manifest, Progress};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A backup takes as long as it takes; it says something all the time, and silence for so long is the end.
const BACKUP_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
const BACKUP_SILENCE: Duration = Duration::from_secs(60);

/// Lines of a backup's answer are short, but for the last one.
const BACKUP_LINE_BYTES_MAX: usize = 1 << 20;

/// Where a projection group stands; what the admin listener says and the command line shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupStatus {
    /// Its name.
    pub group: String,
    /// `live`, `catching up`, `rebuilding` (the rows are of another version and stay as they are until those of this one
    /// are made), `paused`, `stalled`, `halted`, `stopped`; `not running` for a folder without a server.
    pub health: String,
    /// Why, if it is not well.
    pub reason: Option<String>,
    /// How far its rows are published.
    pub published: u64,
    /// The newest event.
    pub head: u64,
    /// Streams that are set aside.
    pub parked: Vec<ParkedStream>,
    /// The rebuild that is under way, or the last one since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
}

/// How a rebuild fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rebuild {
    /// As the projectors tell it.
    #[serde(flatten)]
    pub status: RebuildStatus,
    /// The newest event.
    pub head: u64,
    /// How long folding will take from here on, if it goes on as fast as so far.
    pub seconds_left: Option<f64>,
}

impl Rebuild {
    pub(crate) fn towards(status: RebuildStatus, head: u64) -> Self {
        let events_left = head.saturating_sub(status.position) as f64;
        let folds = status.phase == RebuildPhase::Folding && status.events_per_second > 0.0;
        let seconds_left = folds.then(|| events_left / status.events_per_second);
        Self { status, head, seconds_left }
    }
}

/// A stream that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParkedStream {
    /// The stream.
    pub stream: String,
    /// Position of the event that could not be folded.
    pub position: u64,
    /// Its type.
    pub event_type: String,
    /// Why.
    pub error: String,
    /// Later events that wait behind it.
    pub queued: u64,
}

/// Asks to go on without a parked event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkipRequest {
    /// Position of the event.
    pub position: u64,
    /// Why.
    pub reason: String,
}

/// What a skip did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SkipAnswer {
    /// Position of the decision in the journal.
    pub position: u64,
}

/// Asks for a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupRequest {
    /// Where to; an absolute path on the server's machine.
    pub folder: PathBuf,
}

/// A line of the answer to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackupLine {
    /// It goes on.
    Progress(Progress),
    /// It is whole.
    Done(Manifest),
    /// It is not, and was removed.
    Failed(String),
}

/// A client of one server.
pub(crate) struct AdminClient {
    client: Client,
    base: String,
    admin_key: String,
}

impl AdminClient {
    /// Talks to this address with this key.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(crate) fn new(admin: &str, admin_key: String) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { client, base: format!("http://{admin}"), admin_key })
    }

    /// Where every group stands.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub(crate) async fn projections(&self) -> anyhow::Result<Vec<GroupStatus>> {
        self.ask(self.client.get(format!("{}/admin/projections", self.base))).await
    }

    /// Goes on without a parked event.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub(crate) async fn skip(&self, group: &str, request: &SkipRequest) -> anyhow::Result<SkipAnswer> {
        self.ask(self.operation(group, "skip")?.json(request)).await
    }

    /// Begins to make all rows of a group anew.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub(crate) async fn rebuild(&self, group: &str) -> anyhow::Result<Rebuild> {
        self.ask(self.operation(group, "rebuild")?).await
    }

    /// Folds nothing from now on.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub(crate) async fn pause(&self, group: &str) -> anyhow::Result<GroupStatus> {
        self.ask(self.operation(group, "pause")?).await
    }

    /// Folds again.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub(crate) async fn resume(&self, group: &str) -> anyhow::Result<GroupStatus> {
        self.ask(self.operation(group, "resume")?).await
    }

    fn operation(&self, group: &str, operation: &str) -> anyhow::Result<RequestBuilder> {
        anyhow::ensure!(
            group.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
            "{group:?} is not the name of a projection group"
        );
        Ok(self.client.post(format!("{}/admin/projections/{group}/{operation}", self.base)))
    }

    /// Makes a backup; `each` sees how far it is.
    ///
    /// # Errors
    /// The server does not answer, refuses, or fails.
    pub(crate) async fn backup(&self, folder: &Path, mut each: impl FnMut(&Progress)) -> anyhow::Result<Manifest> {
        let request = self.client.post(format!("{}/admin/backup", self.base)).timeout(BACKUP_TIMEOUT);
        let mut response = self.send(request.json(&BackupRequest { folder: folder.to_owned() })).await?;
        let mut unread = Vec::new();
        while let Some(part) = timeout(BACKUP_SILENCE, response.chunk())
            .await
            .context("the running server says nothing any more")?
            .context("the running server broke off")?
        {
            unread.extend_from_slice(&part);
            while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = unread.drain(..=end).collect();
                match serde_json::from_slice(&line).context("the running server's answer cannot be read")? {
                    BackupLine::Progress(progress) => each(&progress),
                    BackupLine::Done(manifest) => return Ok(manifest),
                    BackupLine::Failed(reason) => anyhow::bail!("the running server could not make it: {reason}"),
                }
            }
            anyhow::ensure!(unread.len() < BACKUP_LINE_BYTES_MAX, "the running server's answer cannot be read");
        }
        anyhow::bail!("the running server ended before the backup was whole")
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        self.send(request).await?.json().await.context("the running server's answer cannot be read")
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request
            .bearer_auth(&self.admin_key)
            .send()
            .await
            .with_context(|| format!("the running server does not answer at {}", self.base))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        match response.json::<Problem>().await {
            Ok(Problem { title, detail: Some(detail), .. }) => anyhow::bail!("{title}: {detail}"),
            Ok(problem) => anyhow::bail!(problem.title),
            Err(_) => anyhow::bail!("the running server answers {status}"),
        }
    }
}
