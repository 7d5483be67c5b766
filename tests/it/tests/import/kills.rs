//! An import is killed at any moment, and run again.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::fixture::{REJECTED, collection};
use crate::shops::{import_shops, shops, succeeded, told};
use crate::{Summary, import, registrations, summary};

/// Kills an import once its write-ahead log has this many bytes; how many rows were in then.
async fn killed_at(folder: &Path, file: &Path, bytes: u64) -> u64 {
    let mut running = import(folder, file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let written = || std::fs::metadata(folder.join("data/journal.sqlite-wal")).map_or(0, |file| file.len());
    while written() < bytes && running.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running.kill().await.unwrap();
    registrations(folder).await.len() as u64
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_without_doubling() {
    const ROWS: u64 = 6_000;
    let rejected: u64 = REJECTED.iter().map(|(_, count)| count).sum();
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("many.geojson");
    std::fs::write(&file, collection(ROWS)).unwrap();

    // Categories come first and rows in large batches: the first kill that finds some rows, and not all, counts.
    let mut killed = None;
    for megabytes in 1..12 {
        let folder = parent.path().join(megabytes.to_string());
        std::fs::create_dir(&folder).unwrap();
        let before = killed_at(&folder, &file, megabytes * 1_000_000).await;
        if before > 0 && before < ROWS - rejected {
            killed = Some((folder, before));
            break;
        }
    }
    let (folder, before) = killed.expect("one of the kills comes midway");

    let resumed = summary(&import(&folder, &file).output().await.unwrap());
    assert_eq!(resumed, Summary { new: ROWS - rejected - before, changed: 0, unchanged: before, rejected });
    let counts = registrations(&folder).await;
    assert_eq!(counts.len() as u64, ROWS - rejected);
    assert!(counts.values().all(|count| *count == 1), "a row was registered twice");
}

/// Starts the import of a file and kills it after this long. Whether it was still at it.
async fn killed_after(folder: &Path, file: &Path, wait: Duration) -> bool {
    let mut running = import_shops(folder, file, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let was_running = tokio::time::timeout(wait, running.wait()).await.is_err();
    running.kill().await.unwrap();
    was_running
}

/// Files in turn, each killed at a random moment: what the next whole run leaves is exactly its file.
#[tokio::test]
async fn whenever_it_is_killed_the_next_run_makes_exactly_the_file_and_a_third_changes_nothing() {
    const SHOPS: u64 = 800;
    let rounds = if std::env::var_os("LAWLESS_LONG").is_some() { 50 } else { 2 };
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let folder = tempfile::tempdir().unwrap();
    // How long a whole run takes here: the kills are spread over that.
    let mut whole = Duration::from_secs(1);
    let mut kills = 0;
    for round in 0..rounds {
        // Every round adds rows, renames some, and leaves out one of those before.
        let count = SHOPS + round * 100;
        let file: PathBuf = shops(folder.path(), &format!("{round}.csv"), count, |id| match id {
            id if id % 50 == 0 && id / 50 <= round + 1 => None,
            id if id % 7 == round % 7 => Some(json!({"name": format!("Shop {id} of {round}")})),
            _ => Some(json!({})),
        });
        let wait = whole.mul_f64(random.random_range(0.05..0.95));
        kills += u64::from(killed_after(folder.path(), &file, wait).await);
        let started = std::time::Instant::now();
        succeeded(&import_shops(folder.path(), &file, &[]).output().await.unwrap());
        whole = started.elapsed();

        let registered = registrations(folder.path()).await;
        let left_out = |id: u64| id.is_multiple_of(50) && id / 50 <= round + 1;
        let missing: Vec<u64> =
            (1..=count).filter(|id| !left_out(*id) && !registered.contains_key(&id.to_string())).collect();
        assert!(missing.is_empty(), "round {round}: {missing:?} are not there");
        assert!(registered.values().all(|times| *times == 1), "round {round}: a row was registered twice");
        let said = succeeded(&import_shops(folder.path(), &file, &[]).output().await.unwrap());
        let open = (1..=count).filter(|id| !left_out(*id)).count();
        let nothing = format!("accepted {open}: 0 new, 0 changed, {open} unchanged");
        assert!(said.contains(&nothing), "round {round}: {said}");
        assert!(told(folder.path()).is_empty(), "round {round}: {:?}", told(folder.path()));
    }
    assert!(kills * 2 >= rounds, "{kills} of {rounds} kills came while the import ran");
}

/// Needs engines.
mod distributed {
    use std::collections::HashMap;

    use contracts::database::Database;
    use contracts::services;
    use event_log::{PostgresJournal, PostgresJournalOptions};
    use tokio::process::Command;

    use super::*;
    use crate::registrations_in;

    async fn registered(database: &Database) -> HashMap<String, u64> {
        let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap();
        let counts = registrations_in(&journal.feed()).await;
        journal.close().await;
        counts
    }

    #[tokio::test]
    async fn an_import_that_was_killed_goes_on_without_doubling() {
        const ROWS: u64 = 3_000;
        let rejected: u64 = REJECTED.iter().map(|(_, count)| count).sum();
        // Given: an import into PostgreSQL that is killed once some rows are in.
        let (folder, database) = (tempfile::tempdir().unwrap(), Database::new().await);
        let file = folder.path().join("many.geojson");
        std::fs::write(&file, collection(ROWS)).unwrap();
        let settings = folder.path().join("lawless.toml");
        let (url, brokers) = (&database.url, services::kafka());
        let text = format!("mode = \"distributed\"\n[journal]\nurl = \"{url}\"\n[kafka]\nbrokers = \"{brokers}\"\n");
        std::fs::write(&settings, text).unwrap();
        let lawless = || Command::new(it::lawless().unwrap());
        let migrated = lawless().arg("migrate").arg("--config").arg(&settings).output().await.unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let import = || {
            let mut import = import(folder.path(), &file);
            import.arg("--config").arg(&settings);
            import
        };
        let mut running = import().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let journal = PostgresJournal::open(&database.url, PostgresJournalOptions::default()).await.unwrap();
        while event_log::EventFeed::head(&journal.feed()).await.unwrap().0 < ROWS / 3 {
            assert!(running.try_wait().unwrap().is_none(), "it ended before a third was in");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        journal.close().await;
        running.kill().await.unwrap();
        let before = registered(&database).await.len() as u64;
        assert!(before > 0 && before < ROWS - rejected, "{before} rows are in");

        // When it is run again, then every row is there once.
        let resumed = summary(&import().output().await.unwrap());
        assert_eq!(resumed, Summary { new: ROWS - rejected - before, changed: 0, unchanged: before, rejected });
        let counts = registered(&database).await;
        assert_eq!(counts.len() as u64, ROWS - rejected);
        assert!(counts.values().all(|count| *count == 1), "a row was registered twice");
    }
}
