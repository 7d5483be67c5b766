//! A directory that takes batches, and a client of it.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use command_api::{AdminKeyFile, BatchOptions, BatchResult};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::directory::Directory;

/// Nothing here takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Batches {
    pub(crate) directory: Directory,
    router: Router,
    key: String,
}

/// A batch that runs: lines go in, results come out.
pub(crate) struct Running {
    pub(crate) lines: Sender<Bytes, axum::Error>,
    pub(crate) results: Body,
    pub(crate) unread: Vec<u8>,
}

impl Batches {
    pub(crate) async fn start(options: BatchOptions) -> Self {
        let directory = Directory::open().await;
        let (keys, key) = AdminKeyFile::load_or_create(directory.folder.path().join("admin.key")).unwrap();
        let router = command_api::router(directory.service.clone(), keys, options)
            .layer(axum::middleware::from_fn(http_api::assign_request_id));
        Self { directory, router, key: key.unwrap() }
    }

    pub(crate) async fn request(&self, query: &str, headers: &[(&str, &str)], body: Body) -> axum::response::Response {
        let mut request = Request::post(format!("/v1/commands:batch{query}"))
            .header("authorization", format!("Bearer {}", self.key))
            .header("x-request-id", "the-request");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    pub(crate) async fn begin(&self, query: &str) -> Running {
        let (lines, body) = Channel::new(1);
        let answer = self.request(query, &[("content-type", "application/x-ndjson")], Body::new(body)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        Running { lines, results: answer.into_body(), unread: Vec::new() }
    }

    /// All results of these bytes.
    pub(crate) async fn send_bytes(&self, query: &str, bytes: impl Into<Body>) -> Vec<BatchResult> {
        let answer = self.request(query, &[("content-type", "application/x-ndjson")], bytes.into()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        bytes.split_inclusive(|b| *b == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    pub(crate) async fn send(&self, query: &str, lines: &[Value]) -> Vec<BatchResult> {
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        let results = self.send_bytes(query, text.join("\n")).await;
        let numbers: Vec<u64> = results.iter().map(|result| result.line).collect();
        assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>(), "one result a line, in their order");
        results
    }

    pub(crate) async fn moes(&self) -> String {
        let results = self.send("", &[register("Moe's")]).await;
        results[0].id.unwrap().to_string()
    }
}

impl Running {
    pub(crate) async fn send(&mut self, line: &Value) {
        self.lines.send_data(format!("{line}\n").into()).await.unwrap();
    }

    /// The next result; `None` at the end of the answer.
    pub(crate) async fn result(&mut self) -> Option<BatchResult> {
        loop {
            if let Some(end) = self.unread.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(PATIENCE, self.results.frame()).await.expect("results come");
            self.unread.extend(frame?.unwrap().into_data().unwrap());
        }
    }
}

pub(crate) fn register(name: &str) -> Value {
    json!({"command": "register_business", "body": {"name": name, "categories": ["bar"]}})
}

pub(crate) fn code(result: &BatchResult) -> &str {
    result.problem.as_ref().map_or("", |problem| &problem.code)
}

pub(crate) fn pointers(result: &BatchResult) -> Vec<&str> {
    result.problem.iter().flat_map(|problem| &problem.errors).map(|error| error.pointer.as_str()).collect()
}
