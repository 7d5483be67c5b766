//! The consistency token: `v1;<journal id>;<position>`. Clients keep the largest one they were given.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderName;
use events::{JournalId, Position};
use thiserror::Error;

/// Carries the token, in answers to commands and in requests.
pub const CONSISTENCY_HEADER: HeaderName = HeaderName::from_static("lawless-consistency");

/// `?1` (RFC 8941) on an answer that may be older than its token.
pub const STALE_HEADER: HeaderName = HeaderName::from_static("lawless-stale");

/// A place in the order of a journal: a read that carries it sees everything up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsistencyToken {
    /// The journal.
    pub journal: JournalId,
    /// The place.
    pub position: Position,
}

/// The header's value is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a consistency token: expected v1;<journal id>;<position>")]
pub struct TokenError;

impl fmt::Display for ConsistencyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1;{};{}", self.journal, self.position)
    }
}

impl FromStr for ConsistencyToken {
    type Err = TokenError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut parts = s.split(';');
        let (Some("v1"), Some(journal), Some(position), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError);
        };
        // One spelling only: what is parsed prints the same again.
        let canonical = position == "0" || (!position.starts_with('0') && position.bytes().all(|b| b.is_ascii_digit()));
        if journal.len() != 36 || journal.bytes().any(|b| b.is_ascii_uppercase()) || !canonical {
            return Err(TokenError);
        }
        Ok(Self {
            journal: journal.parse().map_err(|_| TokenError)?,
            position: Position(position.parse().map_err(|_| TokenError)?),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_no_other_text_is_one() {
        let token = ConsistencyToken { journal: JournalId(uuid::Uuid::from_u128(7)), position: Position(42) };
        assert_eq!(token.to_string().parse(), Ok(token));
        let upper_case = "v1;0000000A-0000-0000-0000-000000000007;1";
        for bad in ["", "v1", "v1;;", "v2;00000000-0000-0000-0000-000000000007;1", "v1;7;1", upper_case] {
            assert_eq!(bad.parse::<ConsistencyToken>(), Err(TokenError), "{bad:?}");
        }
        for bad in ["+1", "-1", "01", " 1", "1;", "18446744073709551616"] {
            assert!(format!("v1;00000000-0000-0000-0000-000000000007;{bad}").parse::<ConsistencyToken>().is_err());
        }
    }
}
