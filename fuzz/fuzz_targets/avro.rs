//! See `events::fuzzing::avro`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| events::fuzzing::avro(data));
