//! What every role tells about itself: whether it lives, whether it is ready, its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use super::metrics::{Measured, measure};
use super::process::processor_time;
use super::readiness::Readiness;

/// What is asked when somebody wants to know.
#[derive(Clone)]
pub(super) struct Vitals {
    pub(super) readiness: Readiness,
    pub(super) metrics: PrometheusHandle,
    pub(super) measured: Measured,
}

/// `/livez`, `/readyz`, `/metrics`.
pub(super) fn vitals_router(vitals: Vitals) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(vitals))
}

async fn ready(State(vitals): State<Arc<Vitals>>) -> Response {
    let reasons = vitals.readiness.reasons().await;
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": reasons.is_empty(), "reasons": reasons}))).into_response()
}

async fn metrics(State(vitals): State<Arc<Vitals>>) -> Response {
    measure(&vitals.measured).await;
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4");
    let text = vitals.metrics.render() + &processor_time();
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
