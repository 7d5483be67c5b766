//! A PostgreSQL server of a test's own, which may be killed, put back to what it was, or followed by a standby.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

use crate::own::OwnEngine;

/// Longer than any server takes; only waited out by a test that fails.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server that starts with this value and ends with it.
pub struct Server {
    engine: OwnEngine,
}

impl Server {
    /// Starts one. Waits until it answers.
    pub fn start() -> Self {
        Self { engine: OwnEngine::start("postgres") }
    }

    /// Starts it again, with what it stored.
    pub fn up(&self) {
        self.engine.up();
    }

    /// How it is reached.
    pub fn url(&self) -> String {
        self.engine.address()
    }

    /// Kills it at once.
    pub fn kill(&self) {
        self.engine.kill();
    }

    /// Executes a statement as its owner; gives the first column as text.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        ask(&self.url(), sql).await
    }

    /// Where its data is. It runs there.
    fn data(&self) -> PathBuf {
        std::fs::read_link(format!("/proc/{}/cwd", self.engine.pid().as_raw_nonzero())).unwrap()
    }

    /// Copies its files while it is ended, as a backup does; started again afterwards.
    pub fn save(&self) -> Saved {
        let data = self.data();
        self.engine.down();
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&data, &copy.path().join("data"));
        self.up();
        Saved { data, copy }
    }

    /// Puts files back in place of those that it has. Started again afterwards.
    pub fn put_back(&self, saved: &Saved) {
        self.engine.down();
        std::fs::remove_dir_all(&saved.data).unwrap();
        copy_folder(&saved.copy.path().join("data"), &saved.data);
        self.up();
    }
}

/// The files of a server at one moment.
pub struct Saved {
    data: PathBuf,
    copy: TempDir,
}

/// With owners and permissions.
fn copy_folder(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "copying {}", from.display());
}

/// A standby that streams from a server, made by `pg_basebackup`. Ended and removed with this value.
pub struct Standby {
    folder: TempDir,
    process: Child,
    port: u16,
    url: String,
}

impl Standby {
    /// Makes one and starts it; it has all that the server has when this returns.
    pub async fn of(server: &Server) -> Self {
        let (url, primary) = (server.url(), server.data());
        let owner = std::fs::metadata(&primary).unwrap();
        let programs = std::fs::read_link(format!("/proc/{}/exe", server.engine.pid().as_raw_nonzero())).unwrap();
        let programs = programs.parent().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        chown(folder.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(folder.path()).uid(owner.uid()).gid(owner.gid());
            command
        };
        // It writes down how the primary is reached, too.
        let arguments = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--pgdata=data"];
        let output = run("pg_basebackup").arg("--dbname").arg(&url).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = run("postgres")
            .args(["-D", "data", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-c", &format!("port={port}"), "-c", "max_connections=200", "-c", "hot_standby=on"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let address = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
        let url = url.replacen(address, &format!("127.0.0.1:{port}"), 1);
        let standby = Self { folder, process, port, url };
        standby.caught_up_with(server).await;
        standby
    }

    /// How it is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of a database of its primary, here.
    pub fn database(&self, url: &str) -> String {
        let address = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
        url.replacen(address, &format!("127.0.0.1:{}", self.port), 1)
    }

    /// Executes a statement; gives the first column as text.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        ask(&self.url, sql).await
    }

    /// Waits until it has what the server has now.
    pub async fn caught_up_with(&self, server: &Server) {
        let end = server.ask("SELECT pg_current_wal_lsn()::text").await.remove(0);
        let has = format!("SELECT (pg_last_wal_replay_lsn() >= '{end}')::text");
        self.until(&has, "true").await;
    }

    /// Takes nothing more from its primary, as if the wire between them were cut.
    pub async fn cut_off(&self) {
        self.ask("ALTER SYSTEM SET primary_conninfo = ''").await;
        self.ask("SELECT pg_reload_conf()::text").await;
        self.until("SELECT count(*)::text FROM pg_stat_wal_receiver", "0").await;
    }

    /// Makes it a server of its own.
    pub async fn promote(&self) {
        self.ask("SELECT pg_promote()::text").await;
        self.until("SELECT pg_is_in_recovery()::text", "false").await;
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::QUIT);
        self.process.wait().unwrap();
    }

    async fn until(&self, question: &str, answer: &str) {
        let started = Instant::now();
        loop {
            let said = try_ask(&self.url, question).await;
            if said.as_ref().is_ok_and(|rows| rows.first().is_some_and(|row| row == answer)) {
                return;
            }
            if started.elapsed() > DEADLINE {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("{question} does not become {answer:?}, but {said:?}\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // Immediately, with its children: nothing of it is needed any more.
        let _ = kill_process(Pid::from_child(&self.process), Signal::QUIT);
        let _ = self.process.wait();
    }
}

async fn ask(url: &str, sql: &str) -> Vec<String> {
    try_ask(url, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn try_ask(url: &str, sql: &str) -> Result<Vec<String>, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let mut connection: PgConnection = options.disable_statement_logging().connect().await?;
    // Some statements refuse to be in a transaction, and give no rows.
    let rows = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
    sqlx::Connection::close(connection).await?;
    rows
}
