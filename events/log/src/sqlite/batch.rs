//! Deciding a batch, in memory and in order, on what the database said about its keys, claims and streams.
//!
//! An accepted command changes what the later ones of the batch see, exactly as if each had its own transaction.
//! A refused one changes nothing, so it can harm no neighbour.

use std::collections::HashMap;

use events::{Position, StreamId, StreamVersion, Timestamp};

use crate::append::{Append, Appended, Claim, IdempotencyKey, NewEvent};
use crate::error::AppendError;
use crate::port::KeyRecord;
use crate::prepared::Prepared;

/// What is stored about everything that a batch names. Absent means: not used, not claimed, no events.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) keys: HashMap<IdempotencyKey, KeyRecord>,
    pub(super) claims: HashMap<Claim, StreamId>,
    pub(super) versions: HashMap<StreamId, StreamVersion>,
}

/// What is to be stored, and what each command is told once it is.
#[derive(Debug)]
pub(super) struct Decided<'b> {
    pub(super) events: Vec<EventRow<'b>>,
    pub(super) keys: Vec<KeyRow<'b>>,
    pub(super) claims: Vec<(&'b Claim, StreamId)>,
    pub(super) answers: Vec<Result<Appended, AppendError>>,
    /// The newest position after the batch.
    pub(super) head: Position,
}

/// An event with its place.
#[derive(Debug)]
pub(super) struct EventRow<'b> {
    pub(super) position: Position,
    pub(super) version: StreamVersion,
    pub(super) recorded_at: Timestamp,
    pub(super) append: &'b Append,
    pub(super) event: &'b NewEvent,
    pub(super) checksum: u32,
}

/// A key that was used.
#[derive(Debug)]
pub(super) struct KeyRow<'b> {
    pub(super) append: &'b Append,
    pub(super) first: Position,
    pub(super) last: Position,
}

/// Decides the commands of a batch in their order.
pub(super) fn decide<'b>(
    mut known: Known,
    head: Position,
    recorded_at: Timestamp,
    batch: impl Iterator<Item = &'b Prepared>,
) -> Decided<'b> {
    let mut decided = Decided { events: Vec::new(), keys: Vec::new(), claims: Vec::new(), answers: Vec::new(), head };
    for prepared in batch {
        let append = &prepared.append;
        let answer = match known.refuse_or_replay(append) {
            Ok(Some(replayed)) => Ok(replayed),
            Ok(None) => Ok(decided.accept(&mut known, prepared, recorded_at)),
            Err(refused) => Err(refused),
        };
        decided.answers.push(answer);
    }
    decided
}

impl Known {
    /// The key first, because a retry carries a stale version; then claims; then versions.
    fn refuse_or_replay(&self, append: &Append) -> Result<Option<Appended>, AppendError> {
        if let Some(record) = self.keys.get(&append.key) {
            if record.payload_hash == append.payload_hash {
                return Ok(Some(record.appended));
            }
            return Err(AppendError::KeyReused { key: append.key.clone() });
        }
        for claim in &append.claims {
            if let Some(owner) = self.claims.get(claim).filter(|owner| **owner != append.stream) {
                return Err(AppendError::ClaimTaken { claim: claim.clone(), owner: *owner });
            }
        }
        self.check_version(append.stream, append.expected_version)?;
        for read in &append.reads {
            self.check_version(read.stream, read.version)?;
        }
        Ok(None)
    }

    fn check_version(&self, stream: StreamId, expected: StreamVersion) -> Result<(), AppendError> {
        let actual = self.version(stream);
        if actual == expected { Ok(()) } else { Err(AppendError::StaleVersion { stream, expected, actual }) }
    }

    fn version(&self, stream: StreamId) -> StreamVersion {
        self.versions.get(&stream).copied().unwrap_or(StreamVersion::ZERO)
    }
}

impl<'b> Decided<'b> {
    fn accept(&mut self, known: &mut Known, prepared: &'b Prepared, recorded_at: Timestamp) -> Appended {
        let append = &prepared.append;
        let first = self.head.next();
        let mut version = append.expected_version;
        for (event, checksum) in append.events.iter().zip(&prepared.checksums) {
            self.head = self.head.next();
            version = version.next();
            self.events.push(EventRow {
                position: self.head,
                version,
                recorded_at,
                append,
                event,
                checksum: *checksum,
            });
        }
        for claim in &append.claims {
            // A claim that the stream holds already is granted, and is there already.
            if known.claims.insert(claim.clone(), append.stream).is_none() {
                self.claims.push((claim, append.stream));
            }
        }
        let appended = Appended { stream: append.stream, version, first, last: self.head, replayed: false };
        known.versions.insert(append.stream, version);
        known.keys.insert(
            append.key.clone(),
            KeyRecord { payload_hash: append.payload_hash, appended: Appended { replayed: true, ..appended } },
        );
        self.keys.push(KeyRow { append, first, last: self.head });
        appended
    }
}
