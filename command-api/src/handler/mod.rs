//! From a command to its answer: load, decide, append; again after a conflict, a bounded number of times.

mod append;
mod businesses;
mod error;
mod options;
mod past;
mod references;
mod replay;
mod slugs;
mod sources;
mod streams;
mod trees;

use std::sync::Arc;
use std::time::Instant;

use event_log::{IdempotencyKey, Journal};
use events::{BusinessId, CommandId, StreamKind};
use sha2::{Digest, Sha256};
use tracing::Instrument;
use tracing::field::Empty;
use uuid::Uuid;

pub use error::{CommandError, Refusal};
pub use options::{Accepted, Clock, CommandContext, CommandOptions, Outcome, Precondition};
pub use past::{AsOf, HistoryPage, PastError};
pub use sources::{SourceBusiness, Standing};

pub(crate) use slugs::base_slug;

use append::Step;
use slugs::SlugNumbers;
use streams::{Reading, Streams};

use crate::domain::{business, category, location};
use crate::places::Places;
use crate::request::Command;

/// Executes commands against a journal. Cheap to clone.
#[derive(Clone)]
pub struct CommandService {
    inner: Arc<Inner>,
}

struct Inner {
    journal: Arc<dyn Journal>,
    places: Arc<Places>,
    options: CommandOptions,
    businesses: Streams<business::State>,
    categories: Streams<category::State>,
    locations: Streams<location::State>,
    slug_numbers: SlugNumbers,
}

/// One command on its way, with the ids that all of its attempts share.
struct Request {
    context: CommandContext,
    command_id: CommandId,
    key: IdempotencyKey,
    payload_hash: [u8; 32],
    /// The id of a business that the command would register.
    new_business: BusinessId,
    /// How often it was decided before, and others were faster.
    conflicts: usize,
}

impl Request {
    fn new(context: CommandContext, command: &Command) -> Self {
        let command_id = CommandId(Uuid::now_v7());
        let key = IdempotencyKey {
            actor: format!("{}:{}", context.actor.kind.name(), context.actor.id),
            key: context.idempotency_key.clone().unwrap_or_else(|| command_id.to_string()),
        };
        let payload_hash = payload_hash(command, context.if_match);
        let new_business = BusinessId(Uuid::now_v7());
        Self { context, command_id, key, payload_hash, new_business, conflicts: 0 }
    }
}

/// A step of its own, as pure as it is.
fn deciding<T>(decide: impl FnOnce() -> T) -> T {
    tracing::debug_span!("decide").in_scope(decide)
}

/// By which a retry is known from another request under the same key. It is of the parsed command, not of its bytes: what
/// means the same is the same request. It is stored, so what it says of a request must stay the same.
fn payload_hash(command: &Command, if_match: Option<Precondition>) -> [u8; 32] {
    let canonical = serde_json::to_vec(command).expect("a command holds only strings, finite numbers and maps");
    let mut hash = Sha256::new_with_prefix(canonical);
    // Compact JSON has no line breaks: no command alone reads like one with a condition.
    match if_match {
        None => {}
        Some(Precondition::Exists) => hash.update("\nif *"),
        Some(Precondition::Absent) => hash.update("\nif not *"),
        Some(Precondition::Version(version)) => hash.update(format!("\nif v{version}")),
    }
    hash.finalize().into()
}

impl CommandService {
    /// A service that appends to this journal.
    pub fn new(journal: Arc<dyn Journal>, places: Arc<Places>, options: CommandOptions) -> Self {
        let (states, every) = (options.cached_states, options.snapshot_every);
        let inner = Inner {
            businesses: Streams::new(StreamKind::Business, journal.clone(), states, every),
            categories: Streams::new(StreamKind::Category, journal.clone(), states, every),
            locations: Streams::new(StreamKind::Location, journal.clone(), states, every),
            slug_numbers: SlugNumbers::new(journal.clone(), options.cached_slug_numbers),
            journal,
            places,
            options,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Executes a command. Once it returns `Ok`, what it did survives a crash.
    ///
    /// # Errors
    /// Why it was not accepted; nothing of it was stored then, except that after
    /// [`event_log::JournalError::Unavailable`] and [`event_log::JournalError::Engine`] it may have been:
    /// the same command under the same idempotency key settles that.
    pub async fn execute(&self, context: CommandContext, command: Command) -> Result<Accepted, CommandError> {
        let started = Instant::now();
        let name = command.name();
        let span = tracing::debug_span!("command", command.name = name, command.outcome = Empty, position = Empty);
        let result = self.decide_and_append(context, &command).instrument(span.clone()).await;
        let outcome = match &result {
            Ok(accepted) if accepted.replayed => "replayed",
            Ok(accepted) if accepted.dry_run => "dry_run",
            Ok(accepted) => accepted.outcome.name(),
            Err(CommandError::Invalid { .. } | CommandError::Refused(_) | CommandError::VersionMismatch { .. }) => {
                "refused"
            }
            Err(_) => "failed",
        };
        span.record("command.outcome", outcome);
        if let Ok(accepted) = &result {
            span.record("position", accepted.position.0);
        }
        metrics::counter!("lawless_commands_total", "command" => name, "outcome" => outcome).increment(1);
        metrics::histogram!("lawless_command_seconds", "command" => name).record(started.elapsed().as_secs_f64());
        result
    }

    async fn decide_and_append(&self, context: CommandContext, command: &Command) -> Result<Accepted, CommandError> {
        command.validate().map_err(|fields| CommandError::Invalid { fields })?;
        let mut request = Request::new(context, command);
        // A dry run, too, tells what its key was used for: it would be told the same without `dry_run`.
        if request.context.idempotency_key.is_some()
            && let Some(accepted) = self.first_answer(&request).await?
        {
            return Ok(Accepted { dry_run: request.context.dry_run, ..accepted });
        }
        // Told as 0 before the first one, too.
        let conflicts = metrics::counter!("lawless_command_conflicts_total", "command" => command.name());
        // A dry run has no append that would notice a state from memory to be old.
        let mut reading = if request.context.dry_run { Reading::reloaded() } else { Reading::recent() };
        loop {
            match self.attempt(&request, command, &mut reading).await {
                Ok(Step::Answered(accepted)) => return Ok(accepted),
                Ok(Step::NothingToDo(accepted)) if !reading.is_from_memory() => {
                    return self.unless_raced(&request, Ok(accepted)).await;
                }
                Err(error) if !error.rests_on_state() => return Err(error),
                Err(error) if !reading.is_from_memory() => return self.unless_raced(&request, Err(error)).await,
                // Told from memory it may be wrong: decided again on what the journal has.
                Ok(Step::NothingToDo(_)) | Err(_) => {}
                Ok(Step::Conflict) => {
                    request.conflicts += 1;
                    conflicts.increment(1);
                    if request.conflicts >= self.inner.options.max_attempts {
                        return Err(CommandError::TooMuchContention { attempts: request.conflicts });
                    }
                }
            }
            reading = Reading::reloaded();
        }
    }

    /// Of two racing requests with one key, the slower one sees what the faster one did and finds it wrong or done:
    /// it gets the first's answer all the same.
    async fn unless_raced(
        &self,
        request: &Request,
        answer: Result<Accepted, CommandError>,
    ) -> Result<Accepted, CommandError> {
        if request.context.idempotency_key.is_none() || request.context.dry_run {
            return answer;
        }
        match self.first_answer(request).await? {
            Some(accepted) => Ok(accepted),
            None => answer,
        }
    }

    async fn attempt(&self, request: &Request, command: &Command, reading: &mut Reading) -> Result<Step, CommandError> {
        // Boxed, so that the future of a command is not as large as all of its branches together.
        match command {
            Command::RegisterBusiness(body) => Box::pin(self.register_business(request, body, reading)).await,
            Command::UpsertBusinessFromSource(body) => Box::pin(self.upsert_business(request, body, reading)).await,
            Command::ChangeBusinessDetails(id, body) => {
                Box::pin(self.change_business_details(request, *id, body, reading)).await
            }
            Command::RelocateBusiness(id, body) => Box::pin(self.relocate_business(request, *id, body, reading)).await,
            Command::RecategorizeBusiness(id, body) => {
                Box::pin(self.recategorize_business(request, *id, body, reading)).await
            }
            Command::CloseBusiness(id, body) => {
                let close = business::Command::Close { reason: body.reason.clone() };
                Box::pin(self.ask_business(request, *id, close, Vec::new(), reading)).await
            }
            Command::RemoveBusiness(id, body) => {
                let remove = business::Command::Remove { reason: body.reason.clone() };
                Box::pin(self.ask_business(request, *id, remove, Vec::new(), reading)).await
            }
            Command::DefineCategory(slug, body) => Box::pin(self.define_category(request, slug, body, reading)).await,
            Command::DefineLocation(slug, body) => Box::pin(self.define_location(request, slug, body, reading)).await,
        }
    }
}
