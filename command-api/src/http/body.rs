//! Bodies: JSON of the right type, and where it is wrong when it is not.

use axum::http::HeaderValue;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::problems::Refused;
use crate::request::{DUPLICATE_KEY, InvalidField, Object, pointer_of};

/// Parses a body.
pub(super) fn parse<T: DeserializeOwned>(content_type: Option<&HeaderValue>, bytes: &[u8]) -> Result<T, Refused> {
    if !content_type.is_some_and(is_json) {
        return Err(Refused::content_type());
    }
    from_json(bytes).map_err(Refused::malformed)
}

/// An object of this type, or what is wrong with it and where.
pub(super) fn from_json<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, InvalidField> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Object(body) = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| invalid_field(error.path(), error.inner()))?;
    deserializer.end().map_err(|error| InvalidField::new("", "syntax", error.to_string()))?;
    Ok(body)
}

/// `application/json` or `application/merge-patch+json` (RFC 7396), with whatever parameters.
fn is_json(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/merge-patch+json"].iter().any(|json| essence.eq_ignore_ascii_case(json))
}

/// The member that a message names: one of ours in backticks, or any at all as a JSON string.
fn named_member(message: &str) -> Option<String> {
    match message.strip_prefix(DUPLICATE_KEY) {
        Some(key) => serde_json::Deserializer::from_str(key).into_iter().next()?.ok(),
        None => message.split('`').nth(1).map(str::to_owned),
    }
}

fn invalid_field(path: &Path, error: &serde_json::Error) -> InvalidField {
    let mut parts: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        })
        .collect();
    let message = error.to_string();
    let code = match error.classify() {
        Category::Data if message.starts_with("unknown field") => "unknown_member",
        Category::Data if message.starts_with("duplicate") => "duplicate_member",
        Category::Data if message.starts_with("missing field") => "required",
        Category::Data => "wrong_type",
        Category::Syntax | Category::Eof | Category::Io => "syntax",
    };
    // The path ends above a member that is missing or comes twice; the message names it.
    if matches!(code, "duplicate_member" | "required") {
        parts.extend(named_member(&message));
    }
    InvalidField::new(pointer_of(parts.iter().map(String::as_str)), code, message)
}
