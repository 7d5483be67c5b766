//! An engine of a test's own, to be killed, stopped and started again without harm to others.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::services;

/// Longer than it takes any process to notice that it was stopped.
const STANDS_WITHIN: Duration = Duration::from_secs(10);

/// An engine that `cargo xtask services` keeps in a folder of its own, from what was downloaded for all. It ends with this
/// value. Everything here waits: an async test does it on a thread that may.
pub struct OwnEngine {
    name: &'static str,
    folder: TempDir,
}

impl OwnEngine {
    /// Starts one and waits until it answers: `postgres`, `kafka`, `registry`, `cassandra` or `redis`.
    pub fn start(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It may run as another user.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let engine = Self { name, folder };
        engine.up();
        engine
    }

    /// Starts it again after its end, where it was and with what it stored; waits until it answers.
    pub fn up(&self) {
        self.services(&["up", self.name]);
    }

    /// Asks it to end, and waits for that.
    pub fn down(&self) {
        self.services(&["down", self.name]);
    }

    /// Its URL; of Kafka and Cassandra, host and port. The same until the end of this value, unless somebody took its port while it was
    /// not there.
    pub fn address(&self) -> String {
        let record = self.record();
        ["url", "bootstrap"].iter().find_map(|key| record.get(*key)?.as_str()).unwrap().to_owned()
    }

    /// Ends it without a word, by SIGKILL. It may take a moment until it is gone; [`Self::up`] waits for that.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Holds it: its connections stay, and it answers nothing. Returns once all its threads stand.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        let begun = Instant::now();
        // The signal takes a moment to get to all of them; one that runs still may answer.
        while !stands(self.pid()) {
            assert!(begun.elapsed() < STANDS_WITHIN, "it does not stand");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        let pid = self.record()["runs_as"]["process"]["pid"].as_integer().unwrap();
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn record(&self) -> toml::Table {
        let text = std::fs::read_to_string(self.folder.path().join("services/services.toml")).unwrap();
        text.parse::<toml::Table>().unwrap()[self.name].as_table().unwrap().clone()
    }

    /// The program that was built beside this one. Tests lie in `deps`.
    fn services(&self, arguments: &[&str]) {
        let here = std::env::current_exe().unwrap();
        let folder = here.parent().unwrap();
        let xtask = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder }.join("xtask");
        let output = Command::new(&xtask)
            .arg("services")
            .args(arguments)
            .env("CARGO_TARGET_DIR", self.folder.path())
            .env("LAWLESS_SERVICES_DOWNLOADS", services::downloads())
            .env("LAWLESS_SERVICES", "native")
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}; cargo build --profile ci -p xtask", xtask.display()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Whether every thread of a process is stopped.
fn stands(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
    threads.flatten().all(|thread| {
        // The state stands behind the name, which is in brackets. A thread that has ended meanwhile stands, too.
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, behind)| behind.starts_with('T'))
    })
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        self.services(&["down", self.name, "--wipe"]);
    }
}
