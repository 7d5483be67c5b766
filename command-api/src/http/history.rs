//! The past of a business. It needs the admin key: it shows who did something, and what was taken out of the directory
//! since, which nobody else has to see again.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use events::{StreamVersion, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::businesses::PathId;
use super::cursor::{cursor_before, open_cursor};
use super::parameters::Parameters;
use super::problems::Refused;
use crate::handler::{AsOf, PastError};
use crate::history::{BusinessState, HistoryEntry};

/// Entries of a page when the client does not say, and the most that it may ask for.
const LIMIT_DEFAULT: u64 = 20;
const LIMIT_MAX: u64 = 100;

/// Some of what happened to a business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessHistory {
    /// The business.
    pub id: Uuid,
    /// Its events, the newest first.
    pub data: Vec<HistoryEntry>,
    /// Where the history goes on.
    pub page: HistoryCursor,
}

/// Where a history goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryCursor {
    /// To be given back as `cursor` for what is older; `null` at the end.
    pub next_cursor: Option<String>,
    /// Whether there is more.
    pub has_more: bool,
}

/// What happened to a business
///
/// Who did what when, with the old and the new value of every field, the newest first. It goes on beyond the removal
/// of a business. Categories and locations are named by their slugs.
#[utoipa::path(get, path = "/v1/businesses/{id}/history", tag = "businesses", operation_id = "business_history",
    params(
        ("id" = String, Path, description = "Id, or a slug that it has or once had"),
        ("limit" = Option<u64>, Query, description = "1 to 100; 20 when absent", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`page.next_cursor` of the page before"),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has"),
    ),
    responses(
        (status = 200, description = "Some of its events", body = BusinessHistory),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters are not valid", body = http_api::Problem),
        (status = 401, description = "The admin key is missing, malformed or wrong", body = http_api::Problem),
        (status = 404, description = "There never was such a business", body = http_api::Problem),
        (status = 503, description = "Not at the moment", body = http_api::Problem),
    ),
    security(("admin_key" = []), ("admin_key_header" = [])))]
pub(super) async fn history(State(api): State<Api>, path: PathId, request: Request) -> Result<Response, Refused> {
    let name = name_of(path)?;
    let mut parameters = Parameters::parse(request.uri().query(), &["limit", "cursor"]);
    let limit = parameters.read("limit", |text| match text.parse() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
        _ => Err("a number from 1 to 100"),
    });
    let cursor = parameters.read("cursor", |text| Ok(open_cursor(text)));
    parameters.finish()?;
    let id = Box::pin(api.service.find_business(&name)).await.map_err(|error| refused(error, &name))?;
    let before = match cursor {
        None => None,
        Some(Some((business, version))) if business == id => Some(version),
        Some(_) => return Err(Refused::invalid_cursor()),
    };
    let page = Box::pin(api.service.business_history(id, before, limit.unwrap_or(LIMIT_DEFAULT)));
    let page = page.await.map_err(|error| refused(error, &name))?;
    let next_cursor = page.next_before.map(|version| cursor_before(id, version));
    let document = BusinessHistory {
        id: id.0,
        data: page.entries,
        page: HistoryCursor { has_more: next_cursor.is_some(), next_cursor },
    };
    Ok(respond(&document, page.newest, request.headers()))
}

/// What a business was
///
/// Its state now, or as of a version or a time, straight from its events. The `ETag` is what `If-Match` of a command
/// takes.
#[utoipa::path(get, path = "/v1/businesses/{id}/state", tag = "businesses", operation_id = "business_state",
    params(
        ("id" = String, Path, description = "Id, or a slug that it has or once had"),
        ("as_of" = Option<String>, Query, pattern = "^([1-9][0-9]{0,8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+))$",
            description = "A version (`3`), or an RFC 3339 time; its newest state when absent"),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has"),
    ),
    responses(
        (status = 200, description = "The business as it was then", body = BusinessState),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "Parameters are not valid, or the time has not come", body = http_api::Problem),
        (status = 401, description = "The admin key is missing, malformed or wrong", body = http_api::Problem),
        (status = 404, description = "There never was such a business, it was not registered yet, or has not come to \
            that version", body = http_api::Problem),
        (status = 410, description = "It had been removed by then", body = http_api::Problem),
        (status = 503, description = "Not at the moment", body = http_api::Problem),
    ),
    security(("admin_key" = []), ("admin_key_header" = [])))]
pub(super) async fn state(State(api): State<Api>, path: PathId, request: Request) -> Result<Response, Refused> {
    let name = name_of(path)?;
    let mut parameters = Parameters::parse(request.uri().query(), &["as_of"]);
    let as_of = parameters.read("as_of", read_as_of);
    parameters.finish()?;
    let id = Box::pin(api.service.find_business(&name)).await.map_err(|error| refused(error, &name))?;
    let state = Box::pin(api.service.business_state(id, as_of)).await.map_err(|error| refused(error, &name))?;
    Ok(respond(&state, StreamVersion(state.version), request.headers()))
}

fn name_of(path: PathId) -> Result<String, Refused> {
    path.map(|Path(name)| name).map_err(|_| Refused::unreadable_path())
}

/// Digits are a version, everything else a time.
fn read_as_of(text: &str) -> Result<AsOf, &'static str> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.parse() {
            Ok(version @ 1..) => Ok(AsOf::Version(StreamVersion(version))),
            _ => Err("versions begin at 1"),
        };
    }
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| AsOf::Time(Timestamp(time.as_microsecond())))
        .map_err(|_| "a version, or an RFC 3339 time like 2026-01-31T12:00:00Z; the + of an offset is written %2B")
}

fn refused(error: PastError, name: &str) -> Refused {
    if let PastError::Failed(error) = &error {
        tracing::error!(error = error as &dyn std::error::Error, "a read of the past failed");
    }
    Refused::past(error, name)
}

/// The same version is the same answer; what is private is kept by nobody but who asked.
fn respond(document: &impl Serialize, version: StreamVersion, request: &HeaderMap) -> Response {
    let tag = format!("\"v{version}\"");
    let mut response = if has_already(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(document).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a quoted number can stand in a header"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization, X-Api-Key"));
    response
}

/// RFC 9110, 13.1.2: any of the tags, weak or not, or `*`.
fn has_already(request: &HeaderMap, tag: &str) -> bool {
    let tags = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(',')).any(|given| {
        let given = given.trim();
        given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_version_or_a_time() {
        assert_eq!(read_as_of("3"), Ok(AsOf::Version(StreamVersion(3))));
        let time = Ok(AsOf::Time(Timestamp(1_700_000_000_123_456)));
        assert_eq!(read_as_of("2023-11-14T22:13:20.123456Z"), time);
        assert_eq!(read_as_of("2023-11-14T23:13:20.123456+01:00"), time);
        for wrong in
            ["", "0", "-1", "v3", "99999999999999999999", "yesterday", "2023-11-14", "2023-11-14T22:13:20 01:00"]
        {
            assert!(read_as_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn any_of_the_tags_is_enough() {
        let request =
            |value: &'static str| HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]);
        for has in ["\"v3\"", "*", "\"v1\", \"v3\"", "W/\"v3\""] {
            assert!(has_already(&request(has), "\"v3\""), "{has}");
        }
        assert!(!has_already(&request("\"v30\""), "\"v3\"") && !has_already(&HeaderMap::new(), "\"v3\""));
    }
}
