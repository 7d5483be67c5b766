//! Gives rows to a running server over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use command_api::{DefineCategory, DefineLocation, RegisterBusiness};
use http_api::{CONSISTENCY_HEADER, ConsistencyToken, Problem};
use reqwest::header::IF_NONE_MATCH;
use reqwest::{Client, Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::writer::{DirectoryWriter, Upserted, WriteError};

/// Tries before the directory counts as unavailable, and the wait after the first of them; doubled after each.
const ATTEMPTS: u32 = 7;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes to a running server.
pub(super) struct HttpWriter {
    client: Client,
    base: String,
    admin_key: String,
    written: std::sync::Mutex<Option<ConsistencyToken>>,
}

/// What of an answer to a command is of interest here.
#[derive(Deserialize)]
struct Answer {
    outcome: String,
}

impl HttpWriter {
    /// Writes to the API at this address (`127.0.0.1:8080`) with this key.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(super) fn new(api: &str, admin_key: String) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        Ok(Self { client, base: format!("http://{api}"), admin_key, written: std::sync::Mutex::default() })
    }

    /// The newest token of all answers.
    pub(super) fn token(&self) -> Option<ConsistencyToken> {
        *self.written.lock().expect("nothing panics while it holds the token")
    }

    async fn put(&self, path: &str, body: &(impl Serialize + Sync), is_new: bool) -> Result<Response, WriteError> {
        let mut wait = FIRST_WAIT;
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            let mut request = self
                .client
                .request(Method::PUT, format!("{}{path}", self.base))
                .bearer_auth(&self.admin_key)
                .json(body);
            if is_new {
                request = request.header(IF_NONE_MATCH, "*");
            }
            match request.send().await {
                Ok(response) if is_passing(response.status()) => last = format!("{} from {path}", response.status()),
                Ok(response) => return Ok(response),
                Err(e) => last = e.to_string(),
            }
        }
        Err(WriteError::Unavailable(last))
    }

    async fn accepted(&self, response: Response) -> Result<Answer, WriteError> {
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let token = response.headers().get(CONSISTENCY_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        if let Some(token) = token {
            let token: ConsistencyToken = token;
            let mut written = self.written.lock().expect("nothing panics while it holds the token");
            if written.is_none_or(|known| known.position < token.position) {
                *written = Some(token);
            }
        }
        response.json().await.map_err(|e| WriteError::Unavailable(format!("an answer cannot be read: {e}")))
    }

    async fn ensure(&self, path: &str, body: &(impl Serialize + Sync)) -> Result<(), WriteError> {
        let response = self.put(path, body, true).await?;
        // It is there already.
        if response.status() == StatusCode::PRECONDITION_FAILED {
            return Ok(());
        }
        self.accepted(response).await.map(|_| ())
    }
}

#[async_trait]
impl DirectoryWriter for HttpWriter {
    async fn ensure_category(&self, slug: &str, body: DefineCategory) -> Result<(), WriteError> {
        self.ensure(&format!("/v1/categories/{}", segment(slug)), &body).await
    }

    async fn ensure_location(&self, slug: &str, body: DefineLocation) -> Result<(), WriteError> {
        self.ensure(&format!("/v1/locations/{}", segment(slug)), &body).await
    }

    async fn upsert(&self, business: &RegisterBusiness) -> Result<Upserted, WriteError> {
        let source = business.source.clone().unwrap_or_default();
        let path = format!("/v1/sources/{}/businesses/{}", segment(&source.system), segment(&source.external_id));
        let response = self.put(&path, business, false).await?;
        match self.accepted(response).await?.outcome.as_str() {
            "created" => Ok(Upserted::Registered),
            "changed" => Ok(Upserted::Changed),
            _ => Ok(Upserted::Unchanged),
        }
    }
}

/// Whether the same request may succeed later.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

async fn refusal(response: Response) -> WriteError {
    let status = response.status();
    match response.json::<Problem>().await {
        Ok(problem) if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN => {
            WriteError::Unavailable(format!("the server does not take the admin key: {}", problem.title))
        }
        Ok(problem) if !problem.errors.is_empty() => WriteError::Refused(
            problem
                .errors
                .into_iter()
                .map(|e| Finding { pointer: e.pointer, code: e.code, detail: e.detail })
                .collect(),
        ),
        Ok(problem) => {
            let detail = problem.detail.unwrap_or(problem.title);
            WriteError::Refused(vec![Finding { pointer: String::new(), code: problem.code, detail }])
        }
        Err(e) => WriteError::Unavailable(format!("{status}, and the answer cannot be read: {e}")),
    }
}

/// A text as one segment of a path.
fn segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') || (byte == b'.' && text.len() > 2) {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn nothing_in_an_id_leaves_its_segment() {
        assert_eq!(segment("node/12 ?#é"), "node%2F12%20%3F%23%C3%A9");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
