//! Apache Kafka: broker and controller in one process, one node.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::account::Account;
use super::engine::{Container, ContainerPort, Engine, Home, Launch};
use super::java::{self, Parcel};
use super::ports;
use super::record::Address;

const PARCEL: Parcel =
    Parcel { pom: "kafka", version: "KAFKA_VERSION", property: "kafka.version", goal: "copy-dependencies" };
const HEAP: &str = "256m";
/// It says goodbye to its controller, which is itself.
const ENDINGS: [(Signal, Duration); 2] =
    [(Signal::TERM, Duration::from_secs(30)), (Signal::KILL, Duration::from_secs(10))];
/// One question and its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// An answer that names one broker and no topic is much shorter.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The engine.
pub(crate) struct Kafka;

impl Engine for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn account(&self) -> anyhow::Result<Account> {
        Ok(Account::Own)
    }

    fn prepare(&self, home: &Home) -> anyhow::Result<Launch> {
        let jars = PARCEL.fetch(&home.downloads)?.join("*");
        java::clear_predecessors(self.name(), &home.folder, self.endings())?;
        let port = ports::kept(&home.folder.join("port"))?;
        let controller = ports::kept(&home.folder.join("controller-port"))?;
        let data = home.folder.join("data");
        if !data.join("meta.properties").exists() {
            make_data(home, &jars, [port, controller], &data)?;
        }
        let properties = home.folder.join("server.properties");
        std::fs::write(&properties, settings([port, controller], &data)).context("writing server.properties")?;
        let mut command = java::program(home, HEAP)?;
        command.args([&format!("-Xms{HEAP}"), "-XX:MaxDirectMemorySize=64m", "-Dlog4j2.level=WARN", "-cp"]);
        command.arg(jars).arg("kafka.Kafka").arg(properties);
        Ok(Launch { command, address: address("", &format!("127.0.0.1:{port}")) })
    }

    fn answers(&self, address: &Address) -> anyhow::Result<()> {
        let metadata = metadata(address.text())?;
        // One that merely listens knows of no broker yet, and another one knows of others.
        let is_in_it = metadata.brokers.iter().any(|broker| broker == address.text());
        ensure!(is_in_it, "it is not yet in its cluster {:?}", metadata.cluster);
        Ok(())
    }

    fn endings(&self) -> &'static [(Signal, Duration)] {
        &ENDINGS
    }

    fn may_try_again(&self, log: &str) -> bool {
        log.contains("Address already in use") || log.contains("Failed to acquire lock on file .lock")
    }

    fn container(&self) -> Container {
        Container { port: ContainerPort::Chosen("KAFKA_PORT"), password_variable: None, address }
    }
}

fn address(_: &str, reached: &str) -> Address {
    Address::Bootstrap(reached.to_owned())
}

/// What `server.properties` says. The replication factors are those of one node; a log cleaner that takes its usual 128 MiB
/// would have half of the memory, and the usual 50 partitions of each internal topic are 50 folders that nobody needs.
fn settings([port, controller]: [u16; 2], data: &Path) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=BROKER://127.0.0.1:{port}\n\
         listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=BROKER\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         log.cleaner.dedupe.buffer.size=16777216\n",
        data.display()
    )
}

/// Makes a folder of data, whole or not at all.
fn make_data(home: &Home, jars: &Path, ports: [u16; 2], data: &Path) -> anyhow::Result<()> {
    println!("kafka: making a cluster in {}", data.display());
    let unfinished = home.folder.join("data.new");
    for left in [data, &unfinished] {
        if left.exists() {
            std::fs::remove_dir_all(left).with_context(|| format!("removing {}", left.display()))?;
        }
    }
    let properties = home.folder.join("format.properties");
    std::fs::write(&properties, settings(ports, &unfinished)).context("writing format.properties")?;
    let mut random = [0; 8];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).context("naming the cluster")?;
    let mut command = java::program(home, HEAP)?;
    command.arg("-cp").arg(jars).args(["kafka.tools.StorageTool", "format", "--config"]).arg(properties);
    // 16 bytes in base64 for names in URLs; these end in zeros.
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let output = command.args(["--cluster-id", &format!("{name}AAAAAA")]).output().context("starting java")?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "Kafka cannot make its data: {}", String::from_utf8_lossy(&said).trim());
    std::fs::rename(unfinished, data).context("moving the data into place")
}

/// What a broker knows of its cluster.
pub(crate) struct Metadata {
    /// Host and port of each.
    pub(crate) brokers: Vec<String>,
    pub(crate) cluster: String,
}

/// Asks a broker for what every client asks first: Metadata, version 2 (<https://kafka.apache.org/protocol>).
pub(crate) fn metadata(address: &str) -> anyhow::Result<Metadata> {
    let socket = address.parse().with_context(|| format!("{address} is not host and port"))?;
    let mut stream = TcpStream::connect_timeout(&socket, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    // Length; key, version, correlation, name of the client, number of topics.
    stream.write_all(b"\0\0\0\x13\0\x03\0\x02\0\0\0\x2a\0\x05xtask\0\0\0\0")?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).context("it does not answer")?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    ensure!(length <= ANSWER_BYTES_MAX, "this is no broker: an answer of {length} bytes");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).context("it does not answer")?;
    Reader(&answer).metadata().context("this is no broker: it answers something else")
}

/// The rest of an answer.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn metadata(mut self) -> Option<Metadata> {
        if self.number()? != 42 {
            return None;
        }
        let mut brokers = Vec::new();
        for _ in 0..self.number()? {
            let _node = self.number()?;
            brokers.push(format!("{}:{}", self.text()?, self.number()?));
            let _rack = self.text()?;
        }
        Some(Metadata { brokers, cluster: self.text()? })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    /// Nothing, which has the length -1, is empty here.
    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.take().map(i16::from_be_bytes)?).unwrap_or_default();
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_cut_one_is_none() {
        let answer = b"\0\0\0\x2a\0\0\0\x01\0\0\0\x01\0\x09127.0.0.1\0\0\x12\x67\xff\xff\0\x03abc\0\0\0\x01\0\0\0\0";
        let metadata = Reader(answer).metadata().unwrap();
        assert_eq!((metadata.brokers, metadata.cluster), (vec!["127.0.0.1:4711".to_owned()], "abc".to_owned()));
        for length in 0..answer.len() - 8 {
            assert!(Reader(&answer[..length]).metadata().is_none(), "{length} bytes");
        }
    }
}
