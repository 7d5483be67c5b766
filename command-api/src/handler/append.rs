//! From a decision to an answer: the append, and the first answer again for a key that was used.

use event_log::{Append, AppendError, Appended, Claim, ClaimKind, JournalError, NewEvent};
use events::{Codec, Event, EventId, StreamId, StreamKind, StreamVersion};
use uuid::Uuid;

use super::error::{CommandError, Refusal, final_append_error};
use super::options::{Accepted, Outcome, Precondition};
use super::streams::{Known, Reading, Streams};
use super::{CommandService, Request};
use crate::domain::Aggregate;

/// What one attempt came to.
pub(super) enum Step {
    /// It is done.
    Answered(Accepted),
    /// All that was asked is true already.
    NothingToDo(Accepted),
    /// Others were faster; to be decided again.
    Conflict,
}

/// A decision that is ready to be appended.
pub(super) struct Decided<A> {
    pub(super) stream: StreamId,
    pub(super) known: Known<A>,
    pub(super) events: Vec<Event>,
    pub(super) claims: Vec<Claim>,
    /// The names of which a taken one is a conflict and no refusal: another decision would see it.
    pub(super) retried: Vec<ClaimKind>,
}

impl CommandService {
    /// Appends a decision.
    pub(super) async fn settle<A: Aggregate>(
        &self,
        streams: &Streams<A>,
        request: &Request,
        decided: Decided<A>,
        reading: &Reading,
    ) -> Result<Step, CommandError> {
        let Decided { stream, known, events, claims, retried } = decided;
        if events.is_empty() {
            let mut accepted = self.answer(stream.id, &known, Outcome::Unchanged);
            accepted.dry_run = request.context.dry_run;
            return Ok(Step::NothingToDo(accepted));
        }
        let outcome = if known.exists() { Outcome::Changed } else { Outcome::Created };
        if request.context.dry_run {
            return self.rehearse(stream, &known, &events, &claims, &retried, outcome).await;
        }
        let append = self.append_of(request, stream, known.version, &events, claims, reading);
        let appended = match self.inner.journal.append(append).await {
            Ok(appended) => appended,
            Err(AppendError::StaleVersion { .. }) => return Ok(Step::Conflict),
            Err(AppendError::ClaimTaken { claim, .. }) if retried.contains(&claim.kind) => return Ok(Step::Conflict),
            Err(AppendError::ClaimTaken { claim, owner }) => return Err(taken(claim, owner)),
            // The answer may have been lost, not the append: settled by asking, not by deciding again.
            Err(AppendError::Journal(error @ (JournalError::Unavailable { .. } | JournalError::Engine { .. }))) => {
                match self.first_answer(request).await {
                    Ok(Some(accepted)) => return Ok(Step::Answered(Accepted { replayed: false, ..accepted })),
                    Ok(None) | Err(_) => return Err(error.into()),
                }
            }
            Err(error) => return Err(final_append_error(error)),
        };
        if appended.replayed {
            return Ok(Step::Answered(self.answer_again(appended).await?));
        }
        let known = streams.advance(stream.id, known, &events, appended.last, request.context.actor.kind).await;
        Ok(Step::Answered(self.answer(stream.id, &known, outcome)))
    }

    /// What would be answered, and whether the names are free.
    async fn rehearse<A: Aggregate>(
        &self,
        stream: StreamId,
        known: &Known<A>,
        events: &[Event],
        claims: &[Claim],
        retried: &[ClaimKind],
        outcome: Outcome,
    ) -> Result<Step, CommandError> {
        let owners = if claims.is_empty() { Vec::new() } else { self.inner.journal.find_claims(claims).await? };
        for (claim, owner) in claims.iter().zip(owners) {
            if let Some(owner) = owner.filter(|owner| *owner != stream) {
                return if retried.contains(&claim.kind) {
                    Ok(Step::Conflict)
                } else {
                    Err(taken(claim.clone(), owner))
                };
            }
        }
        let state = events.iter().fold((*known.state).clone(), A::evolve);
        let accepted = self.answer(stream.id, known, outcome);
        Ok(Step::Answered(Accepted {
            slug: Some(state.slug().to_owned()),
            version: StreamVersion(known.version.0 + events.len() as u64),
            dry_run: true,
            ..accepted
        }))
    }

    fn append_of(
        &self,
        request: &Request,
        stream: StreamId,
        expected_version: StreamVersion,
        events: &[Event],
        claims: Vec<Claim>,
        reading: &Reading,
    ) -> Append {
        let occurred_at = request.context.occurred_at.unwrap_or_else(|| (self.inner.options.clock)());
        let events = events.iter().map(|event| {
            let encoded = Codec::shared().encode(event);
            NewEvent {
                event_id: EventId(Uuid::now_v7()),
                event_type: encoded.event_type,
                schema_version: encoded.schema_version,
                occurred_at,
                payload: encoded.payload,
            }
        });
        Append {
            stream,
            expected_version,
            reads: reading.reads.clone(),
            claims,
            key: request.key.clone(),
            payload_hash: request.payload_hash,
            actor: request.context.actor.clone(),
            command_id: request.command_id,
            correlation: request.context.correlation,
            causation: None,
            events: events.collect(),
        }
    }

    fn answer<A: Aggregate>(&self, id: Uuid, known: &Known<A>, outcome: Outcome) -> Accepted {
        Accepted {
            id,
            slug: Some(known.state.slug().to_owned()),
            version: known.version,
            position: known.position,
            journal: self.inner.journal.id(),
            outcome,
            replayed: false,
            dry_run: false,
            changed: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// What was answered when this key was first used.
    pub(super) async fn first_answer(&self, request: &Request) -> Result<Option<Accepted>, CommandError> {
        match self.inner.journal.find_key(&request.key).await? {
            None => Ok(None),
            Some(record) if record.payload_hash != request.payload_hash => Err(CommandError::KeyReused),
            Some(record) => self.answer_again(record.appended).await.map(Some),
        }
    }

    /// The first answer again, from where its events are.
    async fn answer_again(&self, appended: Appended) -> Result<Accepted, CommandError> {
        let Appended { stream, version, first, last, .. } = appended;
        let slug = match stream.kind {
            StreamKind::Business => slug_at(&self.inner.businesses, stream.id, version).await?,
            StreamKind::Category => slug_at(&self.inner.categories, stream.id, version).await?,
            StreamKind::Location => slug_at(&self.inner.locations, stream.id, version).await?,
            StreamKind::Operations => None,
        };
        let events = last.0 - first.0 + 1;
        let outcome = if version.0 == events { Outcome::Created } else { Outcome::Changed };
        let journal = self.inner.journal.id();
        Ok(Accepted {
            id: stream.id,
            slug,
            version,
            position: last,
            journal,
            outcome,
            replayed: true,
            dry_run: false,
            changed: Vec::new(),
            kept: Vec::new(),
        })
    }
}

async fn slug_at<A: Aggregate>(
    streams: &Streams<A>,
    id: Uuid,
    version: StreamVersion,
) -> Result<Option<String>, CommandError> {
    Ok(Some(streams.at_version(id, version).await?.state.slug().to_owned()))
}

/// Whether the aggregate is as the client demands.
pub(super) fn must_match<A: Aggregate>(request: &Request, known: &Known<A>) -> Result<(), CommandError> {
    match request.context.if_match {
        Some(expected) => match expected {
            Precondition::Exists if known.exists() => Ok(()),
            Precondition::Absent if !known.exists() => Ok(()),
            Precondition::Version(version) if known.exists() && known.version == version => Ok(()),
            _ => Err(CommandError::VersionMismatch { expected, actual: known.version }),
        },
        None => Ok(()),
    }
}

fn taken(claim: Claim, owner: StreamId) -> CommandError {
    match claim.kind {
        ClaimKind::BusinessSource => Refusal::SourceTaken { source_id: claim.value, owner: owner.id },
        ClaimKind::BusinessSlug | ClaimKind::CategorySlug | ClaimKind::LocationSlug => {
            Refusal::SlugTaken { slug: claim.value }
        }
    }
    .into()
}
