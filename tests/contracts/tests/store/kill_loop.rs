//! The local store alone, killed at random moments before any projection exists.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contracts::store_model::{StoreModel, batch};
use projectors::{LmdbProjectionStore, ProjectionStore, StoreOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::laws::content;

/// A fresh folder every so many rounds.
const ROUNDS_PER_FOLDER: u64 = 100;

fn writer(folder: &Path, seed: u64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_store_writer"));
    command.arg(folder).arg(seed.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn open(folder: &Path) -> LmdbProjectionStore {
    LmdbProjectionStore::open(folder, &StoreOptions { map_bytes: 256 << 20, ..StoreOptions::default() }).unwrap()
}

/// Kills a writer after a random time; the last batch that it told of.
fn kill_a_writer(folder: &Path, seed: u64, after: Duration) -> Option<u64> {
    let mut child = writer(folder, seed).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = std::thread::spawn(move || output.lines().map_while(Result::ok).last());
    let begun = Instant::now();
    while begun.elapsed() < after {
        std::thread::sleep(Duration::from_micros(200));
        assert!(child.try_wait().unwrap().is_none(), "the writer ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // A last line that the kill cut in two was not told.
    lines.join().unwrap().and_then(|line| line.strip_prefix("commit ")?.parse().ok())
}

#[test]
fn a_killed_store_is_as_after_its_last_batch() {
    let rounds = if std::env::var_os("LAWLESS_LONG").is_some() { 500 } else { 30 };
    let mut random = StdRng::seed_from_u64(20);
    let (mut batches, mut untold, mut silent, mut rows) = (0, 0, 0, 0);
    let mut folder = tempfile::tempdir().unwrap();
    let (mut model, mut position) = (StoreModel::default(), 0);
    for round in 0..rounds {
        if round % ROUNDS_PER_FOLDER == 0 {
            folder = tempfile::tempdir().unwrap();
            (model, position) = (StoreModel::default(), 0);
        }
        let seed = round / ROUNDS_PER_FOLDER;
        let told = kill_a_writer(folder.path(), seed, Duration::from_micros(random.random_range(0..60_000)));

        let store = open(folder.path());
        let reached = store.checkpoint().unwrap().map_or(0, |checkpoint| checkpoint.position.0);
        let told_or_before = told.unwrap_or(position);
        assert!(reached >= told_or_before, "round {round}: batch {told_or_before} is gone, the store is at {reached}");
        assert!(reached <= told_or_before + 1, "round {round}: {reached} batches, {told_or_before} were told");
        for number in position + 1..=reached {
            model.apply(batch(seed, number).0);
        }
        assert!(content(&store) == model, "round {round}: not what batch {reached} left");
        if reached > 0 {
            assert_eq!(store.checkpoint().unwrap(), Some(batch(seed, reached).1));
        }
        batches += reached - position;
        untold += reached - told_or_before;
        silent += u64::from(told.is_none());
        rows += model.rows.len();
        position = reached;
    }
    assert!(batches > rounds, "{batches} batches in {rounds} rounds: the writer was hardly running");
    println!(
        "{rounds} kills, 0 violations: {batches} batches committed, {untold} of them durable but not yet told, \
         {silent} kills before the first was told, {rows} rows compared"
    );
}

#[test]
fn a_full_disk_loses_nothing() {
    // Given: a limit on the size of files, and its signal ignored, so that writing fails as on a full disk.
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_store_writer");
    let script = "trap '' XFSZ; ulimit -f 700; exec \"$@\"";
    let output = Command::new("sh").args(["-c", script, "sh", program]).arg(folder.path()).arg("5").output().unwrap();

    // Then: it ends as full, and all that it told is there and nothing else.
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{words}");
    let told = String::from_utf8(output.stdout).unwrap().lines().count() as u64;
    assert!(told > 0);
    let store = open(folder.path());
    assert_eq!(store.checkpoint().unwrap(), Some(batch(5, told).1));
    let mut model = StoreModel::default();
    (1..=told).for_each(|number| model.apply(batch(5, number).0));
    assert!(content(&store) == model, "the content is not what was committed");

    // And with room it goes on.
    let (changes, checkpoint) = batch(5, told + 1);
    store.commit(&changes, &checkpoint).unwrap();
    model.apply(changes);
    assert!(content(&store) == model, "the content is not what was committed");
}

#[test]
fn another_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut second = writer(folder.path(), 1).stderr(Stdio::piped()).spawn().unwrap();
    let wrote = BufReader::new(second.stdout.take().unwrap()).lines().next();
    if wrote.is_some() {
        second.kill().unwrap();
    }
    let output = second.wait_with_output().unwrap();
    assert!(wrote.is_none(), "a second process wrote");
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("in use by another process"), "{words}");
    assert_eq!(store.checkpoint().unwrap(), None);
}
