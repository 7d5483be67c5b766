//! Apicurio Registry, which speaks as Confluent's does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;

use super::account::Account;
use super::engine::{Container, ContainerPort, Engine, Home, Launch};
use super::java::{self, Parcel};
use super::ports;
use super::record::Address;
use super::versions::version;

const VERSION: &str = "REGISTRY_VERSION";
const PARCEL: Parcel =
    Parcel { pom: "registry", version: VERSION, property: "registry.version", goal: "unpack-dependencies" };
const HEAP: &str = "256m";
const ENDINGS: [(Signal, Duration); 2] =
    [(Signal::TERM, Duration::from_secs(20)), (Signal::KILL, Duration::from_secs(10))];
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Where it speaks as Confluent's does.
const PATH: &str = "/apis/ccompat/v7";

/// The engine.
pub(crate) struct Registry;

impl Engine for Registry {
    fn name(&self) -> &'static str {
        "registry"
    }

    fn account(&self) -> anyhow::Result<Account> {
        Ok(Account::Own)
    }

    fn prepare(&self, home: &Home) -> anyhow::Result<Launch> {
        let program = PARCEL.fetch(&home.downloads)?;
        let program = program.join(format!("apicurio-registry-app-{}-runner.jar", version(VERSION)?));
        java::clear_predecessors(self.name(), &home.folder, self.endings())?;
        let port = ports::kept(&home.folder.join("port"))?;
        let mut command = java::program(home, HEAP)?;
        // In a file, at once: a registry that forgets gives the same ids to other schemas.
        command.env(
            "REGISTRY_DATASOURCE_URL",
            format!("jdbc:h2:file:{}/data/registry;WRITE_DELAY=0", home.folder.display()),
        );
        command.args(["-Dquarkus.http.host=127.0.0.1", &format!("-Dquarkus.http.port={port}")]);
        command.args(["-Dquarkus.datasource.jdbc.initial-size=1", "-Dquarkus.datasource.jdbc.min-size=1"]);
        command.arg("-jar").arg(program);
        Ok(Launch { command, address: address("", &format!("127.0.0.1:{port}")) })
    }

    fn answers(&self, address: &Address) -> anyhow::Result<()> {
        let subjects = exchange(address.text(), "GET", "/subjects", "")?;
        if subjects.starts_with('[') {
            Ok(())
        } else {
            bail!("it does not list its subjects, but says {subjects:.200}")
        }
    }

    fn endings(&self) -> &'static [(Signal, Duration)] {
        &ENDINGS
    }

    fn may_try_again(&self, log: &str) -> bool {
        log.contains("already bound") || log.contains("Database may be already in use")
    }

    fn container(&self) -> Container {
        Container { port: ContainerPort::Any(8080), password_variable: None, address }
    }
}

fn address(_: &str, reached: &str) -> Address {
    Address::Url(format!("http://{reached}{PATH}"))
}

/// The body of a successful answer.
pub(crate) fn exchange(url: &str, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
    let reached = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix(PATH)).context("not its address")?;
    let socket = reached.parse().with_context(|| format!("{reached} is not host and port"))?;
    let mut stream = TcpStream::connect_timeout(&socket, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    // Of this version, so that the answer comes in one piece and its end is that of the connection.
    let length = body.len();
    let request = format!(
        "{method} {PATH}{path} HTTP/1.0\r\nHost: {reached}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("it does not answer")?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("this is no registry: it does not speak HTTP")?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if status == "200" { Ok(body.to_owned()) } else { bail!("it answers {status}") }
}
