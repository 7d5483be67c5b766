//! A client of the API.

use anyhow::Context;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Talks to one program. Never follows redirects.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    api: String,
    key: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, as it came.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the API at this address, with or without a key.
    pub fn new(api: &str, key: Option<&str>) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()
            .expect("no setting of it can fail");
        Self { http, api: api.to_owned(), key: key.map(str::to_owned) }
    }

    /// The same, with another key, or none.
    #[must_use]
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// Reads, without the key: reads are anonymous.
    ///
    /// # Errors
    /// There was no answer, or not a whole one.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None, headers, None).await
    }

    /// Reads what is not for everybody, with the key.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn get_with_key(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None, &[], self.key.as_deref()).await
    }

    /// Sends a command, with the key.
    ///
    /// # Errors
    /// There was no answer, or not a whole one: whether the command was accepted is not known.
    pub async fn command(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let method: Method = method.parse().context("the method")?;
        self.send(method, path, Some(body), headers, self.key.as_deref()).await
    }

    /// Sends a batch of commands, with the key; results are read from what it gives.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn batch(&self, query: &str, lines: Vec<u8>) -> anyhow::Result<reqwest::Response> {
        let mut request = self.http.post(format!("{}/v1/commands:batch{query}", self.api)).body(lines);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        request.header("Content-Type", "application/x-ndjson").send().await.context("sending a batch")
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
        key: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.with_context(|| format!("asking for {path}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.with_context(|| format!("reading {path}"))?.to_vec();
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not, or not of that shape; the error shows it.
    pub fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body).with_context(|| format!("{}: {}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
