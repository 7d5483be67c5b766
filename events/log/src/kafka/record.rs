//! An event as a record, and back. Everything known about an event is in its headers, by the Kafka binding of
//! CloudEvents in binary mode (https://github.com/cloudevents/spec, kafka-protocol-binding): any consumer can filter
//! without decoding a payload. `docs/events.md` names every header.

use std::fmt::Display;
use std::str::FromStr;

use events::{
    Actor, CommandId, EventHeader, EventId, JournalId, Position, RecordedEvent, StreamId, StreamVersion, Timestamp,
};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use uuid::Uuid;

use super::framing::{Framing, unframe};
use crate::port::Watermark;

const TYPE_PREFIX: &str = "lawless.";
const WATERMARK: &str = "lawless.Watermark";
const SOURCE_PREFIX: &str = "/lawless/journals/";

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// An event of the journal.
    Event(Box<RecordedEvent>),
    /// Everything up to a head was recorded by a time.
    Watermark(Watermark),
}

/// A record to be sent.
pub(crate) struct Outgoing {
    pub(crate) key: String,
    pub(crate) headers: OwnedHeaders,
    pub(crate) value: Vec<u8>,
    /// Milliseconds since the Unix epoch, as Kafka has them.
    pub(crate) timestamp: i64,
}

impl Record {
    /// The position that whoever has read up to here has come to.
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Event(event) => event.position,
            Self::Watermark(watermark) => watermark.head,
        }
    }

    /// The event at [`position`](Self::position).
    pub(crate) fn event_id(&self) -> EventId {
        match self {
            Self::Event(event) => event.header.event_id,
            Self::Watermark(watermark) => watermark.event_id,
        }
    }
}

/// An event of a journal as a record.
///
/// # Errors
/// In words: this program knows no such schema; a time is none that can be written.
pub(crate) fn of_event(journal: JournalId, event: &RecordedEvent, framing: &Framing) -> Result<Outgoing, String> {
    let header = &event.header;
    let value = framing.frame(&header.event_type, header.schema_version, &event.payload)?;
    let stream = header.stream.to_string();
    let headers = Outbound(OwnedHeaders::new_with_capacity(20))
        .with("ce_specversion", "1.0")
        .with("ce_id", header.event_id)
        .with("ce_type", format_args!("{TYPE_PREFIX}{}.v{}", header.event_type, header.schema_version))
        .with("ce_source", format_args!("{SOURCE_PREFIX}{journal}"))
        .with("ce_subject", &stream)
        .with("ce_time", rfc3339(header.occurred_at)?)
        .with("content-type", "application/avro")
        .with("traceparent", trace_parent(header))
        .with("ce_position", event.position)
        .with("ce_streamversion", header.version)
        .with("ce_recordedtime", rfc3339(event.recorded_at)?)
        .with("ce_actorkind", header.actor.kind.name())
        .with("ce_actorid", &header.actor.id)
        .with("ce_correlationid", header.correlation)
        .with("ce_commandid", header.command_id)
        .with("ce_crc32c", event.crc32c);
    let headers = match header.causation {
        Some(causation) => headers.with("ce_causationid", causation),
        None => headers,
    };
    Ok(Outgoing { key: stream, headers: headers.0, value, timestamp: event.recorded_at.0 / 1_000 })
}

/// A watermark as a record.
///
/// # Errors
/// In words: its time is none that can be written.
pub(crate) fn of_watermark(journal: JournalId, watermark: &Watermark) -> Result<Outgoing, String> {
    let headers = Outbound(OwnedHeaders::new_with_capacity(8))
        .with("ce_specversion", "1.0")
        .with("ce_id", format_args!("watermark-{}", watermark.time.0))
        .with("ce_type", WATERMARK)
        .with("ce_source", format_args!("{SOURCE_PREFIX}{journal}"))
        .with("ce_time", rfc3339(watermark.time)?)
        .with("ce_position", watermark.head)
        .with("ce_headid", watermark.event_id);
    let timestamp = watermark.time.0 / 1_000;
    Ok(Outgoing { key: "watermark".to_owned(), headers: headers.0, value: Vec::new(), timestamp })
}

/// What a record says. Checked whole: headers, frame, and the checksum over both.
///
/// # Errors
/// In words: it is none of this journal's.
pub(crate) fn read(journal: JournalId, message: &BorrowedMessage<'_>) -> Result<Record, String> {
    let mut found = Inbound::default();
    for header in message.headers().ok_or("the record has no headers")?.iter() {
        found.take(header.key, header.value.unwrap_or_default());
    }
    found.expect_journal(journal)?;
    if found.text("ce_type", found.event_type)? == WATERMARK {
        let watermark = Watermark {
            time: time("ce_time", found.time)?,
            head: Position(parsed("ce_position", found.position)?),
            event_id: EventId(parsed("ce_headid", found.head_id)?),
        };
        return Ok(Record::Watermark(watermark));
    }
    found.event(message.payload().unwrap_or_default())
}

/// Headers as they are made.
struct Outbound(OwnedHeaders);

impl Outbound {
    fn with(self, key: &str, value: impl Display) -> Self {
        Self(self.0.insert(Header { key, value: Some(&value.to_string()) }))
    }
}

/// Headers as they are found.
#[derive(Default)]
struct Inbound<'m> {
    id: Option<&'m [u8]>,
    event_type: Option<&'m [u8]>,
    source: Option<&'m [u8]>,
    subject: Option<&'m [u8]>,
    time: Option<&'m [u8]>,
    position: Option<&'m [u8]>,
    head_id: Option<&'m [u8]>,
    stream_version: Option<&'m [u8]>,
    recorded: Option<&'m [u8]>,
    actor_kind: Option<&'m [u8]>,
    actor_id: Option<&'m [u8]>,
    causation: Option<&'m [u8]>,
    correlation: Option<&'m [u8]>,
    command_id: Option<&'m [u8]>,
    crc32c: Option<&'m [u8]>,
}

impl<'m> Inbound<'m> {
    fn take(&mut self, key: &str, value: &'m [u8]) {
        let place = match key {
            "ce_id" => &mut self.id,
            "ce_type" => &mut self.event_type,
            "ce_source" => &mut self.source,
            "ce_subject" => &mut self.subject,
            "ce_time" => &mut self.time,
            "ce_position" => &mut self.position,
            "ce_headid" => &mut self.head_id,
            "ce_streamversion" => &mut self.stream_version,
            "ce_recordedtime" => &mut self.recorded,
            "ce_actorkind" => &mut self.actor_kind,
            "ce_actorid" => &mut self.actor_id,
            "ce_causationid" => &mut self.causation,
            "ce_correlationid" => &mut self.correlation,
            "ce_commandid" => &mut self.command_id,
            "ce_crc32c" => &mut self.crc32c,
            // Proxies and tracers may add their own.
            _ => return,
        };
        *place = Some(value);
    }

    fn text(&self, name: &str, value: Option<&'m [u8]>) -> Result<&'m str, String> {
        text(name, value)
    }

    fn expect_journal(&self, journal: JournalId) -> Result<(), String> {
        let source = text("ce_source", self.source)?;
        let found = source.strip_prefix(SOURCE_PREFIX).and_then(|id| id.parse::<JournalId>().ok());
        match found {
            Some(found) if found == journal => Ok(()),
            _ => Err(format!("the record comes from {source:?}, not from journal {journal}")),
        }
    }

    fn event(&self, value: &[u8]) -> Result<Record, String> {
        let ce_type = text("ce_type", self.event_type)?;
        let (event_type, schema_version) = ce_type
            .strip_prefix(TYPE_PREFIX)
            .and_then(|name| name.rsplit_once(".v"))
            .and_then(|(event_type, version)| Some((event_type, version.parse::<u16>().ok()?)))
            .ok_or_else(|| format!("the type {ce_type:?} is none of ours"))?;
        let payload = unframe(event_type, schema_version, value)?.to_vec();
        let header = EventHeader {
            event_id: EventId(parsed("ce_id", self.id)?),
            stream: stream(text("ce_subject", self.subject)?)?,
            version: StreamVersion(parsed("ce_streamversion", self.stream_version)?),
            event_type: event_type.to_owned(),
            schema_version,
            occurred_at: time("ce_time", self.time)?,
            actor: Actor {
                kind: parsed("ce_actorkind", self.actor_kind)?,
                id: text("ce_actorid", self.actor_id)?.to_owned(),
            },
            causation: self
                .causation
                .map(|_| parsed::<Uuid>("ce_causationid", self.causation))
                .transpose()?
                .map(EventId),
            correlation: parsed("ce_correlationid", self.correlation)?,
            command_id: CommandId(parsed("ce_commandid", self.command_id)?),
        };
        let event = RecordedEvent {
            position: Position(parsed("ce_position", self.position)?),
            recorded_at: time("ce_recordedtime", self.recorded)?,
            header,
            payload,
            crc32c: parsed("ce_crc32c", self.crc32c)?,
        };
        if event.is_intact() {
            return Ok(Record::Event(Box::new(event)));
        }
        Err(format!("the checksum of position {} does not fit its bytes", event.position))
    }
}

fn text<'m>(name: &str, value: Option<&'m [u8]>) -> Result<&'m str, String> {
    let value = value.ok_or_else(|| format!("the record has no header {name}"))?;
    std::str::from_utf8(value).map_err(|_| format!("the header {name} is not text"))
}

fn parsed<T: FromStr>(name: &str, value: Option<&[u8]>) -> Result<T, String> {
    let text = text(name, value)?;
    text.parse().map_err(|_| format!("the header {name} says {text:?}"))
}

fn stream(subject: &str) -> Result<StreamId, String> {
    let stream = subject.split_once('/').and_then(|(kind, id)| {
        let (kind, id) = (kind.parse().ok()?, id.parse().ok()?);
        Some(StreamId { kind, id })
    });
    stream.ok_or_else(|| format!("the header ce_subject says {subject:?}"))
}

fn rfc3339(time: Timestamp) -> Result<String, String> {
    let moment = jiff::Timestamp::from_microsecond(time.0);
    moment.map(|moment| moment.to_string()).map_err(|_| format!("the time {} cannot be written", time.0))
}

fn time(name: &str, value: Option<&[u8]>) -> Result<Timestamp, String> {
    Ok(Timestamp(parsed::<jiff::Timestamp>(name, value)?.as_microsecond()))
}

/// https://www.w3.org/TR/trace-context/: the trace is named by the request, the span by the command. Not sampled.
fn trace_parent(header: &EventHeader) -> String {
    let (trace, (_, span)) = (header.correlation.simple(), header.command_id.0.as_u64_pair());
    format!("00-{trace}-{span:016x}-00")
}
