//! Tests with a real engine, in a folder of their own.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::identity::Identity;
use super::postgres::Postgres;
use super::record::{self, Records, RunsAs};
use super::{Engine, Services};

const POSTGRES: &dyn Engine = &Postgres;
const DEADLINE: Duration = Duration::from_secs(60);

/// Ends what a test that failed left.
struct Place {
    services: Services,
    _folder: TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    // The engine runs as another user.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    Place { services: Services { folder: folder.path().join("services"), docker: false }, _folder: folder }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.services.down(&[POSTGRES], true).unwrap();
    }
}

impl Place {
    fn records(&self) -> Records {
        record::read(&self.services.folder).unwrap()
    }

    fn process(&self) -> Identity {
        match &self.records()["postgres"].runs_as {
            RunsAs::Process(process) => process.clone(),
            RunsAs::Container => panic!("no container was asked for"),
        }
    }

    /// Sends a signal to the server and waits for its end.
    fn signal(&self, signal: Signal) {
        let process = self.process();
        kill_process(Pid::from_raw(process.pid).unwrap(), signal).unwrap();
        ended(&process);
    }

    fn sql(&self, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql, &self.records()["postgres"].url])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

fn ended(process: &Identity) {
    let deadline = Instant::now() + DEADLINE;
    while process.is_alive() {
        assert!(Instant::now() < deadline, "process {} goes on", process.pid);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn up_twice_is_one_server_and_down_ends_it() {
    let place = place();
    assert!(!place.services.status().unwrap());
    assert_eq!(place.services.up(&[POSTGRES], false).unwrap().len(), 1);
    let process = place.process();
    assert_eq!(place.services.up(&[POSTGRES], false).unwrap().len(), 0, "only what was started is told");
    assert_eq!(place.process(), process);
    assert!(place.services.status().unwrap());
    place.services.down(&[POSTGRES], false).unwrap();
    assert!(!process.is_alive());
    assert_eq!(place.records(), Records::new());
    assert!(!place.services.status().unwrap());
}

#[test]
fn a_server_that_was_killed_is_followed_by_another_with_the_same_data() {
    let place = place();
    place.services.up(&[POSTGRES], false).unwrap();
    place.sql("CREATE TABLE kept AS SELECT 4711 AS number");
    let killed = place.process();
    place.signal(Signal::KILL);
    assert!(!place.services.status().unwrap());
    place.services.up(&[POSTGRES], false).unwrap();
    assert_ne!(place.process(), killed);
    assert_eq!(place.sql("SELECT number FROM kept"), "4711");
    // At once: while it dies it is still there, and its children live a little longer.
    kill_process(Pid::from_raw(place.process().pid).unwrap(), Signal::KILL).unwrap();
    place.services.up(&[POSTGRES], false).unwrap();
    assert_eq!(place.sql("SELECT number FROM kept"), "4711");
}

#[test]
fn a_server_that_nobody_wrote_down_is_ended_before_another_starts() {
    let place = place();
    place.services.up(&[POSTGRES], false).unwrap();
    let forgotten = place.process();
    std::fs::remove_file(record::file(&place.services.folder)).unwrap();
    place.services.up(&[POSTGRES], false).unwrap();
    assert!(!forgotten.is_alive());
    assert!(place.services.status().unwrap());
}

/// The kernel ends the engine with the thread that started it, which here is not the last one of its process.
#[test]
fn a_lent_server_ends_with_whoever_borrowed_it_also_without_a_word() {
    let place = place();
    let services = place.services.clone();
    std::thread::spawn(move || services.up(&[POSTGRES], true).unwrap()).join().unwrap();
    ended(&place.process());
}
