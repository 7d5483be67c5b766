//! See `lawless::import::fuzzing::geojson`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lawless::import::fuzzing::geojson(data));
