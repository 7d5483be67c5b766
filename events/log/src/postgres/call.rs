//! The call of the one procedure that decides and stores a batch.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use events::{JournalId, Position, StreamVersion};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::batch::Columns;
use super::failure::failure;
use super::rows::{number, stream_id};
use super::seen::Seen;
use super::writer::{APPEND, Pending};
use crate::append::{Append, Appended};
use crate::error::{AppendError, JournalError};

/// Arguments that go in, and that come out.
const IN: usize = 37;
const OUT: usize = 12;

static CALL: LazyLock<Arc<str>> = LazyLock::new(|| {
    let mut text = "CALL append_batch(".to_owned();
    for number in 1..=IN {
        write!(text, "${number}, ").expect("a text takes everything");
    }
    text.push_str(&["NULL"; OUT].join(", "));
    text.push(')');
    text.into()
});

/// What a batch came to.
pub(super) struct Outcome {
    pub(super) answers: Vec<Result<Appended, AppendError>>,
    pub(super) head: Position,
}

/// Decides and stores a batch, none of whose commands depends on another; committed when it returns.
pub(super) async fn call(
    connection: &mut PgConnection,
    journal: JournalId,
    seen: &Seen,
    batch: &[Pending],
) -> Result<PgRow, sqlx::Error> {
    let columns = Columns::of(batch);
    let newest = seen.newest();
    sqlx::query(AssertSqlSafe(Arc::clone(&CALL)))
        .bind(journal.0)
        .bind(seen.head().0.cast_signed())
        .bind(newest.map(|(position, _)| position.0.cast_signed()))
        .bind(newest.map(|(_, event)| event.0))
        .bind(columns.c_stream_kind)
        .bind(columns.c_stream_id)
        .bind(columns.c_expected)
        .bind(columns.c_events)
        .bind(columns.c_actor)
        .bind(columns.c_key)
        .bind(columns.c_hash)
        .bind(columns.s_kind)
        .bind(columns.s_id)
        .bind(columns.r_command)
        .bind(columns.r_number)
        .bind(columns.r_stream)
        .bind(columns.r_version)
        .bind(columns.k_command)
        .bind(columns.k_number)
        .bind(columns.k_kind)
        .bind(columns.k_value)
        .bind(columns.e_command)
        .bind(columns.e_number)
        .bind(columns.e_stream_kind)
        .bind(columns.e_stream_id)
        .bind(columns.e_version)
        .bind(columns.e_id)
        .bind(columns.e_type)
        .bind(columns.e_schema_version)
        .bind(columns.e_occurred_at)
        .bind(columns.e_actor_kind)
        .bind(columns.e_actor_id)
        .bind(columns.e_causation)
        .bind(columns.e_correlation)
        .bind(columns.e_command_id)
        .bind(columns.e_crc32c)
        .bind(columns.e_payload)
        .fetch_one(connection)
        .await
}

/// What the procedure says besides a number about some commands.
struct More {
    number: Vec<i32>,
    stream_kind: Vec<String>,
    stream_id: Vec<uuid::Uuid>,
    first: Vec<Option<i64>>,
    last: Vec<Option<i64>>,
    version: Vec<Option<i64>>,
    command_id: Vec<Option<uuid::Uuid>>,
}

/// Reads what the procedure answered. `again` says that the batch had been sent before: a command whose key was
/// accepted for itself is then not repeated, but answered for the first time.
pub(super) fn outcome(row: &PgRow, batch: &[Pending], again: bool) -> Result<Outcome, JournalError> {
    let read = || -> Result<_, sqlx::Error> {
        let status: Vec<i16> = row.try_get(0)?;
        let first: Vec<Option<i64>> = row.try_get(1)?;
        let version: Vec<i64> = row.try_get(2)?;
        let head: i64 = row.try_get(3)?;
        let command: Vec<i32> = row.try_get::<Option<_>, _>(4)?.unwrap_or_default();
        let more = More {
            number: row.try_get::<Option<_>, _>(5)?.unwrap_or_default(),
            stream_kind: row.try_get::<Option<_>, _>(6)?.unwrap_or_default(),
            stream_id: row.try_get::<Option<_>, _>(7)?.unwrap_or_default(),
            first: row.try_get::<Option<_>, _>(8)?.unwrap_or_default(),
            last: row.try_get::<Option<_>, _>(9)?.unwrap_or_default(),
            version: row.try_get::<Option<_>, _>(10)?.unwrap_or_default(),
            command_id: row.try_get::<Option<_>, _>(11)?.unwrap_or_default(),
        };
        Ok((status, first, version, head, command, more))
    };
    let (status, first, version, head, commands, more) = read().map_err(|error| failure(APPEND, error))?;
    if [status.len(), first.len(), version.len()] != [batch.len(); 3] {
        return Err(corrupt(format!("{} commands were answered, {} were asked", status.len(), batch.len())));
    }
    let mut answers = Vec::with_capacity(batch.len());
    for (index, pending) in batch.iter().enumerate() {
        let append = &pending.prepared.append;
        let at = || {
            let command = i32::try_from(index + 1).ok()?;
            commands.iter().position(|one| *one == command)
        };
        let of = || at().ok_or_else(|| corrupt("a refusal without its reason".to_owned()));
        answers.push(match status[index] {
            0 => Ok(accepted(append, first[index])?),
            1 => Ok(more.replayed(of()?, append, again)?),
            2 => Err(AppendError::KeyReused { key: append.key.clone() }),
            3 => Err(more.taken(of()?, append)?),
            4 => Err(AppendError::StaleVersion {
                stream: append.stream,
                expected: append.expected_version,
                actual: StreamVersion(number(APPEND, version[index])?),
            }),
            5 => Err(more.stale_read(of()?, append)?),
            other => return Err(corrupt(format!("a command came to {other}"))),
        });
    }
    Ok(Outcome { answers, head: Position(number(APPEND, head)?) })
}

fn accepted(append: &Append, first: Option<i64>) -> Result<Appended, JournalError> {
    let first = first.ok_or_else(|| corrupt("an accepted command without a position".to_owned()))?;
    let first: u64 = number(APPEND, first)?;
    let events = append.events.len() as u64;
    Ok(Appended {
        stream: append.stream,
        version: StreamVersion(append.expected_version.0 + events),
        first: Position(first),
        last: Position(first + events - 1),
        replayed: false,
    })
}

impl More {
    fn replayed(&self, at: usize, append: &Append, again: bool) -> Result<Appended, JournalError> {
        let own = self.command_id[at] == Some(append.command_id.0);
        let known = |value: Option<i64>| value.ok_or_else(|| corrupt("a key without its events".to_owned()));
        Ok(Appended {
            stream: stream_id(APPEND, &self.stream_kind[at], self.stream_id[at])?,
            version: StreamVersion(number(APPEND, known(self.version[at])?)?),
            first: Position(number(APPEND, known(self.first[at])?)?),
            last: Position(number(APPEND, known(self.last[at])?)?),
            replayed: !(again && own),
        })
    }

    fn taken(&self, at: usize, append: &Append) -> Result<AppendError, JournalError> {
        let claim = usize::try_from(self.number[at]).ok().and_then(|number| append.claims.get(number));
        let claim = claim.ok_or_else(|| corrupt("a name that nobody asked for is taken".to_owned()))?.clone();
        let owner = stream_id(APPEND, &self.stream_kind[at], self.stream_id[at])?;
        Ok(AppendError::ClaimTaken { claim, owner })
    }

    fn stale_read(&self, at: usize, append: &Append) -> Result<AppendError, JournalError> {
        let read = usize::try_from(self.number[at]).ok().and_then(|number| append.reads.get(number));
        let read = read.ok_or_else(|| corrupt("a stream that nobody read has moved on".to_owned()))?;
        let actual = number(APPEND, self.version[at].unwrap_or(0))?;
        Ok(AppendError::StaleVersion { stream: read.stream, expected: read.version, actual: StreamVersion(actual) })
    }
}

fn corrupt(reason: String) -> JournalError {
    JournalError::Corrupt { operation: APPEND, reason }
}
