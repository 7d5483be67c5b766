//! Which commands go into one call, and how the call says what they are.

use std::collections::{HashMap, HashSet};

use events::StreamId;
use uuid::Uuid;

use super::writer::Pending;
use crate::append::{Append, Claim, IdempotencyKey};

/// What the commands of a batch do, which no later one of it may do again.
#[derive(Default)]
struct Taken<'b> {
    written: HashSet<StreamId>,
    keys: HashSet<&'b IdempotencyKey>,
    claims: HashSet<&'b Claim>,
}

impl<'b> Taken<'b> {
    /// Whether a command depends on nothing that an earlier one of the batch does; then what it does is taken, too.
    fn take(&mut self, append: &'b Append) -> bool {
        let depends = self.written.contains(&append.stream)
            || self.keys.contains(&append.key)
            || append.claims.iter().any(|claim| self.claims.contains(claim))
            || append.reads.iter().any(|read| self.written.contains(&read.stream));
        if !depends {
            self.written.insert(append.stream);
            self.keys.insert(&append.key);
            self.claims.extend(&append.claims);
        }
        !depends
    }
}

/// Splits what waits into what can be decided at once and what must see the outcome of that, both in their order.
pub(super) fn part(waiting: Vec<Pending>) -> (Vec<Pending>, Vec<Pending>) {
    let mut taken = Taken::default();
    let now: Vec<bool> = waiting.iter().map(|pending| taken.take(&pending.prepared.append)).collect();
    let mut now = now.into_iter();
    waiting.into_iter().partition(|_| now.next().expect("one for each that waits"))
}

/// The arguments of the call, column by column. `schemas/sql/postgres` says what each is.
#[derive(Default)]
pub(super) struct Columns<'b> {
    pub(super) c_stream_kind: Vec<&'b str>,
    pub(super) c_stream_id: Vec<Uuid>,
    pub(super) c_expected: Vec<i64>,
    pub(super) c_events: Vec<i64>,
    pub(super) c_actor: Vec<&'b str>,
    pub(super) c_key: Vec<&'b str>,
    pub(super) c_hash: Vec<&'b [u8]>,
    pub(super) s_kind: Vec<&'b str>,
    pub(super) s_id: Vec<Uuid>,
    pub(super) r_command: Vec<i32>,
    pub(super) r_number: Vec<i32>,
    pub(super) r_stream: Vec<i32>,
    pub(super) r_version: Vec<i64>,
    pub(super) k_command: Vec<i32>,
    pub(super) k_number: Vec<i32>,
    pub(super) k_kind: Vec<&'b str>,
    pub(super) k_value: Vec<&'b str>,
    pub(super) e_command: Vec<i32>,
    pub(super) e_number: Vec<i32>,
    pub(super) e_stream_kind: Vec<&'b str>,
    pub(super) e_stream_id: Vec<Uuid>,
    pub(super) e_version: Vec<i64>,
    pub(super) e_id: Vec<Uuid>,
    pub(super) e_type: Vec<&'b str>,
    pub(super) e_schema_version: Vec<i32>,
    pub(super) e_occurred_at: Vec<i64>,
    pub(super) e_actor_kind: Vec<&'b str>,
    pub(super) e_actor_id: Vec<&'b str>,
    pub(super) e_causation: Vec<Option<Uuid>>,
    pub(super) e_correlation: Vec<Uuid>,
    pub(super) e_command_id: Vec<Uuid>,
    pub(super) e_crc32c: Vec<i64>,
    pub(super) e_payload: Vec<&'b [u8]>,
}

impl<'b> Columns<'b> {
    /// The commands of a batch, none of which depends on another.
    pub(super) fn of(batch: &'b [Pending]) -> Self {
        let mut columns = Self::default();
        // Many commands read the same few streams.
        let mut streams: HashMap<StreamId, i32> = HashMap::new();
        for (command, pending) in (1..).zip(batch) {
            let append = &pending.prepared.append;
            columns.command(append);
            for (number, claim) in (0..).zip(&append.claims) {
                columns.k_command.push(command);
                columns.k_number.push(number);
                columns.k_kind.push(claim.kind.name());
                columns.k_value.push(&claim.value);
            }
            for (number, read) in (0..).zip(&append.reads) {
                let next = i32::try_from(streams.len()).expect("a batch is bounded") + 1;
                let stream = *streams.entry(read.stream).or_insert_with(|| {
                    columns.s_kind.push(read.stream.kind.name());
                    columns.s_id.push(read.stream.id);
                    next
                });
                columns.r_command.push(command);
                columns.r_number.push(number);
                columns.r_stream.push(stream);
                columns.r_version.push(read.version.0.cast_signed());
            }
            columns.events(command, pending);
        }
        columns
    }

    fn command(&mut self, append: &'b Append) {
        self.c_stream_kind.push(append.stream.kind.name());
        self.c_stream_id.push(append.stream.id);
        self.c_expected.push(append.expected_version.0.cast_signed());
        self.c_events.push(i64::try_from(append.events.len()).expect("an append is bounded"));
        self.c_actor.push(&append.key.actor);
        self.c_key.push(&append.key.key);
        self.c_hash.push(&append.payload_hash);
    }

    fn events(&mut self, command: i32, pending: &'b Pending) {
        let append = &pending.prepared.append;
        let mut version = append.expected_version.0.cast_signed();
        for ((number, event), checksum) in (0..).zip(&append.events).zip(&pending.prepared.checksums) {
            version = version.wrapping_add(1);
            self.e_command.push(command);
            self.e_number.push(number);
            self.e_stream_kind.push(append.stream.kind.name());
            self.e_stream_id.push(append.stream.id);
            self.e_version.push(version);
            self.e_id.push(event.event_id.0);
            self.e_type.push(event.event_type);
            self.e_schema_version.push(i32::from(event.schema_version));
            self.e_occurred_at.push(event.occurred_at.0);
            self.e_actor_kind.push(append.actor.kind.name());
            self.e_actor_id.push(&append.actor.id);
            self.e_causation.push(append.causation.map(|cause| cause.0));
            self.e_correlation.push(append.correlation);
            self.e_command_id.push(append.command_id.0);
            self.e_crc32c.push(i64::from(*checksum));
            self.e_payload.push(&event.payload);
        }
    }
}
