//! Apache Cassandra: the CQL store, one node.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::account::Account;
use super::cql::Connection;
use super::engine::{Container, ContainerPort, Engine, Home, Launch};
use super::java::{self, Parcel};
use super::ports;
use super::record::Address;

const PARCEL: Parcel =
    Parcel { pom: "cassandra", version: "CASSANDRA_VERSION", property: "cassandra.version", goal: "copy-dependencies" };
const HEAP: &str = "512m";
/// It writes its memory down first.
const ENDINGS: [(Signal, Duration); 2] =
    [(Signal::TERM, Duration::from_secs(30)), (Signal::KILL, Duration::from_secs(10))];
/// What its inner parts take from Java's own, which Java gives to nobody who does not ask.
const EXPORTS: [&str; 8] = [
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/java.lang.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
];
const OPENS: [&str; 19] = [
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.math",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
    "java.rmi/sun.rmi.transport.tcp",
];
const LOGGING: &str = r#"<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date %-5level [%thread] %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"#;

/// The engine.
pub(crate) struct Cassandra;

impl Engine for Cassandra {
    fn name(&self) -> &'static str {
        "cassandra"
    }

    fn account(&self) -> anyhow::Result<Account> {
        // Only its shell script refuses root.
        Ok(Account::Own)
    }

    fn prepare(&self, home: &Home) -> anyhow::Result<Launch> {
        let jars = PARCEL.fetch(&home.downloads)?;
        // Two on the same files would not notice each other.
        java::clear_predecessors(self.name(), &home.folder, self.endings())?;
        let port = ports::kept(&home.folder.join("port"))?;
        let storage_port = ports::kept(&home.folder.join("storage-port"))?;
        let (settings, logging) = (home.folder.join("cassandra.yaml"), home.folder.join("logback.xml"));
        std::fs::write(&settings, self::settings([port, storage_port])).context("writing cassandra.yaml")?;
        std::fs::write(&logging, LOGGING).context("writing logback.xml")?;
        let mut command = java::program(home, HEAP)?;
        command.args([&format!("-Xms{HEAP}"), "-Xss256k", "-XX:MaxDirectMemorySize=128m"]);
        command.arg(format!("-javaagent:{}", agent(&jars)?.display()));
        command.args(EXPORTS.iter().map(|part| format!("--add-exports={part}=ALL-UNNAMED")));
        command.args(OPENS.iter().map(|part| format!("--add-opens={part}=ALL-UNNAMED")));
        command.args([
            format!("-Dcassandra.config=file://{}", settings.display()),
            format!("-Dlogback.configurationFile={}", logging.display()),
            format!("-Dcassandra.storagedir={}", home.folder.join("data").display()),
        ]);
        // There are no others whose gossip could be waited for.
        command.args(["-Dcassandra.ring_delay_ms=0", "-Dcassandra.skip_wait_for_gossip_to_settle=0"]);
        command.args(["-Dcassandra-foreground=yes", "-Djdk.attach.allowAttachSelf=true", "-cp"]);
        command.arg(jars.join("*")).arg("org.apache.cassandra.service.CassandraDaemon");
        Ok(Launch { command, address: address("", &format!("127.0.0.1:{port}")) })
    }

    fn answers(&self, address: &Address) -> anyhow::Result<()> {
        let state = Connection::open(address.text())?.value("SELECT bootstrapped FROM system.local")?;
        ensure!(state.as_deref() == Some(b"COMPLETED"), "it has not yet joined its cluster");
        Ok(())
    }

    fn endings(&self) -> &'static [(Signal, Duration)] {
        &ENDINGS
    }

    fn may_try_again(&self, log: &str) -> bool {
        ["Address already in use", "is in use by another process", "Failed to bind port"]
            .iter()
            .any(|said| log.contains(said))
    }

    fn container(&self) -> Container {
        Container { port: ContainerPort::Chosen("CASSANDRA_PORT"), password_variable: None, address }
    }
}

fn address(_: &str, reached: &str) -> Address {
    Address::Bootstrap(reached.to_owned())
}

/// What `cassandra.yaml` says. `batch`: a write is acknowledged when it is on disk, so that a kill loses nothing. Memory is
/// that of a small machine; the usual segments of 32 MiB would each be written whole at the start.
fn settings([port, storage_port]: [u16; 2]) -> String {
    format!(
        "cluster_name: lawless\n\
         num_tokens: 1\n\
         partitioner: org.apache.cassandra.dht.Murmur3Partitioner\n\
         commitlog_sync: batch\n\
         commitlog_segment_size: 8MiB\n\
         commitlog_total_space: 256MiB\n\
         endpoint_snitch: SimpleSnitch\n\
         seed_provider:\n\
         - class_name: org.apache.cassandra.locator.SimpleSeedProvider\n  \
           parameters:\n  \
           - seeds: \"127.0.0.1:{storage_port}\"\n\
         listen_address: 127.0.0.1\n\
         rpc_address: 127.0.0.1\n\
         native_transport_port: {port}\n\
         storage_port: {storage_port}\n\
         start_native_transport: true\n\
         authenticator: AllowAllAuthenticator\n\
         authorizer: AllowAllAuthorizer\n\
         role_manager: CassandraRoleManager\n\
         memtable_heap_space: 96MiB\n\
         memtable_allocation_type: heap_buffers\n\
         file_cache_size: 32MiB\n\
         networking_cache_size: 16MiB\n\
         auto_snapshot: false\n\
         storage_compatibility_mode: NONE\n"
    )
}

/// What measures its objects, and must be loaded before anything else.
fn agent(jars: &Path) -> anyhow::Result<PathBuf> {
    let is_agent = |entry: &DirEntry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with("jamm-") && name.ends_with(".jar"))
    };
    let entries = std::fs::read_dir(jars).with_context(|| format!("reading {}", jars.display()))?;
    let found = entries.filter_map(Result::ok).find(is_agent);
    found.map(|entry| entry.path()).with_context(|| format!("{} has no jamm", jars.display()))
}
