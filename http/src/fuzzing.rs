//! What the fuzzer `token` asks of consistency tokens. Not part of the product; see `fuzz/`.

use crate::ConsistencyToken;

/// A text is a token in one spelling only.
///
/// # Panics
/// Another spelling was taken.
pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = text.parse::<ConsistencyToken>() {
        assert_eq!(token.to_string(), text);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    /// An input in hexadecimal a line.
    fn replay(fuzzer: &str, ask: fn(&[u8])) {
        let file = format!("{}/../fuzz/corpus/{fuzzer}.hex", env!("CARGO_MANIFEST_DIR"));
        let kept = std::fs::read_to_string(file).unwrap();
        assert!(!kept.is_empty());
        for line in kept.lines() {
            let byte = |at| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
            ask(&(0..line.len()).step_by(2).map(byte).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_kept_of_fuzzing_holds() {
        replay("token", super::token);
    }
}
