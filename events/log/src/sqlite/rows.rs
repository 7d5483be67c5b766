//! From a row to an event. Every read checks the checksum and every name.

use std::str::FromStr;

use events::{
    Actor, ActorKind, CommandId, EventHeader, EventId, Position, RecordedEvent, StreamId, StreamKind, StreamVersion,
    Timestamp,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::failure::failure;
use crate::error::JournalError;

/// The columns that [`recorded_event`] reads, in its order.
macro_rules! event_columns {
    () => {
        "position, stream_kind, stream_id, version, event_id, event_type, schema_version, recorded_at, occurred_at, \
         actor_kind, actor_id, causation, correlation, command_id, crc32c, payload"
    };
}
pub(super) use event_columns;

/// Reads one event of [`event_columns`].
pub(super) fn recorded_event(operation: &'static str, row: &SqliteRow) -> Result<RecordedEvent, JournalError> {
    let columns = Columns { operation, row };
    let event = RecordedEvent {
        position: Position(columns.number(0)?),
        recorded_at: Timestamp(columns.get(7)?),
        header: EventHeader {
            stream: columns.stream(1, 2)?,
            version: StreamVersion(columns.number(3)?),
            event_id: EventId(columns.uuid(4)?),
            event_type: columns.get(5)?,
            schema_version: columns.number(6)?,
            occurred_at: Timestamp(columns.get(8)?),
            actor: Actor { kind: columns.name::<ActorKind>(9)?, id: columns.get(10)? },
            causation: columns.optional_uuid(11)?.map(EventId),
            correlation: columns.uuid(12)?,
            command_id: CommandId(columns.uuid(13)?),
        },
        crc32c: columns.number(14)?,
        payload: columns.get(15)?,
    };
    if event.is_intact() {
        Ok(event)
    } else {
        Err(columns.corrupt(format!("the checksum of position {} does not fit its bytes", event.position)))
    }
}

/// The columns of one row, by index, parsed.
pub(super) struct Columns<'r> {
    pub(super) operation: &'static str,
    pub(super) row: &'r SqliteRow,
}

impl<'r> Columns<'r> {
    /// A column as SQLite has it.
    pub(super) fn get<T>(&self, index: usize) -> Result<T, JournalError>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.row.try_get(index).map_err(|error| match error {
            sqlx::Error::ColumnDecode { .. } => self.corrupt(error.to_string()),
            other => failure(self.operation, other),
        })
    }

    /// A number that is not negative.
    pub(super) fn number<T: TryFrom<i64>>(&self, index: usize) -> Result<T, JournalError> {
        let value: i64 = self.get(index)?;
        T::try_from(value).map_err(|_| self.corrupt(format!("{value} in column {index}")))
    }

    /// A UUID.
    pub(super) fn uuid(&self, index: usize) -> Result<Uuid, JournalError> {
        self.optional_uuid(index)?.ok_or_else(|| self.corrupt(format!("nothing in column {index}")))
    }

    fn optional_uuid(&self, index: usize) -> Result<Option<Uuid>, JournalError> {
        let bytes: Option<&'r [u8]> = self.get(index)?;
        bytes.map(|bytes| Uuid::from_slice(bytes).map_err(|error| self.corrupt(error.to_string()))).transpose()
    }

    /// A stream, from the columns of its kind and id.
    pub(super) fn stream(&self, kind: usize, id: usize) -> Result<StreamId, JournalError> {
        Ok(StreamId { kind: self.name::<StreamKind>(kind)?, id: self.uuid(id)? })
    }

    fn name<T: FromStr<Err = events::UnknownName>>(&self, index: usize) -> Result<T, JournalError> {
        let name: &'r str = self.get(index)?;
        name.parse().map_err(|error: events::UnknownName| self.corrupt(error.to_string()))
    }

    fn corrupt(&self, reason: String) -> JournalError {
        JournalError::Corrupt { operation: self.operation, reason }
    }
}
