//! The table `published`.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use events::{JournalId, Position, StreamId, StreamKind, Timestamp};
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use super::store::{CqlGroup, CqlStore, corrupt, failed, position, timestamp};
use crate::port::ViewError;
use crate::publish::Publication;

const READ: &str = "read how far views are published";
const WRITE: &str = "say how far views are published";
const COLUMNS: &str = "generation, journal_id, position, parked_streams, as_of";

/// Reads what is published of a group.
pub(super) struct PublishedReader {
    store: Arc<CqlStore>,
    group: CqlGroup,
    select: PreparedStatement,
}

impl PublishedReader {
    pub(super) async fn new(store: Arc<CqlStore>, group: CqlGroup) -> Result<Self, ViewError> {
        let keyspace = &store.options.keyspace;
        let select = format!("SELECT {COLUMNS}, served FROM {keyspace}.published WHERE view_group = ?");
        let select = store.prepare_read(READ, &select).await?;
        Ok(Self { store, group, select })
    }

    /// From here on for this group.
    pub(super) fn follow(&mut self, group: CqlGroup) {
        self.group = group;
    }

    /// All generations, the latest first.
    ///
    /// # Errors
    /// [`ViewError::Foreign`] if one of them is of another journal.
    pub(super) async fn read(&self) -> Result<Vec<(u32, Publication)>, ViewError> {
        type Columns = (i32, Uuid, i64, HashSet<String>, i64, Option<bool>);
        let result = self.store.session.execute_unpaged(&self.select, (&self.group.name,)).await;
        let rows = result.map_err(|e| failed(READ, e))?.into_rows_result().map_err(|e| corrupt(READ, e))?;
        let mut found = Vec::new();
        for row in rows.rows::<Columns>().map_err(|e| corrupt(READ, e))? {
            let (generation, journal_id, at, parked, as_of, served) = row.map_err(|e| corrupt(READ, e))?;
            let journal_id = JournalId(journal_id);
            if let Some(ours) = self.group.journal_id.filter(|ours| *ours != journal_id) {
                let keyspace = &self.store.options.keyspace;
                let reason = format!("keyspace {keyspace} holds views of journal {journal_id}, this one is {ours}");
                return Err(ViewError::Foreign { reason });
            }
            let generation = u32::try_from(generation).map_err(|_| corrupt(READ, "a generation below zero"))?;
            let publication = Publication {
                journal_id,
                position: position(READ, at)?,
                parked: Arc::new(parked.iter().map(|stream| stream_of(stream)).collect::<Result<_, _>>()?),
                as_of: (as_of > 0).then_some(Timestamp(as_of)),
                served: served.unwrap_or(false),
            };
            found.push((generation, publication));
        }
        Ok(found)
    }
}

/// Writes what is published of a generation.
pub(super) struct PublishedWriter {
    store: Arc<CqlStore>,
    group: CqlGroup,
    insert: PreparedStatement,
    insert_served: PreparedStatement,
}

impl PublishedWriter {
    pub(super) async fn new(store: Arc<CqlStore>, group: CqlGroup) -> Result<Self, ViewError> {
        let keyspace = &store.options.keyspace;
        let insert = async |more: &str, value: &str| {
            let values = "?, ?, ?, ?, ?, ?";
            let columns = format!("view_group, {COLUMNS}{more}");
            let insert =
                format!("INSERT INTO {keyspace}.published ({columns}) VALUES ({values}{value}) USING TIMESTAMP ?");
            store.prepare(WRITE, &insert).await
        };
        // Whoever does not know that it is served must not take that back.
        let (insert, insert_served) = (insert("", "").await?, insert(", served", ", true").await?);
        Ok(Self { store, group, insert, insert_served })
    }

    pub(super) async fn write(&self, generation: i32, publication: &Publication) -> Result<(), ViewError> {
        let Publication { journal_id, position, parked, as_of, served } = publication;
        let at = timestamp(WRITE, *position)?;
        let parked: BTreeSet<String> = parked.iter().map(ToString::to_string).collect();
        // No column is ever empty: an emptied one would be a deletion.
        let as_of = as_of.map_or(0, |time| time.0);
        let column = column_of(*position)?;
        let values = (&self.group.name, generation, journal_id.0, column, parked, as_of, at);
        let insert = if *served { &self.insert_served } else { &self.insert };
        self.store.session.execute_unpaged(insert, values).await.map(drop).map_err(|e| failed(WRITE, e))
    }
}

pub(super) fn column_of(position: Position) -> Result<i64, ViewError> {
    i64::try_from(position.0).map_err(|_| corrupt(WRITE, format!("no journal has come to position {position}")))
}

fn stream_of(text: &str) -> Result<StreamId, ViewError> {
    let parse = || {
        let (kind, id) = text.split_once('/')?;
        Some(StreamId { kind: kind.parse::<StreamKind>().ok()?, id: Uuid::try_parse(id).ok()? })
    };
    parse().ok_or_else(|| corrupt(READ, format!("{text:?} names no stream")))
}
