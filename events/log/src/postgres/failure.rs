//! What PostgreSQL's errors mean to whoever uses the journal.

use super::seen::went_back;
use crate::error::JournalError;

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const UNDEFINED_TABLE: &str = "42P01";
const UNDEFINED_PROCEDURE: &str = "42883";
/// Raised by the procedure: the journal got another id.
const ANOTHER_JOURNAL: &str = "LWJ01";
/// Raised by the procedure: the counter went back.
const COUNTER_WENT_BACK: &str = "LWJ02";

/// What a failure says about the connection, and about what was sent over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The statement failed, and changed nothing.
    Refused,
    /// The connection is of no use any more. What was sent may be stored or not.
    Lost,
    /// Nothing may be written any more: this is not the journal that it was.
    Fatal,
}

/// What an error means for a batch that was sent.
pub(super) fn fate(error: &sqlx::Error) -> Fate {
    match code(error).as_deref() {
        Some(ANOTHER_JOURNAL | COUNTER_WENT_BACK) => Fate::Fatal,
        Some(code) if is_about_the_connection(code) => Fate::Lost,
        Some(_) => Fate::Refused,
        None => Fate::Lost,
    }
}

/// Turns an error of sqlx into the port's.
pub(super) fn failure(operation: &'static str, error: sqlx::Error) -> JournalError {
    let unavailable = |reason: String| JournalError::Unavailable { operation, reason };
    match (&error, code(&error).as_deref()) {
        (sqlx::Error::PoolClosed, _) => unavailable("it is shutting down".to_owned()),
        (sqlx::Error::PoolTimedOut, _) => unavailable("no connection is free, or none can be made".to_owned()),
        (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_), _) => unavailable(error.to_string()),
        // 53100: the disk is full.
        (_, Some("53100")) => JournalError::Full { operation },
        // Class XX: damaged data, or an error inside the server.
        (_, Some(code)) if code.starts_with("XX") => JournalError::Corrupt { operation, reason: error.to_string() },
        (_, Some(ANOTHER_JOURNAL | COUNTER_WENT_BACK)) => went_back(operation, &words(&error)),
        (_, Some(code)) if is_about_the_connection(code) || is_about_waiting(code) => unavailable(error.to_string()),
        _ => JournalError::Engine { operation, source: Box::new(error) },
    }
}

/// Whether something that every journal has is not there.
pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some(UNDEFINED_TABLE | UNDEFINED_PROCEDURE))
}

/// The connection failed, the server goes down or comes up, or it is a standby that takes no writes.
fn is_about_the_connection(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25006")
}

/// A lock, a slot or the time was not to be had; it was cancelled, or lost against another transaction.
fn is_about_waiting(code: &str) -> bool {
    code.starts_with("53") || matches!(code, "55P03" | "57014" | "40001" | "40P01" | "25P03")
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

fn words(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}
