//! What SQLite's errors mean to whoever uses the journal.

use crate::error::JournalError;

// Primary result codes, https://www.sqlite.org/rescode.html
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const IO: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;
/// The shared-memory file could not grow: in practice a full disk, which SQLite tells as an I/O error here only.
const IO_SHARED_MEMORY_SIZE: i32 = 4874;

/// Turns an error of sqlx into the port's.
pub(super) fn failure(operation: &'static str, error: sqlx::Error) -> JournalError {
    let unavailable = |reason: String| JournalError::Unavailable { operation, reason };
    match &error {
        sqlx::Error::PoolClosed => return unavailable("it is shutting down".to_owned()),
        sqlx::Error::PoolTimedOut => return unavailable("all connections that read are busy".to_owned()),
        _ => {}
    }
    match extended_code(&error) {
        Some(IO_SHARED_MEMORY_SIZE) => JournalError::Full { operation },
        Some(code) => match code & 0xff {
            FULL => JournalError::Full { operation },
            BUSY | LOCKED => unavailable(error.to_string()),
            CORRUPT | NOT_A_DATABASE => JournalError::Corrupt { operation, reason: error.to_string() },
            _ => JournalError::Engine { operation, source: Box::new(error) },
        },
        None => JournalError::Engine { operation, source: Box::new(error) },
    }
}

/// Whether nothing may be written after this error until the journal was opened again.
///
/// After a failed sync the kernel may have dropped the pages and say that all is well the next time, so trying
/// again would acknowledge what the disk does not hold.
pub(super) fn is_fatal(error: &JournalError) -> bool {
    match error {
        JournalError::Corrupt { .. } => true,
        JournalError::Engine { source, .. } => match source.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::WorkerCrashed) => true,
            Some(error) => extended_code(error).is_some_and(|code| code & 0xff == IO),
            None => false,
        },
        _ => false,
    }
}

fn extended_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}
