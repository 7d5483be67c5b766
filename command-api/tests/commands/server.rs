//! The command API over a real journal, without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use command_api::{AdminKeyFile, BatchOptions};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::directory::Directory;

pub(crate) struct Server {
    pub(crate) directory: Directory,
    router: Router,
    pub(crate) key: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())).collect()
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::of(Directory::open().await)
    }

    pub(crate) fn of(directory: Directory) -> Self {
        let (keys, key) = AdminKeyFile::load_or_create(directory.folder.path().join("admin.key")).unwrap();
        let router = command_api::router(directory.service.clone(), keys, BatchOptions::default())
            .layer(axum::middleware::from_fn(http_api::assign_request_id));
        Self { directory, router, key: key.unwrap() }
    }

    /// As the admin.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let authorization = format!("Bearer {}", self.key);
        let mut all = vec![("authorization", authorization.as_str()), ("content-type", "application/json")];
        all.extend(headers);
        self.send_raw(method, path, &all, body.to_string()).await
    }

    pub(crate) async fn send_raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))),
        };
        if answer.status.is_client_error() || answer.status.is_server_error() {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.body["status"], answer.status.as_u16());
            assert_eq!(answer.body["request_id"], answer.header("x-request-id"));
        }
        answer
    }

    pub(crate) async fn moes(&self) -> String {
        let body = json!({"name": "Moe's", "categories": ["bar"]});
        self.send("POST", "/v1/businesses", &[], body).await.body["id"].as_str().unwrap().to_owned()
    }
}
