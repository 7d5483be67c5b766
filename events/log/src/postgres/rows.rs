//! Rows, parsed and checked.

use std::fmt::Display;

use events::{Actor, CommandId, EventHeader, EventId, Position, RecordedEvent, StreamId, StreamVersion, Timestamp};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::failure::failure;
use crate::error::JournalError;

/// The columns of an event, in the order of [`recorded_event`].
macro_rules! event_columns {
    () => {
        "position, stream_kind, stream_id, version, event_id, event_type, schema_version, recorded_at, occurred_at, \
         actor_kind, actor_id, causation, correlation, command_id, crc32c, payload"
    };
}
pub(super) use event_columns;

/// Reads one event of [`event_columns`].
pub(super) fn recorded_event(operation: &'static str, row: &PgRow) -> Result<RecordedEvent, JournalError> {
    let columns = Columns { operation, row };
    let schema_version: i32 = columns.get(6)?;
    let event = RecordedEvent {
        position: Position(columns.number(0)?),
        recorded_at: Timestamp(columns.get(7)?),
        header: EventHeader {
            stream: columns.stream(1, 2)?,
            version: StreamVersion(columns.number(3)?),
            event_id: EventId(columns.get(4)?),
            event_type: columns.get(5)?,
            schema_version: number(operation, i64::from(schema_version))?,
            occurred_at: Timestamp(columns.get(8)?),
            actor: Actor {
                kind: columns.get::<&str>(9)?.parse().map_err(|error| corrupt(operation, error))?,
                id: columns.get(10)?,
            },
            causation: columns.get::<Option<Uuid>>(11)?.map(EventId),
            correlation: columns.get(12)?,
            command_id: CommandId(columns.get(13)?),
        },
        crc32c: columns.number(14)?,
        payload: columns.get(15)?,
    };
    if event.is_intact() {
        return Ok(event);
    }
    Err(corrupt(operation, format!("the checksum of position {} does not fit its bytes", event.position)))
}

/// The columns of one row, by index, parsed.
pub(super) struct Columns<'r> {
    pub(super) operation: &'static str,
    pub(super) row: &'r PgRow,
}

impl<'r> Columns<'r> {
    /// A column as PostgreSQL has it.
    pub(super) fn get<T>(&self, index: usize) -> Result<T, JournalError>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.row.try_get(index).map_err(|error| match error {
            sqlx::Error::ColumnDecode { .. } => corrupt(self.operation, error),
            other => failure(self.operation, other),
        })
    }

    /// A number that is not negative.
    pub(super) fn number<T: TryFrom<i64>>(&self, index: usize) -> Result<T, JournalError> {
        number(self.operation, self.get(index)?)
    }

    /// A stream, from the columns of its kind and id.
    pub(super) fn stream(&self, kind: usize, id: usize) -> Result<StreamId, JournalError> {
        stream_id(self.operation, self.get(kind)?, self.get(id)?)
    }
}

/// A number that is not negative, and not too large for where it goes.
pub(super) fn number<T: TryFrom<i64>>(operation: &'static str, value: i64) -> Result<T, JournalError> {
    T::try_from(value).map_err(|_| corrupt(operation, format!("the number {value}")))
}

/// A stream, from its kind and id.
pub(super) fn stream_id(operation: &'static str, kind: &str, id: Uuid) -> Result<StreamId, JournalError> {
    let kind = kind.parse().map_err(|error: events::UnknownName| corrupt(operation, error))?;
    Ok(StreamId { kind, id })
}

fn corrupt(operation: &'static str, reason: impl Display) -> JournalError {
    JournalError::Corrupt { operation, reason: reason.to_string() }
}
