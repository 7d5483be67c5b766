//! Avro codec: an event to bytes and back, whatever schema version wrote the bytes.
//!
//! Type and version travel in the envelope; a schema is never recognised by its fingerprint.

use std::collections::HashMap;
use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::Event;
use crate::business::{
    BusinessClosed, BusinessDetailsChanged, BusinessRecategorized, BusinessRegistered, BusinessRelocated,
    BusinessRemoved,
};
use crate::operations::ParkedEventSkipped;
use crate::tree::{CategoryDefined, LocationDefined};

/// The largest payload that a journal takes, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// A record that one version of one event type is written as.
pub trait EventRecord: Serialize + DeserializeOwned + 'static {
    /// Name of the event type.
    const TYPE: &'static str;
    /// Version of the schema.
    const VERSION: u16;
    /// The Avro schema, as in `schemas/avro`.
    const SCHEMA: &'static str;
    /// The same fact in its newest form. A pure function; for the newest version it only wraps.
    fn upcast(self) -> Event;
}

/// Why bytes are not an event that this binary knows. A matter of the bytes and the binary only.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// No such type and version.
    #[error("unknown event {event_type} v{schema_version}")]
    Unknown {
        /// The type in the envelope.
        event_type: String,
        /// The version in the envelope.
        schema_version: u16,
    },
    /// The bytes are not a record of the schema.
    #[error("{event_type} v{schema_version} does not decode: {reason}")]
    Malformed {
        /// The type in the envelope.
        event_type: &'static str,
        /// The version in the envelope.
        schema_version: u16,
        /// What the decoder said.
        reason: String,
    },
}

/// An event ready to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    /// Name of the event type.
    pub event_type: &'static str,
    /// Version of the schema.
    pub schema_version: u16,
    /// Avro binary.
    pub payload: Vec<u8>,
}

type Decode = Box<dyn Fn(&[u8]) -> Result<Event, DecodeError> + Send + Sync>;

struct RecordCodec {
    writer: GenericDatumWriter<'static>,
    decode: Decode,
    schema: &'static str,
    name: String,
    fingerprint: [u8; 8],
}

/// A schema as others know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSchema<'c> {
    /// Name of the event type.
    pub event_type: &'static str,
    /// Version of the schema.
    pub version: u16,
    /// Full name of the record.
    pub name: &'c str,
    /// The schema, as in `schemas/avro`.
    pub text: &'static str,
}

/// Every version of every event type that can be read, and the newest one for writing.
pub struct Codec {
    records: HashMap<&'static str, Vec<(u16, RecordCodec)>>,
}

/// Type, version and schema of every record that [`Codec::new`] knows, in a fixed order.
macro_rules! records {
    ($($record:ident => $folder:literal),+ $(,)?) => {
        $(
            impl EventRecord for $record {
                const TYPE: &'static str = stringify!($record);
                const VERSION: u16 = 1;
                const SCHEMA: &'static str =
                    include_str!(concat!("../../schemas/avro/", $folder, "/", stringify!($record), ".v1.avsc"));
                fn upcast(self) -> Event {
                    Event::$record(self)
                }
            }
        )+

        impl Codec {
            /// The codec of all released versions.
            pub fn new() -> Self {
                Self { records: HashMap::new() }$(.with::<$record>())+
            }
        }

        /// Names the set of schemas: a journal written under another set is refused until schemas are frozen.
        pub fn schema_fingerprint() -> u32 {
            let mut crc = 0;
            $(crc = crc32c::crc32c_append(crc, $record::SCHEMA.as_bytes());)+
            crc
        }

        /// Encodes an event in its newest schema version.
        fn encode_with(codec: &Codec, event: &Event) -> EncodedEvent {
            match event {
                $(Event::$record(record) => codec.encode_record(record),)+
            }
        }
    };
}

records! {
    BusinessRegistered => "business",
    BusinessDetailsChanged => "business",
    BusinessRelocated => "business",
    BusinessRecategorized => "business",
    BusinessClosed => "business",
    BusinessRemoved => "business",
    CategoryDefined => "category",
    LocationDefined => "location",
    ParkedEventSkipped => "operations",
}

impl Default for Codec {
    fn default() -> Self {
        Self::new()
    }
}

impl Codec {
    /// The codec that the whole process shares.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Codec> = LazyLock::new(Codec::new);
        &SHARED
    }

    /// Adds a version: how an older one goes on to be read.
    #[must_use]
    pub fn with<R: EventRecord>(mut self) -> Self {
        // A hostile length in a payload must not reserve more than a payload can hold.
        apache_avro::util::max_allocation_bytes(MAX_PAYLOAD_BYTES);
        // Schemas live as long as the process: there is one codec, and readers borrow from them.
        let schema: &'static Schema =
            Box::leak(Box::new(Schema::parse_str(R::SCHEMA).expect("a committed schema parses; held by a test")));
        let reader = GenericDatumReader::builder(schema)
            .human_readable(false)
            .build()
            .expect("a committed schema resolves; held by a test");
        let writer = GenericDatumWriter::builder(schema)
            .human_readable(false)
            .build()
            .expect("a committed schema resolves; held by a test");
        let decode = Box::new(move |payload: &[u8]| {
            let malformed =
                |reason: String| DecodeError::Malformed { event_type: R::TYPE, schema_version: R::VERSION, reason };
            let mut rest = payload;
            let record: R = reader.read_deser(&mut rest).map_err(|e| malformed(e.to_string()))?;
            if rest.is_empty() { Ok(record.upcast()) } else { Err(malformed(format!("{} bytes too many", rest.len()))) }
        });
        let fingerprint = schema.fingerprint::<Rabin>().bytes;
        let fingerprint = fingerprint.try_into().expect("a Rabin fingerprint has 64 bits");
        let name = schema.name().expect("it is the schema of a record").to_string();
        let versions = self.records.entry(R::TYPE).or_default();
        versions.push((R::VERSION, RecordCodec { writer, decode, schema: R::SCHEMA, name, fingerprint }));
        versions.sort_by_key(|(version, _)| *version);
        self
    }

    /// Encodes an event in its newest schema version.
    pub fn encode(&self, event: &Event) -> EncodedEvent {
        encode_with(self, event)
    }

    fn encode_record<R: EventRecord>(&self, record: &R) -> EncodedEvent {
        let codec = self.find(R::TYPE, R::VERSION).expect("every record of the enum is registered");
        let payload = codec.writer.write_ser_to_vec(record).expect("a record fits its schema; held by golden bytes");
        EncodedEvent { event_type: R::TYPE, schema_version: R::VERSION, payload }
    }

    /// Decodes a payload that was written as this type and version, into the newest form of the event.
    pub fn decode(&self, event_type: &str, schema_version: u16, payload: &[u8]) -> Result<Event, DecodeError> {
        match self.find(event_type, schema_version) {
            Some(codec) => (codec.decode)(payload),
            None => Err(DecodeError::Unknown { event_type: event_type.to_owned(), schema_version }),
        }
    }

    /// CRC-64-AVRO of a schema, little-endian, as Avro's single-object encoding has it. It may be shared by schemas that
    /// differ in logical types only: never recognise one by it alone.
    pub fn fingerprint(&self, event_type: &str, schema_version: u16) -> Option<[u8; 8]> {
        self.find(event_type, schema_version).map(|codec| codec.fingerprint)
    }

    /// Every schema; the versions of a type in their order.
    pub fn schemas(&self) -> impl Iterator<Item = KnownSchema<'_>> {
        self.records.iter().flat_map(|(event_type, versions)| {
            versions.iter().map(|(version, codec)| KnownSchema {
                event_type,
                version: *version,
                name: &codec.name,
                text: codec.schema,
            })
        })
    }

    fn find(&self, event_type: &str, schema_version: u16) -> Option<&RecordCodec> {
        self.records.get(event_type)?.iter().find(|(version, _)| *version == schema_version).map(|(_, codec)| codec)
    }
}
