//! Talks to the admin listener of a running server.

use std::time::Duration;

use anyhow::Context;
use http_api::Problem;
use projectors::{RebuildPhase, RebuildStatus};
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const TIMEOUT: Duration = Duration::from_secs(10);

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

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        let response = request
            .bearer_auth(&self.admin_key)
            .send()
            .await
            .with_context(|| format!("the running server does not answer at {}", self.base))?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.context("the running server's answer cannot be read");
        }
        match response.json::<Problem>().await {
            Ok(problem) => anyhow::bail!("{}: {}", problem.title, problem.detail.unwrap_or_default()),
            Err(_) => anyhow::bail!("the running server answers {status}"),
        }
    }
}
