//! Many commands in one request, NDJSON in and out.

mod line;
mod lines;
mod options;
mod result;
mod run;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use http_api::RequestId;
use http_body_util::channel::Channel;

pub(super) use line::BatchLine;
#[cfg(any(test, fuzzing))]
pub(super) use line::wrong_with_line;
pub use options::BatchOptions;
pub use result::BatchResult;

use lines::Lines;
use run::{Batch, Shared};

use super::Api;
use super::conditions::{self, IDEMPOTENCY_KEY};
use super::problems::Refused;
use crate::request::InvalidField;

/// Where batches are taken.
pub const BATCH_PATH: &str = "/v1/commands:batch";

/// Chunks of results that wait for the client.
const CHUNKS: usize = 4;

const NDJSON: &str = "application/x-ndjson";

/// Send many commands
///
/// One command a line, one result a line, in the order of the request; results come while lines are still sent, so
/// read them meanwhile. Every line is decided as its own endpoint would decide it, and one that is refused, or is not
/// JSON or UTF-8, or is too long, harms no other. Lines that touch the same thing take effect in their order, others
/// at the same time. With `dry_run=true` each is decided by itself on what is stored.
///
/// When the batch ends early (no line comes for some seconds, the server stops, the body breaks off), the last result
/// says so with the first line that was not taken. A batch whose results are not read ends, too. To go on after a
/// broken connection send all lines again, under the same idempotency keys.
#[utoipa::path(post, path = "/v1/commands:batch", tag = "commands", operation_id = "batch",
    params(("dry_run" = Option<bool>, Query, description = "Decide and answer, but store nothing")),
    request_body(content = BatchLine, content_type = "application/x-ndjson", description = "One command a line"),
    responses(
        (status = 200, description = "One result a line", body = BatchResult, content_type = "application/x-ndjson"),
        (status = 400, description = "Malformed: a parameter, or a header that belongs into the lines",
            body = http_api::Problem),
        (status = 401, description = "The admin key is missing, malformed or wrong", body = http_api::Problem),
        (status = 415, description = "The body is not NDJSON", body = http_api::Problem),
        (status = 503, description = "Too many batches at the moment, or the server stops", body = http_api::Problem),
    ),
    security(("admin_key" = []), ("admin_key_header" = [])))]
pub(super) async fn batch(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    must_stand_in_lines(&parts.headers)?;
    let context = conditions::context(&parts)?;
    if !is_ndjson(&parts.headers) {
        return Err(Refused::not_ndjson());
    }
    let permit = api.batches.clone().try_acquire_owned().map_err(|_| Refused::too_many_batches())?;
    let options = api.batch_options.clone();
    let (results, answer) = Channel::new(CHUNKS);
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let (actor, correlation, dry_run) = (context.actor, context.correlation, context.dry_run);
    let mut lines = Lines::of(body, options.max_line_bytes, options.line_read_timeout);
    if parts.headers.contains_key(header::EXPECT) {
        lines.read().await;
    }
    let batch = Batch { shared: Shared { api, actor, correlation, request_id, dry_run }, lines, results, permit };
    tokio::spawn(batch.run(options));
    let mut response = Response::new(Body::new::<Channel<Bytes, axum::Error>>(answer));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A condition of the request would be one of every line.
fn must_stand_in_lines(headers: &HeaderMap) -> Result<(), Refused> {
    let in_lines = [
        (IDEMPOTENCY_KEY, "Idempotency-Key"),
        (header::IF_MATCH, "If-Match"),
        (header::IF_NONE_MATCH, "If-None-Match"),
    ];
    let given = in_lines.iter().filter(|(name, _)| headers.contains_key(name));
    let wrong: Vec<_> =
        given.map(|(_, name)| InvalidField::new(*name, "invalid", "of a batch it stands in each line")).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Refused::malformed_request(wrong)) }
}

fn is_ndjson(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(NDJSON)
}
