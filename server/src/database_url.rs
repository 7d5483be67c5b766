//! The address of a database or of another server, which may hold a password.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// `postgres://user:password@host:port/database`, or the same of another server. Shown without the password.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// All of it, for whoever connects.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password may also stand among the parameters, and in text that is no address at all.
        let address = self.0.split(['?', '#']).next().unwrap_or_default();
        match (address.split_once("://"), address.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, place))) => write!(f, "{scheme}://…@{place}"),
            // What was cut off may have been the rest of a password that should have been percent-encoded.
            (Some((scheme, _)), None) if self.0.contains('@') => write!(f, "{scheme}://…"),
            (Some(_), None) => f.write_str(address),
            (None, _) if self.is_empty() => Ok(()),
            (None, _) => f.write_str("…"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_be_secret_is_left_out() {
        for (url, shown) in [
            ("", ""),
            ("postgres://127.0.0.1:5432/lawless", "postgres://127.0.0.1:5432/lawless"),
            ("postgres://me:pass@word@db.example/lawless", "postgres://…@db.example/lawless"),
            ("postgres://db.example/lawless?password=hidden", "postgres://db.example/lawless"),
            ("postgres://me:hid?den@db.example/lawless", "postgres://…"),
            ("postgres://me:hid#den@db.example/lawless", "postgres://…"),
            ("me:hidden@db.example", "…"),
            ("hidden", "…"),
        ] {
            assert_eq!(DatabaseUrl(url.to_owned()).to_string(), shown);
        }
    }
}
