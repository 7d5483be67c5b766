//! Settings of the CQL store that finished rows are published to.

use serde::{Deserialize, Serialize};

use crate::exit::Refusal;
use crate::secret_text::SecretText;

/// The longest name of a keyspace (Cassandra and ScyllaDB).
const KEYSPACE_BYTES_MAX: usize = 48;

/// The CQL store, in mode `distributed`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CqlConfig {
    /// Where nodes are first asked; without any, views stay on the machine that makes them.
    pub contact_points: String,
    /// What holds the views of this journal.
    pub keyspace: String,
    /// Copies of each row in each data centre, in a keyspace that is made here.
    pub replication_factor: u8,
    /// The data centre that is asked, and no other; needed where there are several.
    pub data_center: String,
    /// How many copies of a row must have answered.
    pub consistency: Consistency,
    /// Who we are to the store; nobody if empty.
    pub user: String,
    /// Its password.
    pub password: SecretText,
    /// Connections to each node, or to each of its cores.
    pub connections: usize,
    /// Which of the two.
    pub connections_per: ConnectionsPer,
    /// How long a connection may take.
    pub connect_timeout_ms: u64,
    /// How long a read or a write may take.
    pub request_timeout_ms: u64,
    /// A read that takes longer is asked of another node as well.
    pub speculate_after_ms: u64,
    /// Rows of one request that are read at once.
    pub reads_in_flight: usize,
    /// Rows that are written at once.
    pub writes_in_flight: usize,
    /// How often it is asked how far rows are published while a read waits for it.
    pub poll_interval_ms: u64,
    /// How often it is asked while none waits.
    pub idle_poll_interval_ms: u64,
}

/// Copies that must have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Most of them: whoever reads sees what was published.
    LocalQuorum,
    /// Any one: no consistency token can be kept.
    LocalOne,
}

/// What has so many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionsPer {
    /// A node: for Cassandra.
    Node,
    /// A core of a node: for ScyllaDB.
    Shard,
}

impl CqlConfig {
    /// Whether rows are published.
    pub fn is_set(&self) -> bool {
        !self.contact_points.trim().is_empty()
    }

    /// Host and port of each contact point.
    pub fn nodes(&self) -> Vec<String> {
        self.contact_points.split(',').map(|node| node.trim().to_owned()).collect()
    }

    /// What no type can say.
    ///
    /// # Errors
    /// [`Refusal::Configuration`], naming the setting.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let refused = |reason: String| Err(Refusal::Configuration(reason));
        let positive = [
            ("cql.replication_factor", self.replication_factor.into()),
            ("cql.connections", self.connections as u64),
            ("cql.connect_timeout_ms", self.connect_timeout_ms),
            ("cql.request_timeout_ms", self.request_timeout_ms),
            ("cql.reads_in_flight", self.reads_in_flight as u64),
            ("cql.writes_in_flight", self.writes_in_flight as u64),
            ("cql.poll_interval_ms", self.poll_interval_ms),
            ("cql.idle_poll_interval_ms", self.idle_poll_interval_ms),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return refused(format!("{name} must be at least 1"));
        }
        // What is wrong is not shown: it may be an address with a password.
        if self.is_set() && !self.nodes().iter().all(|node| is_host_and_port(node)) {
            let needed = "host:port of nodes, separated by commas, for example 127.0.0.1:9042";
            return refused(format!("cql.contact_points must be {needed}"));
        }
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = self.keyspace.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if !begins || self.keyspace.len() > KEYSPACE_BYTES_MAX || !self.keyspace.bytes().all(is_plain) {
            let most = KEYSPACE_BYTES_MAX - 1;
            return refused(format!("cql.keyspace must be a letter and then at most {most} of a-z, 0-9 and _"));
        }
        if self.user.is_empty() != self.password.is_empty() {
            return refused("cql.user and cql.password are given together, or neither".to_owned());
        }
        Ok(())
    }
}

fn is_host_and_port(node: &str) -> bool {
    let Some((host, port)) = node.rsplit_once(':') else { return false };
    // An IPv6 address stands in brackets.
    let names_a_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
    };
    names_a_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::config::{Config, Overrides};
    use crate::exit::Refusal;

    fn load(text: &str) -> Result<Config, Refusal> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lawless.toml");
        std::fs::write(&file, format!("[cql]\n{text}")).unwrap();
        Config::load(Some(&file), &Overrides::default())
    }

    #[test]
    fn nodes_are_given_by_host_and_port() {
        assert!(!load("").unwrap().cql.is_set());
        for (points, nodes) in [
            ("127.0.0.1:9042", vec!["127.0.0.1:9042"]),
            ("one.example:9042, two.example:19042", vec!["one.example:9042", "two.example:19042"]),
            ("[::1]:9042", vec!["[::1]:9042"]),
        ] {
            let config = load(&format!("contact_points = {points:?}")).unwrap();
            assert!(config.cql.is_set());
            assert_eq!(config.cql.nodes(), nodes);
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_is_shown() {
        for (text, named) in [
            ("contact_points = \"me:hidden@db.example:9042\"", "cql.contact_points"),
            ("contact_points = \"cql://me:hidden@db.example:9042\"", "cql.contact_points"),
            ("contact_points = \"db.example\"", "cql.contact_points"),
            ("contact_points = \":9042\"", "cql.contact_points"),
            ("contact_points = \"::1:9042\"", "cql.contact_points"),
            ("contact_points = \"db.example:0\"", "cql.contact_points"),
            ("contact_points = \"db.example:9042,\"", "cql.contact_points"),
            ("keyspace = \"\"", "cql.keyspace"),
            ("keyspace = \"2a\"", "cql.keyspace"),
            ("keyspace = \"a; DROP KEYSPACE b\"", "cql.keyspace"),
            ("user = \"me\"", "cql.password"),
            ("password = \"hidden\"", "cql.user"),
            ("password = 424242", "cql.password"),
            ("replication_factor = 0", "cql.replication_factor"),
            ("request_timeout_ms = 0", "cql.request_timeout_ms"),
            ("connections_per = \"city\"", "cql.connections_per"),
            ("consistency = \"any\"", "cql.consistency"),
        ] {
            let refused = load(text).unwrap_err().to_string();
            assert!(refused.contains(named), "{text:?} gave {refused}");
            assert!(!refused.contains("hidden") && !refused.contains("424242"), "{refused}");
        }
        let config = load("user = \"me\"\npassword = \"hidden\"").unwrap();
        let shown = format!("{config:?} {}", toml::to_string(&config).unwrap());
        assert!(shown.contains("\"me\"") && !shown.contains("hidden"), "{shown}");
    }
}
