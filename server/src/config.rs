//! Settings: defaults, then a file, then the environment, then the command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized};
use serde::{Deserialize, Serialize};

use crate::cql_config::CqlConfig;
use crate::database_url::DatabaseUrl;
use crate::exit::Refusal;
use crate::secret_table::SecretTable;
use crate::secrets::KeysConfig;
use crate::toml_text::TomlText;

/// Every setting and its default, as shipped.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// All settings. All of it may be printed: keys live in files, and what may hold a password shows none.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which engines.
    pub mode: Mode,
    /// Listeners and their bounds.
    pub server: ServerConfig,
    /// What is kept.
    pub data: DataConfig,
    /// Keys that are given.
    pub keys: KeysConfig,
    /// The journal.
    pub journal: JournalConfig,
    /// What carries its events.
    pub kafka: KafkaConfig,
    /// Who knows their schemas.
    pub schema_registry: SchemaRegistryConfig,
    /// Where finished rows are published.
    pub cql: CqlConfig,
    /// The views.
    pub views: ViewsConfig,
    /// Logs.
    pub log: LogConfig,
    /// The demo directory.
    pub demo: DemoConfig,
    /// Imports.
    pub import: ImportConfig,
}

/// Which engines are behind the ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All in the data folder.
    Embedded,
    /// The journal in PostgreSQL, its events carried by Kafka, finished rows in a CQL store if one is given.
    Distributed,
}

/// Listeners and their bounds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Where the API answers.
    pub listen: SocketAddr,
    /// Where health, metrics and the operator's endpoints answer.
    pub admin_listen: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
    /// Connections at once where health, metrics and the operator's endpoints answer.
    pub max_admin_connections: usize,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams_per_connection: u32,
    /// How long the head of a request may take.
    pub header_read_timeout_ms: u64,
    /// How long the body of a request may take.
    pub body_read_timeout_ms: u64,
    /// How long a client may take nothing of an answer.
    pub unread_answer_timeout_ms: u64,
    /// Bytes of a request's head.
    pub max_header_bytes: usize,
    /// How long open requests may take when the server stops.
    pub drain_deadline_ms: u64,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Everything that is kept lies in here.
    pub folder: PathBuf,
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JournalConfig {
    /// Where the journal of mode `distributed` is.
    pub url: DatabaseUrl,
    /// Commands in one transaction.
    pub max_batch: usize,
    /// Commands that may wait; more are refused for now.
    pub queue: usize,
    /// How long idempotency keys are kept.
    pub key_retention_hours: u64,
    /// Connections that read.
    pub read_connections: u32,
    /// A replica of that database, which histories are read from.
    pub replica_url: DatabaseUrl,
    /// The most that it may be behind.
    pub replica_lag_max_ms: u64,
}

/// What carries the events of the journal to the projectors, in mode `distributed`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Where brokers are first asked.
    pub brokers: String,
    /// Copies of the topic when it is made; 0 for the broker's default.
    pub replication_factor: u16,
    /// Settings of its client, credentials for example.
    pub properties: SecretTable,
}

/// Who knows the schemas of what Kafka carries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaRegistryConfig {
    /// Where it speaks as Confluent's does; none if empty.
    pub url: DatabaseUrl,
}

/// The views.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ViewsConfig {
    /// The most that the views of a group may grow to. It costs address space only.
    pub map_gib: usize,
    /// Events of a batch while close to the head of the journal.
    pub batch_events: usize,
    /// Pending memory that ends a batch while far behind.
    pub catch_up_mib: usize,
    /// How long a read with a consistency token waits.
    pub token_wait_ms: u64,
    /// An answer that may be older than this says so (mode `distributed`).
    pub age_max_ms: u64,
}

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs, one object a line.
    Json,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Shape.
    pub format: LogFormat,
    /// What is logged: a level, and levels of modules.
    pub filter: String,
}

/// The demo directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DemoConfig {
    /// How many businesses.
    pub businesses: u64,
    /// Another seed is another directory.
    pub seed: u64,
    /// Commands at once.
    pub concurrency: usize,
}

/// Imports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImportConfig {
    /// Rows at once.
    pub concurrency: usize,
    /// Bytes of one row.
    pub max_row_bytes: usize,
    /// What a packed file may unpack to.
    pub max_unpacked_gib: u64,
    /// How many times its packed size that may be.
    pub max_unpack_ratio: u64,
    /// How long the import waits for the views at its end.
    pub catch_up_deadline_ms: u64,
}

/// What the command line says; it wins over everything else.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overrides {
    /// `--mode`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// See [`ServerConfig`].
    pub server: ServerOverrides,
    /// See [`DataConfig`].
    pub data: DataOverrides,
    /// See [`LogConfig`].
    pub log: LogOverrides,
    /// See [`ImportConfig`].
    pub import: ImportOverrides,
}

/// See [`ServerConfig`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct ServerOverrides {
    /// `--listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// `--admin-listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_listen: Option<SocketAddr>,
}

/// See [`DataConfig`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct DataOverrides {
    /// `--data`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// See [`LogConfig`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogOverrides {
    /// `--log-format`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
}

/// See [`ImportConfig`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImportOverrides {
    /// `--concurrency`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
}

/// What is wrong, without the values of a wrong type: a password of digits is one.
fn explain(error: figment::Error) -> String {
    let mut lines = Vec::new();
    for mut one in error {
        let (Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected)) = &one.kind else {
            lines.push(one.to_string());
            continue;
        };
        let found = found.to_string();
        let kind = found.split('`').next().unwrap_or_default().trim_end();
        one.kind = Kind::Message(format!("found {kind}, expected {expected}"));
        lines.push(one.to_string());
    }
    lines.join("\n")
}

impl Config {
    /// Reads all sources and checks what they say together.
    ///
    /// # Errors
    /// [`Refusal::Configuration`], naming the setting and where it was set.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, Refusal> {
        let mut figment = Figment::from(TomlText::string(DEFAULTS));
        if let Some(file) = file {
            let text = std::fs::read_to_string(file)
                .map_err(|e| Refusal::Configuration(format!("{} cannot be read: {e}", file.display())))?;
            // Parsed apart from the rest, so that a mistake is reported with its line.
            toml::from_str::<toml::Table>(&text).map_err(|error| {
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                let reason = error.message();
                Refusal::Configuration(format!("{} is not TOML: line {line}: {reason}", file.display()))
            })?;
            figment = figment.merge(TomlText::string(&text));
        }
        let config: Self = figment
            // Only the mode, and names with a section: other tools of the house have variables with this prefix too.
            .merge(Env::prefixed("LAWLESS_").filter(|name| name == "MODE" || name.as_str().contains("__")).split("__"))
            .merge(Serialized::defaults(overrides))
            .extract()
            .map_err(|error| Refusal::Configuration(explain(error)))?;
        config.check()?;
        Ok(config)
    }

    /// What no type can say.
    fn check(&self) -> Result<(), Refusal> {
        let positive = [
            ("server.max_connections", self.server.max_connections as u64),
            ("server.max_admin_connections", self.server.max_admin_connections as u64),
            ("server.max_streams_per_connection", self.server.max_streams_per_connection.into()),
            ("server.header_read_timeout_ms", self.server.header_read_timeout_ms),
            ("server.body_read_timeout_ms", self.server.body_read_timeout_ms),
            ("server.unread_answer_timeout_ms", self.server.unread_answer_timeout_ms),
            ("server.drain_deadline_ms", self.server.drain_deadline_ms),
            ("journal.max_batch", self.journal.max_batch as u64),
            ("journal.queue", self.journal.queue as u64),
            ("journal.key_retention_hours", self.journal.key_retention_hours),
            ("journal.read_connections", self.journal.read_connections.into()),
            ("views.map_gib", self.views.map_gib as u64),
            ("views.batch_events", self.views.batch_events as u64),
            ("views.catch_up_mib", self.views.catch_up_mib as u64),
            ("views.age_max_ms", self.views.age_max_ms),
            ("demo.concurrency", self.demo.concurrency as u64),
            ("import.concurrency", self.import.concurrency as u64),
            ("import.max_row_bytes", self.import.max_row_bytes as u64),
            ("import.max_unpacked_gib", self.import.max_unpacked_gib),
            ("import.max_unpack_ratio", self.import.max_unpack_ratio),
            ("import.catch_up_deadline_ms", self.import.catch_up_deadline_ms),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(Refusal::Configuration(format!("{name} must be at least 1")));
        }
        // hyper refuses a smaller buffer with a panic.
        if self.server.max_header_bytes < 8192 {
            return Err(Refusal::Configuration("server.max_header_bytes must be at least 8192".to_owned()));
        }
        if self.server.listen == self.server.admin_listen && self.server.listen.port() != 0 {
            return Err(Refusal::Configuration("server.listen and server.admin_listen are the same".to_owned()));
        }
        if self.views.map_gib > 64 * 1024 || self.views.catch_up_mib > 1024 * 1024 {
            return Err(Refusal::Configuration("views.map_gib or views.catch_up_mib is beyond any machine".to_owned()));
        }
        if self.import.max_unpacked_gib > 1024 * 1024 {
            return Err(Refusal::Configuration("import.max_unpacked_gib is beyond any machine".to_owned()));
        }
        if self.demo.businesses > 10_000_000 {
            return Err(Refusal::Configuration("demo.businesses must be at most 10000000".to_owned()));
        }
        if self.mode == Mode::Distributed && self.journal.url.is_empty() {
            let needed = "mode = \"distributed\" needs journal.url, for example postgres://lawless@127.0.0.1/lawless";
            return Err(Refusal::Configuration(needed.to_owned()));
        }
        if self.mode == Mode::Distributed && self.kafka.brokers.is_empty() {
            let needed = "mode = \"distributed\" needs kafka.brokers, for example 127.0.0.1:9092";
            return Err(Refusal::Configuration(needed.to_owned()));
        }
        if !self.schema_registry.url.is_empty() && !self.schema_registry.url.as_str().starts_with("http://") {
            // Without TLS an address that asks for it is refused, not reached in the clear.
            let needed =
                "schema_registry.url must begin with http://, for example http://127.0.0.1:8080/apis/ccompat/v7";
            return Err(Refusal::Configuration(needed.to_owned()));
        }
        self.cql.check()?;
        self.keys.check()?;
        crate::logging::filter(&self.log).map_err(|e| Refusal::Configuration(format!("log.filter: {e}")))?;
        Ok(())
    }
}

impl ServerConfig {
    /// See `header_read_timeout_ms`.
    pub fn header_read_timeout(&self) -> Duration {
        Duration::from_millis(self.header_read_timeout_ms)
    }

    /// See `body_read_timeout_ms`.
    pub fn body_read_timeout(&self) -> Duration {
        Duration::from_millis(self.body_read_timeout_ms)
    }

    /// See `unread_answer_timeout_ms`.
    pub fn unread_answer_timeout(&self) -> Duration {
        Duration::from_millis(self.unread_answer_timeout_ms)
    }

    /// See `drain_deadline_ms`.
    pub fn drain_deadline(&self) -> Duration {
        Duration::from_millis(self.drain_deadline_ms)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, Refusal> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lawless.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), &Overrides::default())
    }

    #[test]
    fn defaults_are_valid_and_a_file_changes_them() {
        let defaults = Config::load(None, &Overrides::default()).unwrap();
        assert_eq!(defaults.server.listen.port(), 8080);
        let changed = load("[server]\nlisten = \"127.0.0.1:9\"\n").unwrap();
        assert_eq!(changed.server.listen.port(), 9);
        assert_eq!(changed.demo, defaults.demo);
    }

    #[test]
    fn a_registry_is_reached_in_the_clear_only() {
        let refused =
            load("[schema_registry]\nurl = \"https://me:hidden@registry.example\"\n").unwrap_err().to_string();
        assert!(refused.contains("http://") && !refused.contains("hidden"), "{refused}");
        load("[schema_registry]\nurl = \"http://registry.example/apis/ccompat/v7\"\n").unwrap();
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = load(
            "mode = \"distributed\"\n[journal]\nurl = \"postgres://me:hidden@db.example/lawless\"\n[kafka]\nbrokers = \
                 \"kafka.example:9092\"\nproperties = { \"sasl.password\" = \"hidden\" }\n",
        )
        .unwrap();
        assert_eq!(config.mode, Mode::Distributed);
        assert_eq!(config.journal.url.as_str(), "postgres://me:hidden@db.example/lawless");
        let shown = format!("{config:?} {}", toml::to_string(&config).unwrap());
        assert!(
            shown.contains("db.example") && shown.contains("sasl.password") && !shown.contains("hidden"),
            "{shown}"
        );
    }

    #[test]
    fn a_password_that_is_written_wrong_is_not_shown() {
        for text in [
            "[kafka]\nproperties = { \"sasl.password\" = 424242 }\n",
            "[journal]\nurl = 424242\n",
            "mode = \"distributed\"\n[journal]\nurl = \"postgres://me:424242@db.example/lawless\n",
            "mode = \"distributed\"\n[journal]\nurl = postgres://me:424242@db.example/lawless\n",
        ] {
            let refused = load(text).unwrap_err().to_string();
            assert!(!refused.contains("424242"), "{refused}");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lawless.toml");
        std::fs::write(&file, "[data]\nfolder = \"from-file\"\n").unwrap();
        let data = DataOverrides { folder: Some("from-command-line".into()) };
        let config = Config::load(Some(&file), &Overrides { data, ..Overrides::default() }).unwrap();
        assert_eq!(config.data.folder, PathBuf::from("from-command-line"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("[server]\nlisten = \"nowhere\"", "server.listen"),
            ("[server]\nlistn = \"127.0.0.1:9\"", "listn"),
            ("[serve]\n", "serve"),
            ("[import]\nconcurrency = 0", "import.concurrency"),
            ("[server]\nmax_header_bytes = 1", "server.max_header_bytes"),
            ("[server]\nadmin_listen = \"127.0.0.1:8080\"", "server.admin_listen"),
            ("[log]\nfilter = \"a=b=c\"", "log.filter"),
            ("mode = \"distributed\"", "journal.url"),
            ("mode = \"distributed\"\n[journal]\nurl = \"postgres://db.example/lawless\"", "kafka.brokers"),
            ("mode = \"spread\"", "mode"),
            ("[log\n", "line 1"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text:?} gave {error}");
        }
    }
}
