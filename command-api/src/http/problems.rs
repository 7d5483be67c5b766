//! Errors to problems: every code of the command API, in one place. `docs/errors.md` lists them for clients.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event_log::JournalError;
use http_api::{FieldError, Problem};

use super::MAX_BODY_BYTES;
use crate::admin_key::KeyRefused;
use crate::domain::{business, category, location};
use crate::handler::{CommandError, PastError, Refusal};
use crate::request::InvalidField;

/// When to come again after a 503, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;

/// A refused request.
#[derive(Debug)]
pub(super) struct Refused(Box<Problem>);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

fn problem(status: u16, code: &str, title: &str) -> Problem {
    let status = StatusCode::from_u16(status).expect("the statuses of this file are valid");
    Problem::new(status, code, title)
}

fn field_errors(fields: Vec<InvalidField>) -> Vec<FieldError> {
    fields.into_iter().map(|InvalidField { pointer, code, detail }| FieldError { pointer, code, detail }).collect()
}

impl Refused {
    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::from(problem(401, "unauthorized", "This needs the admin key").detail(detail))
    }

    pub(super) fn key(refused: KeyRefused) -> Self {
        match refused {
            KeyRefused::Malformed | KeyRefused::Wrong => Self::unauthorized(&refused.to_string()),
            KeyRefused::Unavailable => {
                Self::from(problem(503, "unavailable", "Not available at the moment").detail(refused.to_string()))
            }
        }
    }

    pub(super) fn unknown_parameters(fields: Vec<InvalidField>) -> Self {
        Self::from(problem(400, "unknown_parameter", "There is no such parameter").errors(field_errors(fields)))
    }

    pub(super) fn malformed_request(fields: Vec<InvalidField>) -> Self {
        Self::from(problem(400, "malformed_request", "The request is malformed").errors(field_errors(fields)))
    }

    pub(super) fn malformed(field: InvalidField) -> Self {
        Self::malformed_request(vec![field])
    }

    pub(super) fn content_type() -> Self {
        Self::from(
            problem(415, "unsupported_media_type", "The body must be JSON").detail("Content-Type: application/json"),
        )
    }

    pub(super) fn body_too_large() -> Self {
        Self::too_large(format!("at most {MAX_BODY_BYTES} bytes"))
    }

    pub(super) fn body_timed_out() -> Self {
        Self::from(problem(408, "body_timed_out", "The body did not come in time"))
    }

    /// What there is of the body is not what was announced.
    pub(super) fn body_broken_off() -> Self {
        let detail = "the body broke off, or its chunks cannot be read";
        Self::from(problem(400, "malformed_request", "The request is malformed").detail(detail))
    }

    fn too_large(detail: String) -> Self {
        Self::from(problem(413, "payload_too_large", "The body is too large").detail(detail))
    }

    /// What stands in the path is no id.
    pub(super) fn no_business_id() -> Self {
        Self::from(business_not_found().detail("commands name a business by its id, a UUID"))
    }

    /// The path cannot be read.
    pub(super) fn path() -> Self {
        Self::malformed(InvalidField::new("{path}", "invalid", "not percent-encoded UTF-8"))
    }

    pub(super) fn into_problem(self) -> Box<Problem> {
        self.0
    }

    pub(super) fn not_ndjson() -> Self {
        let detail = "Content-Type: application/x-ndjson";
        Self::from(problem(415, "unsupported_media_type", "The body must be NDJSON").detail(detail))
    }

    pub(super) fn line_too_long(limit: usize) -> Self {
        Self::too_large(format!("a line of a batch has at most {limit} bytes"))
    }

    pub(super) fn too_many_batches() -> Self {
        Self::from(problem(503, "too_many_batches", "Too many batches run at the moment"))
    }

    /// Less of a batch arrived than was announced.
    pub(super) fn batch_broken_off() -> Self {
        let detail = "this line and those after it were not taken";
        Self::from(problem(400, "batch_broken_off", "The batch broke off").detail(detail).retryable(true))
    }

    /// A batch stood still.
    pub(super) fn batch_timed_out() -> Self {
        let detail = "this line and those after it were not taken";
        Self::from(problem(408, "batch_timed_out", "The next line did not come in time").detail(detail))
    }

    /// The server takes no more.
    pub(super) fn stopping() -> Self {
        let detail = "the server stops; this line and those after it were not taken";
        Self::from(problem(503, "unavailable", "Not available at the moment").detail(detail))
    }

    pub(super) fn internal() -> Self {
        Self::from(internal())
    }

    /// Parameters of a read.
    pub(super) fn invalid_parameters(fields: Vec<InvalidField>) -> Self {
        Self::from(problem(400, "invalid_parameters", "Query parameters are not valid").errors(field_errors(fields)))
    }

    pub(super) fn invalid_cursor() -> Self {
        Self::from(problem(400, "invalid_cursor", "The cursor is not valid").detail("it was not given by this history"))
    }

    /// The path of a read cannot be read.
    pub(super) fn unreadable_path() -> Self {
        let detail = "the path is not UTF-8 once it is percent-decoded";
        Self::from(problem(400, "invalid_path", "The path is not valid").detail(detail))
    }

    /// Why there is no answer about the past of a business of this id or slug.
    pub(super) fn past(error: PastError, name: &str) -> Self {
        let detail = error.to_string();
        Self::from(match error {
            PastError::NotFound => {
                problem(404, "not_found", "There is no such thing").detail(format!("there is no business {name:?}"))
            }
            PastError::NotYet { .. } => {
                problem(404, "not_registered_yet", "The business was not registered yet").detail(detail)
            }
            PastError::NoSuchVersion { .. } => {
                problem(404, "version_not_found", "The business has no such version").detail(detail)
            }
            PastError::Future => {
                return Self::invalid_parameters(vec![InvalidField::new("?as_of", "invalid", detail)]);
            }
            PastError::Removed { .. } => problem(410, "removed", "The business was removed").detail(detail),
            PastError::Failed(error) => return error.into(),
        })
    }

    /// A body says something else than the path.
    pub(super) fn validation_failed(fields: Vec<InvalidField>) -> Self {
        Self::from(problem(422, "validation_failed", "Fields are invalid").errors(field_errors(fields)))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.0.status;
        let mut response = self.0.into_response();
        let headers = response.headers_mut();
        match status {
            401 => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lawless\""));
            }
            503 => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        response
    }
}

/// The status that an error is answered with.
pub(super) fn status_of(error: &CommandError) -> u16 {
    match error {
        CommandError::Invalid { .. } | CommandError::KeyReused => 422,
        CommandError::Refused(refusal) => refusal_problem(refusal).status,
        CommandError::VersionMismatch { .. } => 412,
        CommandError::TooLarge { .. } => 413,
        CommandError::TooMuchContention { .. } => 503,
        CommandError::Journal(error) => journal_problem(error).status,
        CommandError::Unreadable { .. } | CommandError::Malformed(_) => 500,
    }
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        Self::from(match error {
            CommandError::Invalid { fields } => return Self::validation_failed(fields),
            CommandError::Refused(refusal) => refusal_problem(&refusal),
            CommandError::VersionMismatch { .. } => {
                problem(412, "version_mismatch", "The aggregate is at another version").detail(detail)
            }
            CommandError::KeyReused => {
                problem(422, "idempotency_key_reused", "The idempotency key was used for another request")
            }
            CommandError::TooLarge { .. } => return Self::too_large(detail),
            CommandError::TooMuchContention { .. } => {
                problem(503, "too_much_contention", "Others change the same thing at the moment").detail(detail)
            }
            CommandError::Journal(error) => journal_problem(&error),
            CommandError::Unreadable { .. } | CommandError::Malformed(_) => internal(),
        })
    }
}

fn refusal_problem(refusal: &Refusal) -> Problem {
    let problem = match refusal {
        Refusal::Business(rejected) => match rejected {
            business::Rejected::NotFound => business_not_found(),
            business::Rejected::Closed => problem(409, "business_closed", "The business is closed for good"),
            business::Rejected::Removed => problem(410, "business_removed", "The business was removed"),
            // The id of a new business is fresh: only a broken random source comes here.
            business::Rejected::AlreadyRegistered => internal(),
            business::Rejected::TooManyAttributes { .. } => {
                let field = InvalidField::new("/attributes", "too_many", refusal.to_string());
                problem(422, "validation_failed", "Fields are invalid").errors(field_errors(vec![field]))
            }
            business::Rejected::CategoriesNotDistinct => {
                let field = InvalidField::new("/categories", "invalid", refusal.to_string());
                problem(422, "validation_failed", "Fields are invalid").errors(field_errors(vec![field]))
            }
        },
        Refusal::Category(category::Rejected::ParentFixed) | Refusal::Location(location::Rejected::ParentFixed) => {
            problem(409, "parent_fixed", "The parent is fixed")
        }
        Refusal::Category(category::Rejected::TooDeep) | Refusal::Location(location::Rejected::TooDeep) => {
            let field = InvalidField::new("/parent", "too_deep", refusal.to_string());
            problem(422, "too_deep", "The tree would get too deep").errors(field_errors(vec![field]))
        }
        Refusal::ReferencesNotFound { missing } => {
            let problem = match missing.first() {
                Some(field) if field.code == "location_not_found" => {
                    problem(422, "location_not_found", "No such location")
                }
                _ => problem(422, "category_not_found", "No such category"),
            };
            problem.errors(field_errors(missing.clone()))
        }
        Refusal::SlugTaken { .. } => {
            let field = InvalidField::new("/slug", "taken", refusal.to_string());
            problem(409, "slug_taken", "The slug is taken").errors(field_errors(vec![field]))
        }
        Refusal::SourceTaken { .. } => {
            let field = InvalidField::new("/source/external_id", "taken", refusal.to_string());
            problem(409, "source_taken", "The source's business is registered").errors(field_errors(vec![field]))
        }
    };
    match problem.status {
        500.. => problem,
        _ => problem.detail(refusal.to_string()),
    }
}

fn business_not_found() -> Problem {
    problem(404, "business_not_found", "There is no such business")
}

fn journal_problem(error: &JournalError) -> Problem {
    match error {
        JournalError::Full { .. } => problem(503, "journal_full", "There is no room for more at the moment"),
        JournalError::Moved { .. } => {
            problem(410, "journal_moved", "This directory goes on in another place").detail(error.to_string())
        }
        JournalError::Unavailable { .. } | JournalError::InUse { .. } | JournalError::Engine { .. } => {
            problem(503, "unavailable", "Not available at the moment")
        }
        JournalError::Format { .. } | JournalError::Corrupt { .. } => internal(),
    }
}

/// What went wrong is for the log, not for the client.
fn internal() -> Problem {
    problem(500, "internal", "Something went wrong here")
}
