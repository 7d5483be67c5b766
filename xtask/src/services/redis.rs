//! Redis: one node, without anything on disk. The one that Debian's package would start is neither used nor ended.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::account::Account;
use super::engine::{Container, ContainerPort, Engine, Home, Launch};
use super::identity::Identity;
use super::record::Address;
use super::{packages, ports};

const PROGRAM: &str = "redis-server";
/// What the kernel calls it: Debian's is one file with several names.
const PROGRAMS: [&str; 2] = [PROGRAM, "redis-check-rdb"];
const ENDINGS: [(Signal, Duration); 2] =
    [(Signal::TERM, Duration::from_secs(10)), (Signal::KILL, Duration::from_secs(10))];
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// What was not asked for the longest goes first. Also in `deploy/compose.yaml`.
const MEMORY: &str = "256mb";

/// The engine.
pub(crate) struct Redis;

impl Engine for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn account(&self) -> anyhow::Result<Account> {
        Ok(Account::Own)
    }

    fn prepare(&self, home: &Home) -> anyhow::Result<Launch> {
        packages::need(&[(PROGRAM, PROGRAM)])?;
        for program in PROGRAMS {
            for process in Identity::at_work_in(&home.folder, program)? {
                println!("redis: ending one that was left in {}", home.folder.display());
                process.end(self.endings())?;
            }
        }
        let port = ports::kept(&home.folder.join("port"))?;
        let mut command = home.account.command(Path::new(PROGRAM), home.with_us)?;
        command.current_dir(&home.folder);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"]);
        // Nothing in it is truth: one that comes back with old rows would only have to be emptied.
        command.args(["--save", "", "--appendonly", "no"]);
        command.args(["--maxmemory", MEMORY, "--maxmemory-policy", "allkeys-lru"]);
        Ok(Launch { command, address: address("", &format!("127.0.0.1:{port}")) })
    }

    fn answers(&self, address: &Address) -> anyhow::Result<()> {
        let answer = exchange(address.text(), &["PING"])?;
        ensure!(answer == "+PONG\r\n", "it answers {}", answer.trim());
        Ok(())
    }

    fn endings(&self) -> &'static [(Signal, Duration)] {
        &ENDINGS
    }

    fn may_try_again(&self, log: &str) -> bool {
        log.contains("Address already in use")
    }

    fn container(&self) -> Container {
        Container { port: ContainerPort::Any(6379), password_variable: None, address }
    }
}

fn address(_: &str, reached: &str) -> Address {
    Address::Url(format!("redis://{reached}"))
}

/// A command and its answer, which is a short one.
pub(crate) fn exchange(url: &str, words: &[&str]) -> anyhow::Result<String> {
    let reached = url.strip_prefix("redis://").context("not its address")?;
    let socket = reached.parse().with_context(|| format!("{reached} is not host and port"))?;
    let mut stream = TcpStream::connect_timeout(&socket, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    // Then goodbye, so that the end of the answer is that of the connection.
    stream.write_all(format!("{}\r\nQUIT\r\n", words.join(" ")).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("it does not answer")?;
    Ok(answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned())
}
