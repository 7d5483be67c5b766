//! The conditions of a command: headers and the query.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use events::{Actor, StreamVersion};
use http_api::RequestId;
use url::form_urlencoded;
use uuid::Uuid;

use super::problems::Refused;
use crate::handler::{CommandContext, Precondition};
use crate::request::InvalidField;

/// Under which a retry finds the first answer again.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;

/// Everything about a command that does not stand in its body.
pub(super) fn context(parts: &Parts) -> Result<CommandContext, Refused> {
    let actor = parts.extensions.get::<Actor>().cloned().ok_or_else(|| Refused::unauthorized("nobody asks"))?;
    let dry_run = dry_run(parts.uri.query().unwrap_or_default())?;
    let idempotency_key = idempotency_key(&parts.headers)?;
    let if_match = match (if_match(&parts.headers)?, if_none_match(&parts.headers)?) {
        (Some(_), Some(_)) => return Err(malformed_if_none_match()),
        (given, None) => given,
        (None, given) => given,
    };
    // A client's request id that is a UUID ties events to the client's own records.
    let correlation = parts.extensions.get::<RequestId>().and_then(|id| Uuid::parse_str(&id.0).ok());
    let correlation = correlation.unwrap_or_else(Uuid::now_v7);
    Ok(CommandContext { idempotency_key, if_match, dry_run, correlation, ..CommandContext::of(actor) })
}

/// The one parameter there is; others are named, all at once.
fn dry_run(query: &str) -> Result<bool, Refused> {
    let mut dry_run = None;
    let mut unknown = Vec::new();
    let mut invalid = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "dry_run" {
            unknown.push(InvalidField::new(format!("?{name}"), "unknown_parameter", "there is no such parameter"));
        } else if dry_run.is_some() {
            invalid.push(InvalidField::new("?dry_run", "duplicate", "once at most"));
        } else {
            match &*value {
                "true" => dry_run = Some(true),
                "false" => dry_run = Some(false),
                _ => invalid.push(InvalidField::new("?dry_run", "invalid", "true or false")),
            }
        }
    }
    if !unknown.is_empty() {
        return Err(Refused::unknown_parameters(unknown));
    }
    if !invalid.is_empty() {
        return Err(Refused::malformed_request(invalid));
    }
    Ok(dry_run.unwrap_or_default())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let malformed =
        |detail: String| Refused::malformed_request(vec![InvalidField::new("Idempotency-Key", "invalid", detail)]);
    let Some(value) = single(headers, &IDEMPOTENCY_KEY).map_err(|()| malformed("once at most".to_owned()))? else {
        return Ok(None);
    };
    match std::str::from_utf8(value) {
        Ok(text) if is_idempotency_key(value) => Ok(Some(text.to_owned())),
        _ => Err(malformed(format!("1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters"))),
    }
}

/// Whether it can be one: as a header must be able to carry it.
pub(super) fn is_idempotency_key(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_graphic) && (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&value.len())
}

/// The version in `v12`.
pub(super) fn version_of_tag(tag: &str) -> Option<StreamVersion> {
    let digits = tag.strip_prefix('v').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().map(StreamVersion)
}

/// `"v12"`, or `*` for whatever version there is (RFC 9110, 13.1.1). Lists and weak tags have no meaning here.
fn if_match(headers: &HeaderMap) -> Result<Option<Precondition>, Refused> {
    let malformed =
        || Refused::malformed_request(vec![InvalidField::new("If-Match", "invalid", "one of \"v<version>\" and *")]);
    let Some(value) = single(headers, &header::IF_MATCH).map_err(|()| malformed())? else { return Ok(None) };
    if value == b"*" {
        return Ok(Some(Precondition::Exists));
    }
    let tag = std::str::from_utf8(value).ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let version = tag.and_then(version_of_tag).ok_or_else(malformed)?;
    Ok(Some(Precondition::Version(version)))
}

/// `*` for what must not exist yet (RFC 9110, 13.1.2). Nothing else has a meaning for a command.
fn if_none_match(headers: &HeaderMap) -> Result<Option<Precondition>, Refused> {
    match single(headers, &header::IF_NONE_MATCH).map_err(|()| malformed_if_none_match())? {
        None => Ok(None),
        Some(b"*") => Ok(Some(Precondition::Absent)),
        Some(_) => Err(malformed_if_none_match()),
    }
}

fn malformed_if_none_match() -> Refused {
    Refused::malformed_request(vec![InvalidField::new("If-None-Match", "invalid", "only *, and without If-Match")])
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.as_bytes().trim_ascii());
    if values.next().is_some() { Err(()) } else { Ok(first) }
}
