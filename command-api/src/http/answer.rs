//! The answer to an accepted command.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_api::{CONSISTENCY_HEADER, ConsistencyToken};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::handler::{Accepted, Outcome};

/// `true` on an answer that is the first answer again.
pub(super) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What an accepted command did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandAnswer {
    /// The business, category or location.
    pub id: Uuid,
    /// Its slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "moe-s-tavern")]
    pub slug: Option<String>,
    /// Its version after the command, for `If-Match: "v<version>"`.
    #[schema(example = 1)]
    pub version: u64,
    /// `created`, `changed`, or `unchanged` when all that was asked was true already.
    #[schema(example = "created")]
    pub outcome: String,
    /// Present and true when nothing was stored because of `dry_run=true`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// 201 for what is new, else 200.
pub(super) fn status_of(accepted: &Accepted) -> StatusCode {
    let created = accepted.outcome == Outcome::Created && !accepted.dry_run;
    if created { StatusCode::CREATED } else { StatusCode::OK }
}

/// The answer of a command's own endpoint.
pub(super) fn respond(command: &str, accepted: &Accepted) -> Response {
    let body = CommandAnswer {
        id: accepted.id,
        slug: accepted.slug.clone(),
        version: accepted.version.0,
        outcome: accepted.outcome.name().to_owned(),
        dry_run: accepted.dry_run,
    };
    let status = status_of(accepted);
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let token = ConsistencyToken { journal: accepted.journal, position: accepted.position };
    insert(headers, CONSISTENCY_HEADER, &token.to_string());
    if accepted.replayed {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    if status == StatusCode::CREATED {
        insert(headers, header::LOCATION, &location(command, accepted));
    }
    response
}

fn insert(headers: &mut axum::http::HeaderMap, name: HeaderName, value: &str) {
    headers.insert(name, HeaderValue::from_str(value).expect("ids, numbers and percent-encoded text are ASCII"));
}

/// Where the new thing is read.
fn location(command: &str, accepted: &Accepted) -> String {
    let slug = accepted.slug.as_deref().unwrap_or_default();
    match command {
        "define_category" => format!("/v1/categories/{}", percent_encoded(slug)),
        "define_location" => format!("/v1/locations/{}", percent_encoded(slug)),
        _ => format!("/v1/businesses/{}", accepted.id),
    }
}

/// One segment of a path.
fn percent_encoded(segment: &str) -> String {
    let mut url = Url::parse("http://localhost/").expect("a constant that is an address");
    url.path_segments_mut().expect("http has paths").push(segment);
    url.path().trim_start_matches('/').to_owned()
}
