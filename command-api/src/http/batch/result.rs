//! One line of the answer to a batch.

use http_api::{ConsistencyToken, FieldError, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::answer::status_of;
use super::super::problems::Refused;
use crate::handler::Accepted;

/// What one command of a batch came to, as its own endpoint would have said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "line": 1, "status": 200, "id": "01902d3e-7a1b-7c3d-8e4f-0123456789ab", "slug": "moe-s-tavern", "version": 4,
    "outcome": "changed", "position": 17, "token": "v1;0190f3c6-4a52-7cc1-9c1e-3b6d0a3f1c55;17"
}))]
pub struct BatchResult {
    /// The line of the request, from 1 on. Of a batch that ends early: the first line that was not taken.
    pub line: u64,
    /// The HTTP status.
    #[schema(example = 201)]
    pub status: u16,
    /// The business, category or location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Its version after the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// `created`, `changed`, or `unchanged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Place of the newest event of it in the order of everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// For `Lawless-Consistency` of a read that must see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Present and true when this is the first answer again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// Present and true when nothing was stored because of `dry_run=true`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Why it was refused, with pointers into the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
}

impl BatchResult {
    pub(super) fn accepted(line: u64, accepted: Accepted) -> Self {
        let status = status_of(&accepted).as_u16();
        let token = ConsistencyToken { journal: accepted.journal, position: accepted.position };
        Self {
            line,
            status,
            id: Some(accepted.id),
            slug: accepted.slug,
            version: Some(accepted.version.0),
            outcome: Some(accepted.outcome.name().to_owned()),
            position: Some(accepted.position.0),
            token: Some(token.to_string()),
            replayed: accepted.replayed,
            dry_run: accepted.dry_run,
            problem: None,
        }
    }

    pub(super) fn refused(line: u64, refused: Refused, request_id: &str) -> Self {
        let mut problem = refused.into_problem();
        request_id.clone_into(&mut problem.request_id);
        Self {
            line,
            status: problem.status,
            id: None,
            slug: None,
            version: None,
            outcome: None,
            position: None,
            token: None,
            replayed: false,
            dry_run: false,
            problem: Some(problem),
        }
    }

    /// Pointers of a command's own endpoint, into its body and path, made pointers into the line.
    pub(super) fn of_command(mut self) -> Self {
        for FieldError { pointer, .. } in self.problem.iter_mut().flat_map(|problem| &mut problem.errors) {
            *pointer = match pointer.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(of_path) => format!("/{of_path}"),
                None => format!("/body{pointer}"),
            };
        }
        self
    }

    pub(super) fn write(&self, text: &mut Vec<u8>) {
        serde_json::to_writer(&mut *text, self).expect("a result holds only strings, numbers and lists");
        text.push(b'\n');
    }
}
