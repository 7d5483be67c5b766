//! Gives rows to a running server, at its admin listener.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use events::Position;
use http_api::Problem;
use reqwest::{Client, Response, StatusCode};

use super::calls::{ImportAnswer, ImportCall, RemoteAnswer, RemoteCall};
use super::writer::{DirectoryWriter, WriteError};

/// Tries before the directory counts as unavailable, and the wait after the first of them; doubled after each.
const ATTEMPTS: u32 = 7;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes to a running server.
pub(super) struct RemoteWriter {
    client: Client,
    url: String,
    admin_key: String,
    dry_run: bool,
    written: AtomicU64,
}

impl RemoteWriter {
    /// Writes to the server whose admin listener is at this address (`127.0.0.1:8081`), with this key.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(super) fn new(admin: &str, admin_key: String, dry_run: bool) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        let url = format!("http://{admin}/admin/import");
        Ok(Self { client, url, admin_key, dry_run, written: AtomicU64::new(0) })
    }

    async fn ask(&self, body: &RemoteCall) -> Result<Response, WriteError> {
        let mut wait = FIRST_WAIT;
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            match self.client.post(&self.url).bearer_auth(&self.admin_key).json(body).send().await {
                Ok(response) if response.status().is_server_error() => last = response.status().to_string(),
                Ok(response) => return Ok(response),
                Err(e) => last = e.to_string(),
            }
        }
        Err(WriteError::Unavailable(last))
    }
}

#[async_trait]
impl DirectoryWriter for RemoteWriter {
    async fn call(&self, call: ImportCall) -> Result<ImportAnswer, WriteError> {
        let response = self.ask(&RemoteCall { dry_run: self.dry_run, call }).await?;
        let status = response.status();
        if status != StatusCode::OK {
            let said = response.json::<Problem>().await.map_or_else(|_| status.to_string(), |problem| problem.title);
            return Err(WriteError::Unavailable(format!("the server does not take rows: {said}")));
        }
        let answer: RemoteAnswer =
            response.json().await.map_err(|e| WriteError::Unavailable(format!("an answer cannot be read: {e}")))?;
        if let Some(position) = answer.position {
            self.written.fetch_max(position, Ordering::Relaxed);
        }
        answer.answer.map_err(WriteError::Refused)
    }

    fn position(&self) -> Option<Position> {
        Some(self.written.load(Ordering::Relaxed)).filter(|position| *position > 0).map(Position)
    }
}
