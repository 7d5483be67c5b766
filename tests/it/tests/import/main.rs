//! `lawless import`: every row is accounted for, nothing is doubled, whatever happens on the way.
#![allow(clippy::unwrap_used)]

mod difference;
mod fixture;
mod kills;
mod shops;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use event_log::{EventFeed, SqliteJournal, SqliteJournalOptions};
use events::{Codec, Event, Position};
use it::{Program, lawless};
use serde_json::Value;
use tokio::process::Command;

use self::fixture::{LEFT_OUT, REJECTED, collection};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn fixture_file() -> PathBuf {
    root().join("tests/fixtures/osm-like.geojson")
}

/// An import into `<folder>/data`, with its report in `<folder>/report`.
fn import(folder: &Path, file: &Path) -> Command {
    import_with(folder, file, &root().join("mappings/osm-places.toml"))
}

/// The same, with another mapping.
fn import_with(folder: &Path, file: &Path, mapping: &Path) -> Command {
    let mut command = Command::new(lawless().unwrap());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LAWLESS_")) {
        command.env_remove(name);
    }
    command
        .args(["import".as_ref(), file.as_os_str()])
        .arg("--mapping")
        .arg(mapping)
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--report")
        .arg(folder.join("report"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What an import said about its rows.
#[derive(Debug, PartialEq, Eq)]
struct Summary {
    new: u64,
    changed: u64,
    unchanged: u64,
    rejected: u64,
}

fn summary(output: &Output) -> Summary {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let number_before = |word: &str| -> u64 {
        let (before, _) = text.split_once(word).unwrap_or_else(|| panic!("no {word:?} in {text}"));
        before.split_whitespace().last().unwrap().parse().unwrap()
    };
    let (_, rejected) = text.split_once("  rejected ").unwrap();
    Summary {
        new: number_before(" new,"),
        changed: number_before(" changed,"),
        unchanged: number_before(" unchanged\n"),
        rejected: rejected.lines().next().unwrap().parse().unwrap(),
    }
}

fn report(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("report")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count_by(lines: &[Value], outcome: &str, key: impl Fn(&Value) -> String) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines.iter().filter(|line| line["outcome"] == outcome) {
        *counts.entry(key(line)).or_default() += 1;
    }
    counts
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// How often each source id was registered.
async fn registrations(folder: &Path) -> HashMap<String, u64> {
    let journal =
        SqliteJournal::open(folder.join("data/journal.sqlite"), SqliteJournalOptions::default()).await.unwrap();
    let counts = registrations_in(&journal.feed()).await;
    journal.close().await;
    counts
}

async fn registrations_in(feed: &dyn EventFeed) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    let mut position = Position::ZERO;
    loop {
        let page = feed.read(position, 4_096).await.unwrap();
        let Some(last) = page.last() else { break };
        position = last.position;
        for event in &page {
            let header = &event.header;
            let payload = Codec::shared().decode(&header.event_type, header.schema_version, &event.payload).unwrap();
            if let Event::BusinessRegistered(registered) = payload {
                *counts.entry(registered.source.unwrap().external_id).or_default() += 1;
            }
        }
    }
    counts
}

/// `UPDATE_FIXTURE=1` writes the file anew.
#[test]
fn the_fixture_is_what_its_generator_makes() {
    if std::env::var_os("UPDATE_FIXTURE").is_some() {
        std::fs::write(fixture_file(), collection(500)).unwrap();
    }
    assert!(std::fs::read_to_string(fixture_file()).unwrap() == collection(500), "UPDATE_FIXTURE=1 writes it anew");
}

#[tokio::test]
async fn rows_are_accepted_or_rejected_with_their_reason_and_a_second_run_changes_exactly_what_was_edited() {
    let folder = tempfile::tempdir().unwrap();
    let rejected: u64 = REJECTED.iter().map(|(_, count)| count).sum();

    let first = summary(&import(folder.path(), &fixture_file()).output().await.unwrap());
    assert_eq!(first, Summary { new: 500 - rejected, changed: 0, unchanged: 0, rejected });
    let lines = report(folder.path());
    let expected =
        |list: &[(&str, u64)]| list.iter().map(|(key, n)| ((*key).to_owned(), *n)).collect::<BTreeMap<_, _>>();
    assert_eq!(count_by(&lines, "rejected", |line| text(&line["code"])), expected(&REJECTED));
    let left_out = count_by(&lines, "warning", |line| format!("{} {}", text(&line["pointer"]), text(&line["code"])));
    assert_eq!(left_out, expected(&LEFT_OUT));
    let duplicate = lines.iter().find(|line| line["code"] == "duplicate_id").unwrap();
    assert_eq!((&duplicate["row"], &duplicate["line"]), (&31.into(), &32.into()), "where it stands in the file");
    assert_eq!(duplicate["external_id"], "node/1029");

    let second = summary(&import(folder.path(), &fixture_file()).output().await.unwrap());
    assert_eq!(second, Summary { new: 0, changed: 0, unchanged: 500 - rejected, rejected });

    let mut edited: Value = serde_json::from_str(&collection(500)).unwrap();
    edited["features"][100]["properties"]["name"] = "Another Name".into();
    edited["features"][101]["properties"]["icon"] = "cinema".into();
    edited["features"][102]["geometry"]["coordinates"] = serde_json::json!([9.9937, 53.5511]);
    edited["features"][103]["properties"]["contact_phone"] = "+1 217 555 0113".into();
    edited["features"][104]["properties"]["cuisine"] = "an entirely new cuisine".into();
    let copy = folder.path().join("edited.geojson");
    std::fs::write(&copy, edited.to_string()).unwrap();
    let third = summary(&import(folder.path(), &copy).output().await.unwrap());
    assert_eq!(third, Summary { new: 0, changed: 5, unchanged: 495 - rejected, rejected });
}

#[tokio::test]
async fn rows_go_to_the_running_server_and_its_lists_show_them() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path()).await.unwrap();
    let rejected: u64 = REJECTED.iter().map(|(_, count)| count).sum();

    let packed = folder.path().join("packed");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, collection(500).as_bytes()).unwrap();
    encoder.finish().unwrap();
    let first = summary(&import(folder.path(), &packed).output().await.unwrap());
    assert_eq!(first, Summary { new: 500 - rejected, changed: 0, unchanged: 0, rejected });
    let second = summary(&import(folder.path(), &fixture_file()).output().await.unwrap());
    assert_eq!(second, Summary { new: 0, changed: 0, unchanged: 500 - rejected, rejected });

    // The import returned when the views had caught up: a plain read shows its rows, with the attribution.
    let address = format!("{}/v1/locations/at/businesses?limit=5", program.api());
    let list: Value = reqwest::get(address).await.unwrap().error_for_status().unwrap().json().await.unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 5);
    assert_eq!(list["data"][0]["attribution"], "© OpenStreetMap contributors");
}
