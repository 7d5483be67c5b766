//! Settings of the command side, and who asks.

use std::fmt;
use std::sync::Arc;

use events::{Actor, JournalId, Position, StreamVersion, Timestamp};
use uuid::Uuid;

/// Tells the time. Injected, so that tests decide what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Bounds of the command side.
#[derive(Clone)]
pub struct CommandOptions {
    /// How often a command is decided anew after a conflict before it is given up.
    pub max_attempts: usize,
    /// A snapshot of a stream is kept every so many events.
    pub snapshot_every: u64,
    /// How many recent states are kept in memory, per kind of aggregate.
    pub cached_states: usize,
    /// For how many names the last number handed out is remembered.
    pub cached_slug_numbers: usize,
    /// Tells the time of events.
    pub clock: Clock,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            snapshot_every: 64,
            cached_states: 20_000,
            cached_slug_numbers: 10_000,
            clock: Arc::new(|| Timestamp(jiff::Timestamp::now().as_microsecond())),
        }
    }
}

impl fmt::Debug for CommandOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandOptions")
            .field("max_attempts", &self.max_attempts)
            .field("snapshot_every", &self.snapshot_every)
            .field("cached_states", &self.cached_states)
            .field("cached_slug_numbers", &self.cached_slug_numbers)
            .finish_non_exhaustive()
    }
}

/// Who asks, and under which conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandContext {
    /// Who asks.
    pub actor: Actor,
    /// Under which a retry finds the first answer again; the command's own id when absent.
    pub idempotency_key: Option<String>,
    /// What must be true of the aggregate.
    pub if_match: Option<Precondition>,
    /// Decide, but append nothing.
    pub dry_run: bool,
    /// Ties together all that one request causes.
    pub correlation: Uuid,
    /// When it happened in the world; now when absent.
    pub occurred_at: Option<Timestamp>,
    /// Of what a source says, leave out what an admin changed, and tell what was changed and what was kept.
    pub keep_edits: bool,
}

impl CommandContext {
    /// A command without conditions.
    pub fn of(actor: Actor) -> Self {
        Self {
            actor,
            idempotency_key: None,
            if_match: None,
            dry_run: false,
            correlation: Uuid::now_v7(),
            occurred_at: None,
            keep_edits: false,
        }
    }
}

/// What must be true of the aggregate before a command is decided (RFC 9110, If-Match and If-None-Match).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// It exists.
    Exists,
    /// It does not exist (If-None-Match).
    Absent,
    /// It is at this version.
    Version(StreamVersion),
}

impl fmt::Display for Precondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("any version"),
            Self::Absent => f.write_str("no version"),
            Self::Version(version) => write!(f, "version {version}"),
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The aggregate is new.
    Created,
    /// The aggregate changed.
    Changed,
    /// All that was asked was true already.
    Unchanged,
}

impl Outcome {
    /// The name that answers use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// The answer to an accepted command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The aggregate. Of a dry run that would create a business: an id that is not used again.
    pub id: Uuid,
    /// Its slug.
    pub slug: Option<String>,
    /// Its version after the command.
    pub version: StreamVersion,
    /// Reads that have seen this position see what the command did.
    pub position: Position,
    /// The journal whose position it is.
    pub journal: JournalId,
    /// What the command did.
    pub outcome: Outcome,
    /// Whether this is the first answer again.
    pub replayed: bool,
    /// Whether nothing was appended because nothing was meant to be.
    pub dry_run: bool,
    /// With [`CommandContext::keep_edits`]: the members that changed, as JSON pointers.
    pub changed: Vec<String>,
    /// With [`CommandContext::keep_edits`]: the members that an admin changed and the source says otherwise.
    pub kept: Vec<String>,
}
