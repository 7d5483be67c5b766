//! Tests with a real engine, in a folder of their own.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::cassandra::Cassandra;
use super::cql::Connection;
use super::identity::Identity;
use super::kafka::{Kafka, metadata};
use super::postgres::Postgres;
use super::record::{self, Records, RunsAs};
use super::redis::{self, Redis};
use super::registry::{Registry, exchange};
use super::{Engine, Services, beside};

const POSTGRES: &dyn Engine = &Postgres;
const KAFKA: &dyn Engine = &Kafka;
const REGISTRY: &dyn Engine = &Registry;
const CASSANDRA: &dyn Engine = &Cassandra;
const REDIS: &dyn Engine = &Redis;
const DEADLINE: Duration = Duration::from_secs(60);

/// Ends what a test that failed left.
struct Place {
    services: Services,
    engine: &'static dyn Engine,
    _folder: TempDir,
}

fn place(engine: &'static dyn Engine) -> Place {
    let folder = tempfile::tempdir().unwrap();
    // The engine runs as another user.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let downloads = Services::of_workspace().downloads;
    let services = Services { folder: folder.path().join("services"), downloads, docker: false };
    Place { services, engine, _folder: folder }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.services.down(&[self.engine], true).unwrap();
    }
}

impl Place {
    /// How many were started.
    fn up(&self) -> usize {
        let mut started = Vec::new();
        beside::up(&self.services, &[self.engine], false, &mut started).unwrap();
        started.len()
    }

    fn records(&self) -> Records {
        record::read(&self.services.folder).unwrap()
    }

    fn address(&self) -> String {
        self.records()[self.engine.name()].address.text().to_owned()
    }

    fn process(&self) -> Identity {
        match &self.records()[self.engine.name()].runs_as {
            RunsAs::Process(process) => process.clone(),
            RunsAs::Container => panic!("no container was asked for"),
        }
    }

    /// Whether it runs and answers.
    fn answers(&self) -> bool {
        let records = self.records();
        records.get(self.engine.name()).is_some_and(|record| self.engine.answers(&record.address).is_ok())
    }

    /// Sends a signal to the server.
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.process().pid).unwrap(), signal).unwrap();
    }

    fn sql(&self, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql, &self.address()])
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

fn up_twice_is_one_server_and_down_ends_it(engine: &'static dyn Engine) {
    let place = place(engine);
    assert!(!place.services.status().unwrap());
    assert_eq!(place.up(), 1);
    let process = place.process();
    assert_eq!(place.up(), 0, "only what was started is told");
    assert_eq!(place.process(), process);
    assert!(place.answers());
    place.services.down(&[engine], false).unwrap();
    assert!(!process.is_alive());
    assert_eq!(place.records(), Records::new());
    assert!(!place.services.status().unwrap());
}

#[test]
fn postgres_up_twice_is_one_server_and_down_ends_it() {
    up_twice_is_one_server_and_down_ends_it(POSTGRES);
}

#[test]
fn kafka_up_twice_is_one_server_and_down_ends_it() {
    up_twice_is_one_server_and_down_ends_it(KAFKA);
}

#[test]
fn registry_up_twice_is_one_server_and_down_ends_it() {
    up_twice_is_one_server_and_down_ends_it(REGISTRY);
}

#[test]
fn cassandra_up_twice_is_one_server_and_down_ends_it() {
    up_twice_is_one_server_and_down_ends_it(CASSANDRA);
}

#[test]
fn redis_up_twice_is_one_server_and_down_ends_it() {
    up_twice_is_one_server_and_down_ends_it(REDIS);
}

/// Killed, waited for, and started again; then killed and started at once, while it still dies. It is where it was, with
/// what it had.
fn a_killed_server_is_followed_by_another(place: &Place, what_it_has: impl Fn() -> String) {
    let (address, had) = (place.address(), what_it_has());
    let killed = place.process();
    place.signal(Signal::KILL);
    ended(&killed);
    assert!(!place.answers());
    place.up();
    assert_ne!(place.process(), killed);
    assert_eq!((place.address(), what_it_has()), (address.clone(), had.clone()));
    place.signal(Signal::KILL);
    place.up();
    assert_eq!((place.address(), what_it_has()), (address, had));
}

#[test]
fn a_postgres_that_was_killed_is_followed_by_another_with_the_same_data() {
    let place = place(POSTGRES);
    place.up();
    place.sql("CREATE TABLE kept AS SELECT 4711 AS number");
    a_killed_server_is_followed_by_another(&place, || place.sql("SELECT number FROM kept"));
}

#[test]
fn a_kafka_that_was_killed_is_followed_by_another_of_the_same_cluster() {
    let place = place(KAFKA);
    place.up();
    a_killed_server_is_followed_by_another(&place, || metadata(&place.address()).unwrap().cluster);
}

#[test]
fn a_registry_that_was_killed_is_followed_by_another_with_the_same_schemas() {
    let place = place(REGISTRY);
    place.up();
    let schema = r#"{"schema":"{\"type\":\"record\",\"name\":\"Kept\",\"fields\":[]}"}"#;
    exchange(&place.address(), "POST", "/subjects/Kept/versions", schema).unwrap();
    a_killed_server_is_followed_by_another(&place, || {
        let kept = exchange(&place.address(), "GET", "/subjects/Kept/versions/1", "").unwrap();
        assert!(kept.contains("Kept"), "{kept}");
        kept
    });
}

#[test]
fn a_cassandra_that_was_killed_is_followed_by_another_with_the_same_rows() {
    let place = place(CASSANDRA);
    place.up();
    let ask = |statement: &str| Connection::open(&place.address()).unwrap().value(statement).unwrap();
    ask("CREATE KEYSPACE kept WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    ask("CREATE TABLE kept.kept (id int PRIMARY KEY, text text)");
    // Acknowledged, then killed at once.
    ask("INSERT INTO kept.kept (id, text) VALUES (1, '4711')");
    a_killed_server_is_followed_by_another(&place, || {
        let kept = ask("SELECT text FROM kept.kept WHERE id = 1").unwrap();
        assert_eq!(kept, b"4711");
        String::from_utf8(kept).unwrap()
    });
}

#[test]
fn a_redis_that_was_killed_is_followed_by_an_empty_one() {
    let place = place(REDIS);
    place.up();
    redis::exchange(&place.address(), &["SET", "kept", "4711"]).unwrap();
    assert!(redis::exchange(&place.address(), &["GET", "kept"]).unwrap().contains("4711"));
    place.services.down(&[REDIS], false).unwrap();
    place.up();
    a_killed_server_is_followed_by_another(&place, || redis::exchange(&place.address(), &["GET", "kept"]).unwrap());
    assert_eq!(redis::exchange(&place.address(), &["GET", "kept"]).unwrap(), "$-1\r\n");
}

fn a_server_that_nobody_wrote_down_is_ended_before_another_starts(engine: &'static dyn Engine) {
    let place = place(engine);
    place.up();
    let forgotten = place.process();
    std::fs::remove_file(record::file(&place.services.folder)).unwrap();
    place.up();
    assert!(!forgotten.is_alive());
    assert!(place.answers());
}

#[test]
fn a_postgres_that_nobody_wrote_down_is_ended_before_another_starts() {
    a_server_that_nobody_wrote_down_is_ended_before_another_starts(POSTGRES);
}

#[test]
fn a_kafka_that_nobody_wrote_down_is_ended_before_another_starts() {
    a_server_that_nobody_wrote_down_is_ended_before_another_starts(KAFKA);
}

#[test]
fn a_cassandra_that_nobody_wrote_down_is_ended_before_another_starts() {
    a_server_that_nobody_wrote_down_is_ended_before_another_starts(CASSANDRA);
}

#[test]
fn a_redis_that_nobody_wrote_down_is_ended_before_another_starts() {
    a_server_that_nobody_wrote_down_is_ended_before_another_starts(REDIS);
}

/// The kernel ends the engine with the thread that started it, which here is not the last one of its process.
fn a_lent_server_ends_with_whoever_borrowed_it_also_without_a_word(engine: &'static dyn Engine) {
    let place = place(engine);
    let services = place.services.clone();
    std::thread::spawn(move || {
        beside::up(&services, &[engine], true, &mut Vec::new()).unwrap();
        // Not with the thread that prepared it, which is gone.
        assert!(engine.answers(&record::read(&services.folder).unwrap()[engine.name()].address).is_ok());
    })
    .join()
    .unwrap();
    ended(&place.process());
}

#[test]
fn a_lent_postgres_ends_with_whoever_borrowed_it_also_without_a_word() {
    a_lent_server_ends_with_whoever_borrowed_it_also_without_a_word(POSTGRES);
}

#[test]
fn a_lent_kafka_ends_with_whoever_borrowed_it_also_without_a_word() {
    a_lent_server_ends_with_whoever_borrowed_it_also_without_a_word(KAFKA);
}

/// The other two run, and are told to have been started, so that they can be ended.
#[test]
fn an_engine_that_cannot_start_harms_no_other() {
    let place = place(POSTGRES);
    std::fs::create_dir_all(place.services.folder.join("kafka/data/meta.properties")).unwrap();
    let mut started = Vec::new();
    let error = beside::up(&place.services, &[KAFKA, POSTGRES], false, &mut started).unwrap_err();
    assert!(format!("{error:#}").contains("kafka does not start"), "{error:#}");
    assert_eq!(started.iter().map(|engine| engine.name()).collect::<Vec<_>>(), ["postgres"]);
    assert!(place.answers());
}
