//! The public router: both APIs, the server's own pages, and what every request goes through.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, map_request};
use axum::response::{IntoResponse, Response};
use http_api::{Problem, assign_request_id};
use tower_http::catch_panic::CatchPanicLayer;

use super::pages::pages;
use super::request_log::log_request;

/// What a panic becomes; its text goes to the log, not to the client.
#[allow(clippy::needless_pass_by_value)] // the signature that the layer asks for
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("without a message"), "a request panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed").into_response()
}

/// Puts everything together.
pub(super) fn public_router(queries: Router, commands: Router, body_timeout: Duration) -> Router {
    around(queries.merge(commands).merge(pages()), body_timeout)
}

/// The layers that every listener has, the outermost last.
pub(super) fn around(router: Router, body_timeout: Duration) -> Router {
    router
        .fallback(query_api::not_found)
        .method_not_allowed_fallback(query_api::method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_request(move |request| super::listener::with_body_deadline(request, body_timeout)))
        .layer(from_fn(log_request))
        .layer(from_fn(assign_request_id))
}
