//! The server itself is killed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use contracts::database::Database;
use contracts::journal::{append_many, assert_dense, business, read_all};
use event_log::{Journal, PostgresJournal};
use events::EventId;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::wire::Wire;
use super::{DEADLINE, open, until};

const WRITERS: usize = 8;
const KILLS: usize = 3;
const APPENDS_BETWEEN_KILLS: usize = 100;

/// A server of this test's own, kept by `cargo xtask services` in a folder of its own.
struct Server {
    folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server runs as another user.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let server = Self { folder };
        server.services(&["up", "postgres"]);
        server
    }

    /// The program that was built beside this test.
    fn services(&self, arguments: &[&str]) {
        let here = std::env::current_exe().unwrap();
        let xtask: PathBuf = here.parent().and_then(Path::parent).unwrap().join("xtask");
        let output = Command::new(&xtask)
            .arg("services")
            .args(arguments)
            .env("CARGO_TARGET_DIR", self.folder.path())
            .env("LAWLESS_SERVICES", "native")
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}; cargo build --profile ci -p xtask", xtask.display()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn record(&self) -> toml::Table {
        let text = std::fs::read_to_string(self.folder.path().join("services/services.toml")).unwrap();
        text.parse::<toml::Table>().unwrap()["postgres"].as_table().unwrap().clone()
    }

    fn url(&self) -> String {
        self.record()["url"].as_str().unwrap().to_owned()
    }

    fn kill(&self) {
        let pid = self.record()["runs_as"]["process"]["pid"].as_integer().unwrap();
        kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.services(&["down", "postgres", "--wipe"]);
    }
}

/// Killed under load and started again, three times: the same journal object goes on, every command is answered, what
/// was acknowledged is there, once and where it was said to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_and_doubles_nothing() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let database = Database::at(&server.url()).await;
    PostgresJournal::migrate(&database.url).await.unwrap();
    let wire = Wire::to(&database.url).await;
    let journal = open(&wire.through(&database.url)).await;

    let load = Arc::new(Load::default());
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write(journal.clone(), Arc::clone(&load)))).collect();
    let mut server = server;
    for kill in 1..=KILLS {
        until("progress", || load.done.load(Ordering::SeqCst) >= kill * APPENDS_BETWEEN_KILLS).await;
        server = tokio::task::spawn_blocking(move || {
            server.kill();
            server.services(&["up", "postgres"]);
            server
        })
        .await
        .unwrap();
        wire.lead_to(&server.url());
    }
    load.enough.store(true, Ordering::SeqCst);
    for writer in writers {
        tokio::time::timeout(DEADLINE, writer).await.unwrap().unwrap();
    }

    let stored = read_all(&journal.feed()).await;
    assert_dense(&stored);
    let acknowledged = std::mem::take(&mut *load.acknowledged.lock().unwrap());
    assert_eq!(stored.len(), acknowledged.len(), "stored and acknowledged");
    for event in &stored {
        assert_eq!(acknowledged.get(&event.header.event_id), Some(&event.position.0));
    }
    drop(database);
    tokio::task::spawn_blocking(move || drop(server)).await.unwrap();
}

#[derive(Default)]
struct Load {
    done: AtomicUsize,
    enough: AtomicBool,
    /// Where each event was said to be.
    acknowledged: Mutex<HashMap<EventId, u64>>,
}

async fn write(journal: PostgresJournal, load: Arc<Load>) {
    let (stream, mut version) = (business(), 0);
    while !load.enough.load(Ordering::SeqCst) {
        let append = append_many(stream, version, 2);
        let ids: Vec<EventId> = append.events.iter().map(|event| event.event_id).collect();
        let appended = journal.append(append).await.unwrap();
        assert!(!appended.replayed);
        version = appended.version.0;
        load.acknowledged.lock().unwrap().extend(ids.into_iter().zip(appended.first.0..));
        load.done.fetch_add(1, Ordering::SeqCst);
    }
}
