//! What a journal must hold, command by command.

use std::collections::HashMap;

use anyhow::{Context, bail, ensure};
use events::{Position, RecordedEvent, StreamId, StreamVersion};
use uuid::Uuid;

use super::command::{Command, Mark};

/// A command that was answered: its event is at this position.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// What was sent.
    pub command: Command,
    /// The business.
    pub business: Uuid,
    /// Its version after the command.
    pub version: u64,
    /// Where the event is.
    pub position: u64,
}

/// Everything that a journal was seen to hold, and must hold for ever.
#[derive(Default)]
pub struct Seen {
    events: Vec<Entry>,
    versions: HashMap<StreamId, StreamVersion>,
    marks: HashMap<Mark, Position>,
}

struct Entry {
    stream: StreamId,
    version: StreamVersion,
    event_type: String,
    mark: Option<Mark>,
}

impl Seen {
    /// Takes the next event; it must be the next one, whole, and do what no other did.
    ///
    /// # Errors
    /// It is not.
    pub fn take(&mut self, event: &RecordedEvent) -> anyhow::Result<()> {
        let next = Position(self.events.len() as u64 + 1);
        ensure!(event.position == next, "position {} comes where {next} must be", event.position);
        ensure!(event.is_intact(), "the event at {next} is damaged");
        let header = &event.header;
        let version = self.versions.entry(header.stream).or_default();
        ensure!(header.version == version.next(), "{} skips from {version} to {}", header.stream, header.version);
        *version = header.version;
        let mark = Mark::find(&event.payload);
        if let Some(first) = mark.and_then(|mark| self.marks.insert(mark, next)) {
            bail!("the command at {first} was done again at {next}");
        }
        let event_type = header.event_type.clone();
        self.events.push(Entry { stream: header.stream, version: header.version, event_type, mark });
        Ok(())
    }

    /// Whether an acknowledged command is there, where its answer said.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self, acknowledged: &Acknowledged) -> anyhow::Result<()> {
        let index =
            usize::try_from(acknowledged.position).context("a position")?.checked_sub(1).context("no position")?;
        let lost = || format!("acknowledged and lost: {acknowledged:?}");
        let entry = self.events.get(index).with_context(lost)?;
        let kind = acknowledged.command.kind;
        let right = entry.stream.id == acknowledged.business
            && entry.version.0 == acknowledged.version
            && entry.event_type == kind.event_type()
            && entry.mark == kind.leaves_mark().then_some(acknowledged.command.mark);
        ensure!(right, "another event is at its position: {acknowledged:?}");
        Ok(())
    }

    /// The newest position.
    pub fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    /// How many events of a business there are.
    pub fn version(&self, stream: StreamId) -> u64 {
        self.versions.get(&stream).map_or(0, |version| version.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use events::{Actor, ActorKind, BusinessId, CommandId, EventHeader, EventId, Timestamp};
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;
    use uuid::Uuid;

    use super::*;

    const BUSINESS: Uuid = Uuid::from_u128(7);

    fn event(position: u64, version: u64, mark: u64) -> RecordedEvent {
        let header = EventHeader {
            event_id: EventId(Uuid::from_u128(position.into())),
            stream: BusinessId(BUSINESS).into(),
            version: StreamVersion(version),
            event_type: if version == 1 { "BusinessRegistered" } else { "BusinessClosed" }.to_owned(),
            schema_version: 1,
            occurred_at: Timestamp(0),
            actor: Actor { kind: ActorKind::Admin, id: "crash".to_owned() },
            causation: None,
            correlation: Uuid::nil(),
            command_id: CommandId(Uuid::nil()),
        };
        let payload = format!("\u{2}some{}bytes", Mark(mark)).into_bytes();
        let crc32c = header.checksum(&payload);
        RecordedEvent { position: Position(position), recorded_at: Timestamp(0), header, payload, crc32c }
    }

    fn seen(events: &[RecordedEvent]) -> anyhow::Result<Seen> {
        let mut seen = Seen::default();
        events.iter().try_for_each(|event| seen.take(event))?;
        Ok(seen)
    }

    fn acknowledged(position: u64, version: u64, mark: u64) -> Acknowledged {
        let command = Command::register(Mark(mark), &mut ChaCha8Rng::seed_from_u64(1));
        Acknowledged { command, business: BUSINESS, version, position }
    }

    #[test]
    fn holes_repeats_and_damage_are_noticed() {
        let said = |events: &[RecordedEvent]| seen(events).map(|_| ()).unwrap_err().to_string();
        assert!(seen(&[event(1, 1, 1), event(2, 2, 2)]).is_ok());
        assert_eq!(said(&[event(1, 1, 1), event(3, 2, 2)]), "position 3 comes where 2 must be");
        assert_eq!(said(&[event(1, 1, 1), event(2, 2, 1)]), "the command at 1 was done again at 2");
        assert!(said(&[event(1, 1, 1), event(2, 3, 2)]).contains("skips from 1 to 3"));
        let damaged = RecordedEvent { crc32c: 0, ..event(1, 1, 1) };
        assert_eq!(said(&[damaged]), "the event at 1 is damaged");
    }

    #[test]
    fn an_acknowledged_command_that_is_not_there_is_noticed() {
        let seen = seen(&[event(1, 1, 1)]).unwrap();
        seen.check(&acknowledged(1, 1, 1)).unwrap();
        assert!(seen.check(&acknowledged(2, 1, 2)).unwrap_err().to_string().starts_with("acknowledged and lost"));
        for misplaced in [acknowledged(1, 1, 2), acknowledged(1, 2, 1)] {
            assert!(seen.check(&misplaced).unwrap_err().to_string().starts_with("another event"));
        }
    }
}
