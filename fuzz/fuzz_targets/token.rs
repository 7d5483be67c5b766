//! See `http_api::fuzzing::token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| http_api::fuzzing::token(data));
