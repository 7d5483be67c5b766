//! What only a journal in a SQLite file can do wrong: be another file, be open twice, run full, be tampered with.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contracts::journal::{append, append_many, assert_dense, business, claim, read_all};
use event_log::{AppendError, EventFeed, Journal, JournalError, SqliteJournal, SqliteJournalOptions};
use events::{Position, StreamVersion};
use futures::future::join_all;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

/// Where `application_id` and `user_version` are in the header of a SQLite file; big-endian.
const APPLICATION_ID: usize = 68;
const USER_VERSION: usize = 60;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    (folder, path)
}

async fn open(path: &Path) -> SqliteJournal {
    open_with(path, SqliteJournalOptions::default()).await
}

async fn open_with(path: &Path, options: SqliteJournalOptions) -> SqliteJournal {
    SqliteJournal::open(path, options).await.unwrap()
}

async fn refused(path: &Path) -> JournalError {
    SqliteJournal::open(path, SqliteJournalOptions::default()).await.unwrap_err()
}

/// Names and bytes of all files.
fn contents(folder: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A journal with an event whose header says something else, alone in a folder.
async fn journal_with_header(at: usize, number: u32) -> (TempDir, PathBuf) {
    let (_made_in, made) = folder();
    let journal = open(&made).await;
    journal.append(append(business(), 0)).await.unwrap();
    journal.close().await;
    let mut bytes = fs::read(made).unwrap();
    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
    let (folder, path) = folder();
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

async fn sql(path: &Path, sql: &'static str) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_newer_format_is_refused_and_not_touched() {
    let (folder, path) = journal_with_header(APPLICATION_ID, 0x4c57_4a02).await;
    let before = contents(&folder);
    let error = refused(&path).await;
    assert!(matches!(error, JournalError::Format { .. }), "{error}");
    let words = error.to_string();
    assert!(words.ends_with("has journal format 2, this program reads 1"), "{words}");
    assert!(contents(&folder) == before, "something in the folder was changed");
}

#[tokio::test]
async fn other_event_schemas_are_refused_and_not_touched() {
    let (folder, path) = journal_with_header(USER_VERSION, events::schema_fingerprint() ^ 1).await;
    let before = contents(&folder);
    let error = refused(&path).await;
    assert!(matches!(error, JournalError::Format { .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains("schemas may change until v0.1") && words.contains("import the data again"), "{words}");
    assert!(contents(&folder) == before, "something in the folder was changed");
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_not_touched() {
    let (sqlite_folder, sqlite_path) = journal_with_header(APPLICATION_ID, 0).await;
    let (text_folder, text_path) = folder();
    fs::write(&text_path, "not a journal".repeat(100)).unwrap();
    let (short_folder, short_path) = folder();
    fs::write(&short_path, "").unwrap();
    for (folder, path) in [(sqlite_folder, sqlite_path), (text_folder, text_path), (short_folder, short_path)] {
        let before = contents(&folder);
        let error = refused(&path).await;
        assert!(matches!(error, JournalError::Format { .. }), "{error}");
        assert!(contents(&folder) == before, "something in the folder was changed");
    }
}

#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_has_closed() {
    let (_folder, path) = folder();
    let first = open(&path).await;
    let error = refused(&path).await;
    assert!(matches!(error, JournalError::InUse { .. }), "{error}");
    // The first goes on as if nothing had been.
    first.append(append(business(), 0)).await.unwrap();
    first.close().await;
    open(&path).await.append(append(business(), 0)).await.unwrap();
}

#[tokio::test]
async fn a_closed_journal_is_unavailable() {
    let (folder, path) = folder();
    let journal = open(&path).await;
    let feed = journal.feed();
    journal.append(append(business(), 0)).await.unwrap();
    journal.close().await;
    journal.close().await;
    let error = journal.append(append(business(), 0)).await.unwrap_err();
    assert!(matches!(error, AppendError::Journal(JournalError::Unavailable { .. })), "{error}");
    assert!(matches!(feed.read(Position::ZERO, 1).await, Err(JournalError::Unavailable { .. })));
    assert!(matches!(feed.wait_beyond(Position(1)).await, Err(JournalError::Unavailable { .. })));
    let files = contents(&folder);
    let names: Vec<_> = files.keys().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["journal.db", "journal.db.lock"], "the log was moved into the file");
}

#[tokio::test]
async fn what_was_queued_before_closing_is_stored() {
    let (_folder, path) = folder();
    let journal = open(&path).await;
    let appends = join_all((0..100).map(|_| journal.append(append(business(), 0))));
    let (answers, ()) = tokio::join!(appends, journal.close());
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(read_all(&open(&path).await.feed()).await.len(), 100);
}

#[tokio::test]
async fn a_full_queue_refuses_and_stores_nothing_of_it() {
    let (_folder, path) = folder();
    let journal = open_with(&path, SqliteJournalOptions { queue: 4, ..SqliteJournalOptions::default() }).await;
    let answers = join_all((0..64).map(|_| journal.append(append(business(), 0)))).await;
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((1..64).contains(&stored), "{stored}");
    for answer in answers.into_iter().filter_map(Result::err) {
        assert!(matches!(answer, AppendError::Journal(JournalError::Unavailable { .. })), "{answer}");
    }
    assert_eq!(read_all(&journal.feed()).await.len(), stored);
}

#[tokio::test]
async fn a_full_journal_loses_nothing_and_goes_on_with_more_room() {
    let (_folder, path) = folder();
    let small = SqliteJournalOptions { max_bytes: Some(400 * 1024), ..SqliteJournalOptions::default() };
    let journal = open_with(&path, small.clone()).await;
    let mut acknowledged = 0;
    let refused = loop {
        assert!(acknowledged < 1000, "the limit does not hold");
        let mut large = append_many(business(), 0, 8);
        large.claims = vec![claim(&format!("number-{acknowledged}"))];
        match journal.append(large.clone()).await {
            Ok(_) => acknowledged += 1,
            Err(error) => {
                assert!(matches!(error, AppendError::Journal(JournalError::Full { .. })), "{error}");
                break large;
            }
        }
    };
    assert!(acknowledged > 10, "{acknowledged}");
    assert!(fs::metadata(&path).unwrap().len() <= 400 * 1024);
    for _ in 0..2 {
        let error = journal.append(refused.clone()).await.unwrap_err();
        assert!(matches!(error, AppendError::Journal(JournalError::Full { .. })), "{error}");
    }
    assert_eq!(journal.find_key(&refused.key).await.unwrap(), None);
    assert_eq!(journal.find_claims(&refused.claims).await.unwrap(), [None]);
    assert_eq!(read_all(&journal.feed()).await.len(), acknowledged * 8);
    journal.close().await;

    let journal = open(&path).await;
    assert_eq!(journal.append(refused).await.unwrap().first, Position(acknowledged as u64 * 8 + 1));
    assert_dense(&read_all(&journal.feed()).await);
}

#[tokio::test]
async fn a_command_that_does_not_fit_fails_alone() {
    let (_folder, path) = folder();
    let small = SqliteJournalOptions { max_bytes: Some(400 * 1024), ..SqliteJournalOptions::default() };
    let journal = open_with(&path, small).await;
    let appends = (0..9).map(|number| {
        let mut append = append(business(), 0);
        if number == 4 {
            append = append_many(append.stream, 0, 4);
            append.events.iter_mut().for_each(|event| event.payload = vec![7; 200 * 1024]);
        }
        journal.append(append)
    });
    for (number, answer) in join_all(appends).await.into_iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(number, 4),
            Err(error) => {
                assert_eq!(number, 4, "a neighbour was harmed: {error}");
                assert!(matches!(error, AppendError::Journal(JournalError::Full { .. })), "{error}");
            }
        }
    }
    let stored = read_all(&journal.feed()).await;
    assert_dense(&stored);
    assert_eq!(stored.len(), 8);
}

#[tokio::test]
async fn tampered_bytes_are_told_and_not_handed_out() {
    let tampering = [
        "UPDATE events SET payload = zeroblob(300) WHERE position = 2",
        "UPDATE events SET occurred_at = occurred_at + 1 WHERE position = 2",
        "UPDATE events SET stream_kind = 'nothing known' WHERE position = 2",
        "UPDATE events SET stream_id = x'00' WHERE position = 2",
        "DELETE FROM events WHERE position = 2",
    ];
    for tampering in tampering {
        let (_folder, path) = folder();
        let journal = open(&path).await;
        let stream = business();
        journal.append(append_many(stream, 0, 3)).await.unwrap();
        journal.close().await;
        sql(&path, tampering).await;
        let journal = open(&path).await;
        let feed = journal.feed();
        let error = feed.read(Position::ZERO, 10).await.unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { .. }), "{tampering}: {error}");
        // The intact ones beside it are still readable.
        assert_eq!(feed.read(Position::ZERO, 1).await.unwrap().len(), 1);
        assert_eq!(feed.read(Position(2), 10).await.unwrap().len(), 1);
        if tampering.contains("payload") {
            let error = journal.read_stream(stream, StreamVersion::ZERO, 10).await.unwrap_err();
            assert!(matches!(error, JournalError::Corrupt { .. }), "{tampering}: {error}");
        }
    }
}

#[tokio::test]
async fn a_counter_that_does_not_fit_the_events_is_refused() {
    let (_folder, path) = folder();
    let journal = open(&path).await;
    journal.append(append_many(business(), 0, 3)).await.unwrap();
    journal.close().await;
    sql(&path, "UPDATE journal SET head = 2").await;
    let error = refused(&path).await;
    assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_clock_that_goes_back_does_not_take_recorded_at_with_it() {
    let (_folder, path) = folder();
    let journal = open(&path).await;
    journal.append(append(business(), 0)).await.unwrap();
    journal.close().await;
    // As if the clock had been far ahead before.
    sql(&path, "UPDATE journal SET recorded_at = 9000000000000000").await;
    let journal = open(&path).await;
    journal.append(append(business(), 0)).await.unwrap();
    let stored = read_all(&journal.feed()).await;
    assert_eq!(stored[1].recorded_at.0, 9_000_000_000_000_000);
}

#[tokio::test]
async fn old_keys_are_cleaned_away_and_young_ones_kept() {
    let (_folder, path) = folder();
    let (first, second) = (append(business(), 0), append(business(), 0));
    let keeping = open(&path).await;
    keeping.append(first.clone()).await.unwrap();
    keeping.append(second.clone()).await.unwrap();
    assert!(keeping.find_key(&first.key).await.unwrap().is_some());
    keeping.close().await;

    let options = SqliteJournalOptions { key_retention: Duration::ZERO, ..SqliteJournalOptions::default() };
    let forgetting = open_with(&path, options).await;
    let third = append(business(), 0);
    forgetting.append(third.clone()).await.unwrap();
    assert_eq!(forgetting.find_key(&first.key).await.unwrap(), None);
    assert_eq!(forgetting.find_key(&second.key).await.unwrap(), None);
    assert!(forgetting.find_key(&third.key).await.unwrap().is_some());
    assert_eq!(read_all(&forgetting.feed()).await.len(), 3);
}
