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

/// The columns that [`packed_event`] reads, in its order: ids in one, names in one. Each column of a row costs a copy
/// of its own and a change of threads, which is most of what reading a whole journal costs.
macro_rules! packed_columns {
    () => {
        "position, version, schema_version, recorded_at, occurred_at, crc32c, \
         CAST(stream_id || event_id || correlation || command_id || coalesce(causation, x'') AS BLOB), \
         stream_kind || x'0a' || event_type || x'0a' || actor_kind || x'0a' || actor_id, payload"
    };
}
pub(super) use packed_columns;

const UUID_BYTES: usize = 16;

/// Reads one event of [`packed_columns`].
pub(super) fn packed_event(operation: &'static str, row: &SqliteRow) -> Result<RecordedEvent, JournalError> {
    let columns = Columns { operation, row };
    let ids: &[u8] = columns.get(6)?;
    let mut ids = ids.chunks(UUID_BYTES);
    let mut id = || ids.next().map(|bytes| columns.parsed_uuid(bytes)).transpose();
    let some = |id: Option<Uuid>| id.ok_or_else(|| columns.corrupt("an id is missing".to_owned()));
    let names: &str = columns.get(7)?;
    // The last one may be anything; the others are names of this program.
    let mut names = names.splitn(4, '\n');
    let mut name = || names.next().ok_or_else(|| columns.corrupt("a name is missing".to_owned()));
    let stream_kind = columns.parsed_name::<StreamKind>(name()?)?;
    let event = RecordedEvent {
        position: Position(columns.number(0)?),
        recorded_at: Timestamp(columns.get(3)?),
        header: EventHeader {
            stream: StreamId { kind: stream_kind, id: some(id()?)? },
            version: StreamVersion(columns.number(1)?),
            event_id: EventId(some(id()?)?),
            event_type: name()?.to_owned(),
            schema_version: columns.number(2)?,
            occurred_at: Timestamp(columns.get(4)?),
            actor: Actor { kind: columns.parsed_name::<ActorKind>(name()?)?, id: name()?.to_owned() },
            correlation: some(id()?)?,
            command_id: CommandId(some(id()?)?),
            causation: id()?.map(EventId),
        },
        crc32c: columns.number(5)?,
        payload: columns.get(8)?,
    };
    columns.intact(event)
}

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
    columns.intact(event)
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
        bytes.map(|bytes| self.parsed_uuid(bytes)).transpose()
    }

    fn parsed_uuid(&self, bytes: &[u8]) -> Result<Uuid, JournalError> {
        Uuid::from_slice(bytes).map_err(|error| self.corrupt(error.to_string()))
    }

    /// A stream, from the columns of its kind and id.
    pub(super) fn stream(&self, kind: usize, id: usize) -> Result<StreamId, JournalError> {
        Ok(StreamId { kind: self.name::<StreamKind>(kind)?, id: self.uuid(id)? })
    }

    fn name<T: FromStr<Err = events::UnknownName>>(&self, index: usize) -> Result<T, JournalError> {
        self.parsed_name(self.get(index)?)
    }

    fn parsed_name<T: FromStr<Err = events::UnknownName>>(&self, name: &str) -> Result<T, JournalError> {
        name.parse().map_err(|error: events::UnknownName| self.corrupt(error.to_string()))
    }

    fn intact(&self, event: RecordedEvent) -> Result<RecordedEvent, JournalError> {
        if event.is_intact() {
            return Ok(event);
        }
        Err(self.corrupt(format!("the checksum of position {} does not fit its bytes", event.position)))
    }

    fn corrupt(&self, reason: String) -> JournalError {
        JournalError::Corrupt { operation: self.operation, reason }
    }
}
