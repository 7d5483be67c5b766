//! The request log, at debug. The APIs count and time their requests themselves.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http_api::RequestId;
use tracing::Instrument;
use tracing::field::Empty;

/// Middleware: logs the request with its outcome. Costs nothing when debug is off.
pub(super) async fn log_request(request: Request, next: Next) -> Response {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.run(request).await;
    }
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let start = Instant::now();
    let span = tracing::debug_span!(
        "request",
        http.request.method = %method,
        url.path = uri.path(),
        http.response.status_code = Empty,
        request_id = id.as_deref()
    );
    let response = next.run(request).instrument(span.clone()).await;
    let (status, seconds) = (response.status().as_u16(), start.elapsed().as_secs_f64());
    span.record("http.response.status_code", status);
    tracing::debug!(%method, %uri, status, seconds, request_id = id.as_deref(), "request");
    response
}
