//! What is the same on the way to every engine's writer: an append is checked, its checksums are made, its answer counted.

use std::time::Instant;

use events::{EventHeader, StreamVersion};
use tokio::sync::oneshot;
use tracing::Instrument;
use tracing::field::Empty;

use crate::append::{Append, Appended};
use crate::error::{AppendError, JournalError};

/// An append whose checksums were made before it was queued: they need no position.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) append: Append,
    pub(crate) checksums: Vec<u32>,
}

/// Where the answer to an append goes.
pub(crate) type Answer = oneshot::Sender<Result<Appended, AppendError>>;

/// Checks an append, queues it, waits for its answer, and counts it. `system` names the engine as OpenTelemetry does.
pub(crate) async fn ask(
    system: &'static str,
    append: Append,
    queue: impl FnOnce(Box<Prepared>, Answer) -> Result<(), JournalError>,
) -> Result<Appended, AppendError> {
    let started = Instant::now();
    let span = tracing::debug_span!(
        "journal.append",
        db.system.name = system,
        db.operation.name = "append",
        events = append.events.len(),
        position = Empty
    );
    let answer = queue_and_wait(append, queue).instrument(span.clone()).await;
    metrics::histogram!("lawless_journal_append_seconds").record(started.elapsed().as_secs_f64());
    match &answer {
        Ok(appended) => {
            span.record("position", appended.last.0);
        }
        Err(refused) => {
            metrics::counter!("lawless_journal_refused_total", "kind" => kind(refused)).increment(1);
        }
    }
    answer
}

async fn queue_and_wait(
    append: Append,
    queue: impl FnOnce(Box<Prepared>, Answer) -> Result<(), JournalError>,
) -> Result<Appended, AppendError> {
    append.check()?;
    let (answer, answered) = oneshot::channel();
    queue(Box::new(prepare(append)), answer)?;
    answered.await.map_err(|_| gone("append"))?
}

/// Makes the checksums, in the caller's task and not in the writer's: the versions follow from the expected one.
fn prepare(append: Append) -> Prepared {
    let mut version = append.expected_version;
    let checksums = append
        .events
        .iter()
        .map(|event| {
            version = StreamVersion(version.0.saturating_add(1));
            let header = EventHeader {
                event_id: event.event_id,
                stream: append.stream,
                version,
                event_type: event.event_type.to_owned(),
                schema_version: event.schema_version,
                occurred_at: event.occurred_at,
                actor: append.actor.clone(),
                causation: append.causation,
                correlation: append.correlation,
                command_id: append.command_id,
            };
            header.checksum(&event.payload)
        })
        .collect();
    Prepared { append, checksums }
}

/// The writer ended without a word.
pub(crate) fn gone(operation: &'static str) -> JournalError {
    let reason = "the writer ended before it answered; the same key settles what happened".to_owned();
    JournalError::Unavailable { operation, reason }
}

fn kind(refused: &AppendError) -> &'static str {
    match refused {
        AppendError::StaleVersion { .. } => "stale_version",
        AppendError::KeyReused { .. } => "key_reused",
        AppendError::ClaimTaken { .. } => "claim_taken",
        AppendError::PayloadTooLarge { .. } => "payload_too_large",
        AppendError::Malformed(_) => "malformed",
        AppendError::Journal(JournalError::Full { .. }) => "full",
        AppendError::Journal(JournalError::Unavailable { .. }) => "unavailable",
        AppendError::Journal(JournalError::Moved { .. }) => "moved",
        AppendError::Journal(_) => "failed",
    }
}

/// Counts how many commands share a transaction.
#[expect(clippy::cast_precision_loss, reason = "a metric needs no more than 52 bits")]
pub(crate) fn count_batch(commands: usize) {
    metrics::histogram!("lawless_journal_batch_commands").record(commands as f64);
}
