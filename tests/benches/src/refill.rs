//! Appends events that are known already to another journal, through its port, as commands would.

use std::sync::Arc;

use anyhow::Context;
use event_log::{Append, Claim, ClaimKind, IdempotencyKey, Journal, NewEvent};
use events::{BusinessId, Codec, CommandId, Event, EventId, RecordedEvent, StreamId, StreamKind, StreamVersion};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::demo_folder::decode;

/// Commands that wait for the journal at once, as an import has them.
const IN_FLIGHT: usize = 256;

/// Makes an append of an event. `copy` 0 is the event itself; others are about other businesses with the same facts.
pub(crate) fn append_of(recorded: &RecordedEvent, copy: u32) -> anyhow::Result<Append> {
    let mut event = decode(recorded)?;
    let mut stream = recorded.header.stream;
    if stream.kind == StreamKind::Business {
        stream.id = other(stream.id, copy);
    }
    rename(&mut event, stream, copy);
    let encoded = Codec::shared().encode(&event);
    let event_id = EventId(other(recorded.header.event_id.0, copy));
    Ok(Append {
        stream,
        expected_version: StreamVersion(recorded.header.version.0 - 1),
        reads: Vec::new(),
        claims: claims_of(&event),
        // One command per event: what belonged together is of no interest here.
        key: IdempotencyKey { actor: "bench".to_owned(), key: event_id.to_string() },
        payload_hash: [0; 32],
        actor: recorded.header.actor.clone(),
        command_id: CommandId(event_id.0),
        correlation: event_id.0,
        causation: None,
        events: vec![NewEvent {
            event_id,
            event_type: encoded.event_type,
            schema_version: encoded.schema_version,
            occurred_at: recorded.header.occurred_at,
            payload: encoded.payload,
        }],
    })
}

/// A copy is of another hour: ids begin with their time (RFC 9562, version 7, 48 bits of milliseconds), and a directory
/// that grows gets them in that order.
fn other(id: Uuid, copy: u32) -> Uuid {
    const HOUR_MILLISECONDS: u128 = 60 * 60 * 1_000;
    Uuid::from_u128(id.as_u128().wrapping_add((u128::from(copy) * HOUR_MILLISECONDS) << 80))
}

fn rename(event: &mut Event, stream: StreamId, copy: u32) {
    if copy == 0 {
        return;
    }
    let rename = |slug: &mut String| slug.push_str(&format!("-copy-{copy}"));
    match event {
        Event::BusinessRegistered(registered) => {
            registered.business_id = BusinessId(stream.id);
            rename(&mut registered.slug);
            if let Some(source) = &mut registered.source {
                rename(&mut source.external_id);
            }
        }
        Event::BusinessDetailsChanged(changed) => {
            if let Some(slug) = &mut changed.slug {
                rename(slug);
            }
        }
        _ => {}
    }
}

fn claims_of(event: &Event) -> Vec<Claim> {
    let claim = |kind, value: &str| Claim { kind, value: value.to_owned() };
    match event {
        Event::BusinessRegistered(registered) => {
            let source = registered
                .source
                .iter()
                .map(|source| claim(ClaimKind::BusinessSource, &format!("{}/{}", source.system, source.external_id)));
            [claim(ClaimKind::BusinessSlug, &registered.slug)].into_iter().chain(source).collect()
        }
        Event::BusinessDetailsChanged(changed) => {
            changed.slug.iter().map(|slug| claim(ClaimKind::BusinessSlug, slug)).collect()
        }
        Event::CategoryDefined(category) => vec![claim(ClaimKind::CategorySlug, &category.slug)],
        Event::LocationDefined(location) => vec![claim(ClaimKind::LocationSlug, &location.slug)],
        _ => Vec::new(),
    }
}

/// Appends: trees first and in order, since all else refers to them; then many at once, each stream in order.
pub(crate) async fn append_all(journal: &Arc<dyn Journal>, appends: Vec<Append>) -> anyhow::Result<()> {
    let mut lanes: Vec<Vec<Append>> = (0..IN_FLIGHT).map(|_| Vec::new()).collect();
    for append in appends {
        if append.stream.kind == StreamKind::Business {
            lanes[(append.stream.id.as_u128() % IN_FLIGHT as u128) as usize].push(append);
        } else {
            journal.append(append).await.context("appending a node of a tree")?;
        }
    }
    let mut running = JoinSet::new();
    for lane in lanes {
        let journal = journal.clone();
        running.spawn(async move {
            for append in lane {
                journal.append(append).await.context("appending an event")?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.context("a lane panicked")??;
    }
    Ok(())
}
