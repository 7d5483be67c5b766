//! `X-Request-Id`: taken over from the client if it is a sane one, else a UUIDv7; in every answer and problem.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::problem::Problem;

/// The header.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request; a request extension.
#[derive(Debug, Clone)]
pub struct RequestId(pub Arc<str>);

/// Middleware: gives the request its id, and the answer too.
pub async fn assign_request_id(mut request: Request, next: Next) -> Response {
    let id: Arc<str> = request
        .headers()
        .get(&X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_sane(id))
        .map_or_else(|| Uuid::now_v7().to_string().into(), Into::into);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() {
        let mut problem = Arc::unwrap_or_clone(problem);
        problem.request_id = id.to_string();
        let body = serde_json::to_vec(&problem).expect("a problem holds only strings, numbers and lists");
        // HEAD has no body, but the length of what GET would have sent.
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        *response.body_mut() = body.into();
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// Short and printable, so that it can stand in logs as it is.
fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
