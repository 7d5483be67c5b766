//! One line of a batch: a command with what would stand in the path and the headers of its own endpoint.

use events::BusinessId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::body::from_json;
use super::super::conditions::{MAX_IDEMPOTENCY_KEY_BYTES, is_idempotency_key, version_of_tag};
use super::super::problems::Refused;
use crate::handler::Precondition;
use crate::request::{Command, InvalidField};

/// One command.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "command": "change_business_details",
    "id": "01902d3e-7a1b-7c3d-8e4f-0123456789ab",
    "body": {"phone": "+1 217 555 0113"},
    "if_match": "v3",
    "idempotency_key": "line-1"
}))]
pub(crate) struct BatchLine<'l> {
    /// Which: the operation id of its endpoint, for example `register_business`.
    #[serde(default)]
    #[schema(required, value_type = String)]
    command: Option<String>,
    /// The business, for commands that have it in their path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The category or location, for `define_category` and `define_location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slug: Option<String>,
    /// What the endpoint takes as its body. For `upsert_business_from_source` with `source`.
    #[serde(borrow, default)]
    #[schema(required, value_type = Object)]
    body: Option<&'l RawValue>,
    /// Under which a retry of the line finds the first answer again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    /// `v3`: only at this version; `*`: only if it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    if_match: Option<String>,
    /// `*`: only if it does not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    if_none_match: Option<String>,
}

/// What a line asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) command: Command,
    pub(super) idempotency_key: Option<String>,
    pub(super) if_match: Option<Precondition>,
}

/// Reads a line; everything that is wrong with it is told at once, by pointers into the line.
pub(super) fn read_line(text: &[u8]) -> Result<Asked, Refused> {
    let line: BatchLine<'_> = from_json(text).map_err(Refused::malformed)?;
    let mut wrong = Vec::new();
    let if_match = precondition(&line, &mut wrong);
    if line.idempotency_key.as_ref().is_some_and(|key| !is_idempotency_key(key.as_bytes())) {
        let detail = format!("1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters");
        wrong.push(InvalidField::new("/idempotency_key", "invalid", detail));
    }
    let command = command(&line, &mut wrong)?;
    match command {
        Some(command) if wrong.is_empty() => Ok(Asked { command, idempotency_key: line.idempotency_key, if_match }),
        _ => Err(Refused::malformed_request(wrong)),
    }
}

fn precondition(line: &BatchLine<'_>, wrong: &mut Vec<InvalidField>) -> Option<Precondition> {
    let if_match = match line.if_match.as_deref() {
        None => None,
        Some("*") => Some(Precondition::Exists),
        Some(tag) => {
            let version = version_of_tag(tag);
            if version.is_none() {
                wrong.push(InvalidField::new("/if_match", "invalid", "one of v<version> and *"));
            }
            version.map(Precondition::Version)
        }
    };
    match line.if_none_match.as_deref() {
        None => if_match,
        Some("*") if line.if_match.is_none() => Some(Precondition::Absent),
        Some(_) => {
            wrong.push(InvalidField::new("/if_none_match", "invalid", "only *, and without if_match"));
            None
        }
    }
}

/// The command; absent when something is added to `wrong`.
fn command(line: &BatchLine<'_>, wrong: &mut Vec<InvalidField>) -> Result<Option<Command>, Refused> {
    let mut members = Members { line, wrong };
    let Some(name) = &line.command else {
        members.wrong.push(InvalidField::new("/command", "required", "which command"));
        return Ok(None);
    };
    Ok(match name.as_str() {
        "register_business" => members.only_body().map(|body| Command::RegisterBusiness(Box::new(body))),
        "upsert_business_from_source" => {
            members.only_body().map(|body| Command::UpsertBusinessFromSource(Box::new(body)))
        }
        "change_business_details" => {
            members.with_id()?.map(|(id, body)| Command::ChangeBusinessDetails(id, Box::new(body)))
        }
        "relocate_business" => members.with_id()?.map(|(id, body)| Command::RelocateBusiness(id, Box::new(body))),
        "recategorize_business" => members.with_id()?.map(|(id, body)| Command::RecategorizeBusiness(id, body)),
        "close_business" => members.with_id()?.map(|(id, body)| Command::CloseBusiness(id, body)),
        "remove_business" => members.with_id()?.map(|(id, body)| Command::RemoveBusiness(id, body)),
        "define_category" => members.with_slug().map(|(slug, body)| Command::DefineCategory(slug, body)),
        "define_location" => members.with_slug().map(|(slug, body)| Command::DefineLocation(slug, body)),
        _ => {
            members.wrong.push(InvalidField::new("/command", "invalid", "no endpoint has this operation id"));
            None
        }
    })
}

/// Takes the members that a command has, and refuses those that it has not.
struct Members<'m, 'l> {
    line: &'m BatchLine<'l>,
    wrong: &'m mut Vec<InvalidField>,
}

impl Members<'_, '_> {
    fn only_body<T: serde::de::DeserializeOwned>(&mut self) -> Option<T> {
        self.has_no("/id", self.line.id.is_some());
        self.has_no("/slug", self.line.slug.is_some());
        self.body()
    }

    fn with_id<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<(BusinessId, T)>, Refused> {
        self.has_no("/slug", self.line.slug.is_some());
        let body = self.body();
        let Some(id) = &self.line.id else {
            self.wrong.push(InvalidField::new("/id", "required", "the command is about a business"));
            return Ok(None);
        };
        let id = id.parse().map_err(|_| Refused::no_business_id());
        if self.wrong.is_empty() { Ok(Some(id?).zip(body)) } else { Ok(None) }
    }

    fn with_slug<T: serde::de::DeserializeOwned>(&mut self) -> Option<(String, T)> {
        self.has_no("/id", self.line.id.is_some());
        let body = self.body();
        if self.line.slug.is_none() {
            self.wrong.push(InvalidField::new("/slug", "required", "the command is about a category or location"));
        }
        self.line.slug.clone().zip(body)
    }

    fn body<T: serde::de::DeserializeOwned>(&mut self) -> Option<T> {
        let Some(body) = self.line.body else {
            self.wrong.push(InvalidField::new("/body", "required", "what the endpoint takes as its body"));
            return None;
        };
        from_json(body.get().as_bytes())
            .map_err(|field| self.wrong.push(InvalidField { pointer: format!("/body{}", field.pointer), ..field }))
            .ok()
    }

    fn has_no(&mut self, pointer: &str, given: bool) {
        if given {
            self.wrong.push(InvalidField::new(pointer, "unknown_member", "this command has no such member"));
        }
    }
}

/// What is wrong with a line, before anything is decided.
#[cfg(any(test, fuzzing))]
pub(in crate::http) fn wrong_with_line(text: &[u8]) -> Vec<InvalidField> {
    let errors = read_line(text).err().map_or_else(Vec::new, |refused| refused.into_problem().errors);
    errors.into_iter().map(|error| InvalidField::new(error.pointer, error.code, error.detail)).collect()
}
