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
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn what_is_kept_of_fuzzing_holds() {
        replay("token", super::token);
    }
}
