//! See `command_api::fuzzing::pointers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| command_api::fuzzing::pointers(data));
