//! How a payload says which schema it was written with.

use events::Codec;

/// Avro's single-object encoding begins so: https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding
const MARKER: [u8; 2] = [0xc3, 0x01];

/// How payloads are framed in the values of records.
#[derive(Debug, Clone)]
pub(crate) enum Framing {
    /// Marker, CRC-64-AVRO of the schema, payload.
    SingleObject,
}

impl Framing {
    /// Frames a payload.
    ///
    /// # Errors
    /// In words: this program knows no such schema.
    pub(crate) fn frame(&self, event_type: &str, schema_version: u16, payload: &[u8]) -> Result<Vec<u8>, String> {
        let Self::SingleObject = self;
        let fingerprint = fingerprint(event_type, schema_version)?;
        Ok([&MARKER[..], &fingerprint, payload].concat())
    }

    /// The payload in a value. The type and its version are those of the headers; the frame only has to agree.
    ///
    /// # Errors
    /// In words: the frame is another one.
    pub(crate) fn unframe<'v>(
        &self,
        event_type: &str,
        schema_version: u16,
        value: &'v [u8],
    ) -> Result<&'v [u8], String> {
        let Self::SingleObject = self;
        let framed = value.strip_prefix(&MARKER).ok_or("the value is not in Avro's single-object encoding")?;
        let (found, payload) = framed.split_first_chunk::<8>().ok_or("the value ends within its fingerprint")?;
        // An event that this program does not know is parked by whoever folds it.
        match Codec::shared().fingerprint(event_type, schema_version) {
            Some(expected) if expected != *found => {
                Err(format!("the value has another schema than {event_type} v{schema_version}"))
            }
            _ => Ok(payload),
        }
    }
}

fn fingerprint(event_type: &str, schema_version: u16) -> Result<[u8; 8], String> {
    let unknown =
        || format!("this program has no schema of {event_type} v{schema_version}: it is older than the events");
    Codec::shared().fingerprint(event_type, schema_version).ok_or_else(unknown)
}
