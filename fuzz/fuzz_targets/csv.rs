//! See `lawless::import::fuzzing::csv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lawless::import::fuzzing::csv(data));
