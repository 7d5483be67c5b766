//! Where the store is, and the bounds of what is asked of it.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::port::ViewError;

/// The longest name of a keyspace (Cassandra and ScyllaDB).
const NAME_BYTES_MAX: usize = 48;

/// How a store is reached.
#[derive(Debug, Clone)]
pub struct CqlOptions {
    /// Host and port of some of its nodes; the others are found through them.
    pub nodes: Vec<String>,
    /// The keyspace that holds the views of this journal. If there is none, who publishes makes it.
    pub keyspace: String,
    /// Copies of each row in each data centre, in a keyspace that is made here.
    pub replicas: u8,
    /// The data centre that is asked; the others are not, whatever happens. Needed where there are several.
    pub data_center: Option<String>,
    /// How many copies must have answered.
    pub consistency: CqlConsistency,
    /// Who we are to the store, if it asks.
    pub credentials: Option<CqlCredentials>,
    /// Connections to each node.
    pub pool: CqlPool,
    /// How long connecting may take, asking what nodes there are included.
    pub connect_timeout: Duration,
    /// How long a read or a write may take, further tries included.
    pub request_timeout: Duration,
    /// A read that takes longer than this is asked of another node as well.
    pub speculate_after: Duration,
    /// Rows of one multi-get that are read at once.
    pub reads_in_flight: NonZeroUsize,
    /// Rows that are written at once.
    pub writes_in_flight: NonZeroUsize,
    /// How often a row is tried to be written before that is an error.
    pub write_tries: NonZeroUsize,
    /// Wait before the second try; doubled before each further one.
    pub write_backoff: Duration,
    /// Rows of a range that are asked for at once, at most: it begins with what is wanted, and many may be removed.
    pub range_rows_max: NonZeroUsize,
    /// How often a reader asks how far rows are published while somebody waits for it.
    pub poll_interval: Duration,
    /// How often it asks while nobody waits.
    pub idle_poll_interval: Duration,
}

/// A user and its password, which is never shown.
#[derive(Clone)]
pub struct CqlCredentials {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for CqlCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CqlCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How many copies of a row must have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CqlConsistency {
    /// More than half of those in the nearest data centre: whoever reads sees what was written.
    #[default]
    LocalQuorum,
    /// Any one. What was written may be missed for a while.
    LocalOne,
}

/// Connections to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CqlPool {
    /// As many for each node: for Cassandra.
    PerHost(NonZeroUsize),
    /// As many for each core of each node: for ScyllaDB.
    PerShard(NonZeroUsize),
}

impl CqlOptions {
    /// The usual bounds.
    pub fn of(nodes: Vec<String>, keyspace: impl Into<String>) -> Self {
        const fn number(number: usize) -> NonZeroUsize {
            NonZeroUsize::new(number).expect("it is not zero")
        }
        Self {
            nodes,
            keyspace: keyspace.into(),
            replicas: 1,
            data_center: None,
            consistency: CqlConsistency::default(),
            credentials: None,
            pool: CqlPool::PerHost(number(4)),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            speculate_after: Duration::from_millis(100),
            reads_in_flight: number(64),
            writes_in_flight: number(256),
            write_tries: number(4),
            write_backoff: Duration::from_millis(100),
            range_rows_max: number(1_024),
            poll_interval: Duration::from_millis(10),
            idle_poll_interval: Duration::from_millis(200),
        }
    }
}

/// A name that can stand in a statement as it is.
pub(super) fn checked_name(what: &'static str, name: &str) -> Result<(), ViewError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(ViewError::Corrupt {
        operation: what,
        reason: format!("{name:?} is not a letter followed by at most {} of a-z, 0-9 and _", NAME_BYTES_MAX - 1),
    })
}

#[cfg(test)]
mod tests {
    use super::checked_name;

    #[test]
    fn a_name_that_would_need_quotes_is_refused() {
        for good in ["lawless", "a", "l_2"] {
            assert!(checked_name("test", good).is_ok(), "{good}");
        }
        for bad in ["", "2a", "_a", "Views", "a-b", "a; DROP KEYSPACE b", "ä", &"a".repeat(49)] {
            assert!(checked_name("test", bad).is_err(), "{bad}");
        }
    }
}
