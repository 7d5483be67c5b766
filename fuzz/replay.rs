//! What fuzzing found worth keeping, asked again by every test run. A file of each crate that is fuzzed, not one of its
//! own: they share nothing but this.
#![allow(clippy::unwrap_used)]

/// Asks each kept input of a fuzzer: one a line, in hexadecimal.
pub(super) fn replay(fuzzer: &str, ask: fn(&[u8])) {
    let file = format!("{}/../fuzz/corpus/{fuzzer}.hex", env!("CARGO_MANIFEST_DIR"));
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(!kept.is_empty());
    for line in kept.lines() {
        let byte = |at| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
        ask(&(0..line.len()).step_by(2).map(byte).collect::<Vec<_>>());
    }
}
