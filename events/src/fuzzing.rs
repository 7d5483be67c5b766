//! What the fuzzer `avro` asks of the codec. Not part of the product; see `fuzz/`.

use crate::Codec;

/// The types that a payload may claim to be. The last one is not known.
const TYPES: [&str; 10] = [
    "BusinessRegistered",
    "BusinessDetailsChanged",
    "BusinessRelocated",
    "BusinessRecategorized",
    "BusinessClosed",
    "BusinessRemoved",
    "CategoryDefined",
    "LocationDefined",
    "ParkedEventSkipped",
    "BusinessPainted",
];

/// The first byte names the type, the rest is its payload. What decodes is written again, and decodes to the same.
///
/// # Panics
/// It does not.
pub fn avro(data: &[u8]) {
    let Some((kind, payload)) = data.split_first() else { return };
    let event_type = TYPES[usize::from(*kind) % TYPES.len()];
    let codec = Codec::shared();
    let Ok(event) = codec.decode(event_type, 1, payload) else { return };
    let written = codec.encode(&event);
    assert_eq!((written.event_type, written.schema_version), (event_type, 1));
    let again = codec.decode(event_type, 1, &written.payload).expect("what was written here can be read here");
    // By bytes, because a number may be none, and that equals nothing.
    assert_eq!(codec.encode(&again).payload, written.payload);
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn what_is_kept_of_fuzzing_holds() {
        replay("avro", super::avro);
    }
}
