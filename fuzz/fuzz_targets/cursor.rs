//! See `query_api::fuzzing::cursor`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    query_api::fuzzing::cursor(data);
    command_api::fuzzing::history_cursor(data);
});
