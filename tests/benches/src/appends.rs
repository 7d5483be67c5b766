//! Made-up commands for a journal: a few events of 300 bytes each, one command in ten with a claim, each with its key.

use event_log::{Append, Claim, ClaimKind, IdempotencyKey, NewEvent};
use events::{Actor, ActorKind, BusinessId, CommandId, EventId, StreamVersion, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

const PAYLOAD_BYTES: usize = 300;
/// Another stream is started after this many appends.
const APPENDS_PER_STREAM: u64 = 4;

/// One client, who writes one stream after the other.
pub(crate) struct Client {
    random: ChaCha8Rng,
    events_max: usize,
    appends: u64,
    business: BusinessId,
    version: StreamVersion,
}

impl Client {
    /// One whose commands have at most so many events.
    pub(crate) fn new(seed: u64, events_max: usize) -> Self {
        let (random, business) = (ChaCha8Rng::seed_from_u64(seed), BusinessId(Uuid::now_v7()));
        Self { random, events_max, appends: 0, business, version: StreamVersion::ZERO }
    }

    /// The next command, for the version that its stream is known to have.
    pub(crate) fn next_append(&mut self) -> Append {
        if self.appends.is_multiple_of(APPENDS_PER_STREAM) {
            (self.business, self.version) = (BusinessId(Uuid::now_v7()), StreamVersion::ZERO);
        }
        self.appends += 1;
        let command_id = CommandId(Uuid::now_v7());
        let claim = self.one_in(10).then(|| Claim {
            kind: ClaimKind::BusinessSlug,
            value: format!("a-business-of-some-name-{}", command_id.0.simple()),
        });
        Append {
            stream: self.business.into(),
            expected_version: self.version,
            reads: Vec::new(),
            claims: claim.into_iter().collect(),
            key: IdempotencyKey { actor: "import:bench".to_owned(), key: command_id.to_string() },
            payload_hash: self.random.random(),
            actor: Actor { kind: ActorKind::Import, id: "bench".to_owned() },
            command_id,
            correlation: Uuid::now_v7(),
            causation: None,
            events: (0..self.random.random_range(1..=self.events_max)).map(|_| self.next_event()).collect(),
        }
    }

    /// The stream of the last command is at this version now.
    pub(crate) fn accepted(&mut self, version: StreamVersion) {
        self.version = version;
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: u32) -> bool {
        self.random.random_ratio(1, times)
    }

    fn next_event(&mut self) -> NewEvent {
        let mut payload = vec![0; PAYLOAD_BYTES];
        self.random.fill(payload.as_mut_slice());
        NewEvent {
            event_id: EventId(Uuid::now_v7()),
            event_type: "BusinessDetailsChanged",
            schema_version: 1,
            occurred_at: Timestamp(1_700_000_000_000_000),
            payload,
        }
    }
}
