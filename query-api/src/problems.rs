//! Every reason why a read is refused or fails, and the problem that says so. The list is in `docs/errors.md`.

use axum::http::StatusCode;
use http_api::{FieldError, Problem};
use thiserror::Error;
use views::ViewError;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    /// Nothing has this id or slug.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
        /// Its id or slug.
        name: String,
    },
    /// The business was removed.
    #[error("the business {name:?} was removed")]
    Removed {
        /// Its id or slug.
        name: String,
    },
    /// The path is not UTF-8 once decoded.
    #[error("the path is not UTF-8 once it is percent-decoded")]
    Path,
    /// Parameters that are unknown, repeated or malformed.
    #[error("query parameters are not valid")]
    Parameters(Vec<FieldError>),
    /// The cursor is forged, garbled or of another list.
    #[error("the cursor does not belong to this list")]
    Cursor,
    /// The cursor is of an older order of entries.
    #[error("lists are ordered otherwise since this cursor was given")]
    CursorExpired,
    /// The consistency token cannot be read.
    #[error("not a consistency token: expected one header v1;<journal id>;<position>")]
    Token,
    /// Rows may be read from a copy that lacks them.
    #[error("this server is set up to read any one copy of a row, and can promise no token: ask without")]
    TokensNotKept,
    /// The consistency token is of another journal.
    #[error("the consistency token was given by another journal")]
    ForeignToken,
    /// Too many requests wait for views to catch up.
    #[error("too many requests wait for views to catch up")]
    TooManyWaiters,
    /// The views failed.
    #[error(transparent)]
    Views(#[from] ViewError),
}

impl ReadError {
    /// What the client is told.
    pub(crate) fn into_problem(self) -> Problem {
        let detail = self.to_string();
        let (status, code, title) = match &self {
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found", "There is no such thing"),
            Self::Removed { .. } => (StatusCode::GONE, "removed", "The business was removed"),
            Self::Path => (StatusCode::BAD_REQUEST, "invalid_path", "The path is not valid"),
            Self::Parameters(_) => (StatusCode::BAD_REQUEST, "invalid_parameters", "Query parameters are not valid"),
            Self::Cursor => (StatusCode::BAD_REQUEST, "invalid_cursor", "The cursor is not valid"),
            Self::CursorExpired => (StatusCode::GONE, "cursor_expired", "The cursor has expired"),
            Self::Token => (StatusCode::BAD_REQUEST, "invalid_token", "The consistency token is not valid"),
            Self::TokensNotKept => (StatusCode::BAD_REQUEST, "tokens_not_kept", "Consistency tokens are not kept here"),
            Self::ForeignToken => {
                (StatusCode::CONFLICT, "foreign_token", "The consistency token is of another journal")
            }
            Self::TooManyWaiters => {
                (StatusCode::SERVICE_UNAVAILABLE, "too_many_waiters", "Too many requests wait for views")
            }
            Self::Views(ViewError::Unavailable { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, "views_unavailable", "Views are unavailable")
            }
            Self::Views(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed"),
        };
        let problem = Problem::new(status, code, title);
        match self {
            Self::Parameters(errors) => problem.errors(errors),
            Self::Views(error) => {
                // What a store says about itself is for operators, not for clients.
                tracing::error!(error = &error as &dyn std::error::Error, "a read failed");
                problem
            }
            _ => problem.detail(detail),
        }
    }
}

/// The problem of a path that leads nowhere.
pub(crate) fn no_such_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing").detail("no endpoint has this path")
}

/// The problem of a method that the path does not take.
pub(crate) fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here")
        .detail("the header Allow names the methods that are")
}
