//! The public router: both APIs, the server's own pages, and what every request goes through.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http_api::{Problem, assign_request_id};
use tower_http::catch_panic::CatchPanicLayer;

use super::listener::with_body_deadline;
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
        // Two steps in one layer: each layer is an allocation and a copy of what is below it, on every request.
        .layer(from_fn(move |request: Request, next: Next| async move {
            log_request(with_body_deadline(request, body_timeout).await, next).await
        }))
        .layer(from_fn(assign_request_id))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn panics() -> StatusCode {
        panic!("a secret of the inside")
    }

    async fn problem_of(request: Request) -> Problem {
        let router = around(Router::new().route("/panics", get(panics)), Duration::from_secs(1));
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Problem = serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap();
        assert!(!problem.request_id.is_empty());
        problem
    }

    #[tokio::test]
    async fn a_panic_and_everything_unknown_become_problems() {
        let request =
            |method: &str, path: &str| Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let panicked = problem_of(request("GET", "/panics")).await;
        assert_eq!((panicked.status, &*panicked.code), (500, "internal"));
        assert!(!format!("{panicked:?}").contains("secret"), "the text of a panic stays inside");
        assert_eq!(problem_of(request("GET", "/nowhere")).await.code, "not_found");
        assert_eq!(problem_of(request("DELETE", "/panics")).await.code, "method_not_allowed");
    }
}
