//! How a payload says which schema it was written with.

use events::Codec;

use super::options::KafkaOptions;
use super::registry::SchemaIds;
use crate::error::JournalError;

/// Avro's single-object encoding begins so: https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding
const MARKER: [u8; 2] = [0xc3, 0x01];
/// Confluent's wire format begins so:
/// https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/#wire-format
const MAGIC: u8 = 0;

/// How payloads are framed in the values of records that are written.
#[derive(Debug, Clone)]
pub(crate) enum Framing {
    /// Marker, CRC-64-AVRO of the schema, payload.
    SingleObject,
    /// Magic byte, id of the schema in a registry (four bytes, the highest first), payload.
    Confluent(SchemaIds),
}

impl Framing {
    /// The one that the options ask for. A registry is asked each time: one that forgot its schemas gives other ids.
    ///
    /// # Errors
    /// The registry refuses a schema, or does not answer.
    pub(crate) async fn of(options: &KafkaOptions) -> Result<Self, JournalError> {
        match &options.schema_registry {
            None => Ok(Self::SingleObject),
            Some(registry) => Ok(Self::Confluent(registry.register(options.answer_timeout).await?)),
        }
    }

    /// Frames a payload.
    ///
    /// # Errors
    /// In words: this program knows no such schema.
    pub(crate) fn frame(&self, event_type: &str, schema_version: u16, payload: &[u8]) -> Result<Vec<u8>, String> {
        let framed = match self {
            Self::SingleObject => Codec::shared()
                .fingerprint(event_type, schema_version)
                .map(|fingerprint| [&MARKER[..], &fingerprint, payload].concat()),
            Self::Confluent(ids) => {
                ids.get(event_type, schema_version).map(|id| [&[MAGIC][..], &id.to_be_bytes(), payload].concat())
            }
        };
        framed.ok_or_else(|| {
            format!("this program has no schema of {event_type} v{schema_version}: it is older than the events")
        })
    }
}

/// The payload in a value, whichever way it is framed: a topic may have both, from before and after a registry was set.
/// The type and its version are those of the headers; a fingerprint has to agree. An id is not looked up: the checksum is
/// over type, version and payload, and a registry that is away keeps nobody from reading.
///
/// # Errors
/// In words: the frame is another one.
pub(crate) fn unframe<'v>(event_type: &str, schema_version: u16, value: &'v [u8]) -> Result<&'v [u8], String> {
    if let Some(framed) = value.strip_prefix(&[MAGIC]) {
        let (_id, payload) = framed.split_first_chunk::<4>().ok_or("the value ends within the id of its schema")?;
        return Ok(payload);
    }
    let framed = value
        .strip_prefix(&MARKER)
        .ok_or("the value is neither in Avro's single-object encoding nor in the wire format of a registry")?;
    let (found, payload) = framed.split_first_chunk::<8>().ok_or("the value ends within its fingerprint")?;
    // An event that this program does not know is parked by whoever folds it.
    match Codec::shared().fingerprint(event_type, schema_version) {
        Some(expected) if expected != *found => {
            Err(format!("the value has another schema than {event_type} v{schema_version}"))
        }
        _ => Ok(payload),
    }
}
