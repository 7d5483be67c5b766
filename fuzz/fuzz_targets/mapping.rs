//! See `lawless::import::fuzzing::mapping`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lawless::import::fuzzing::mapping(data));
