//! See `hours::fuzzing::hours`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hours::fuzzing::hours(data));
