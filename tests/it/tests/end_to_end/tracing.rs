//! The way of a command, step by step, as the log tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use it::Program;
use serde_json::{Value, json};

/// What the documentation says under "Tracing": the filter, and the steps by name.
fn documented() -> (String, BTreeSet<String>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let text = std::fs::read_to_string(file).unwrap();
    let (_, section) = text.split_once("\n## Tracing\n").unwrap();
    let (_, filter) = section.split_once("LAWLESS_LOG__FILTER=").unwrap();
    let filter = filter.split_whitespace().next().unwrap().to_owned();
    let name = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    (filter, section.lines().filter_map(name).collect())
}

/// A span that has ended: the names of those around it and its own, and its fields.
struct Ended {
    path: Vec<String>,
    fields: Value,
}

fn ended(log: &str) -> Vec<Ended> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let closed = lines.filter(|line| line["message"] == "close");
    // A span that closes is no longer among those that the log says it lies in.
    let ended = closed.map(|line| {
        let own = line["span"].clone();
        let around = line["spans"].as_array().into_iter().flatten();
        let path = around.chain([&own]).map(|span| span["name"].as_str().unwrap().to_owned()).collect();
        Ended { path, fields: own }
    });
    ended.collect()
}

#[tokio::test]
async fn every_step_from_a_command_to_a_response_is_a_span() {
    let (filter, documented) = documented();
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, format!("[log]\nformat = \"json\"\nfilter = \"{filter}\"\n")).unwrap();
    let options = ["--empty", "--config", settings.to_str().unwrap()];
    let mut program = Program::start_with(folder.path(), &options).await.unwrap();
    let client = program.client().unwrap();

    // Its own read may find it published already; with many a read there is one that has to wait.
    let mut positions = Vec::new();
    for round in 0..20 {
        let path = format!("/v1/categories/food-{round}");
        let body = json!({"names": {"en": "Food"}});
        let defined = client.command("PUT", &path, &body, &[]).await.unwrap();
        assert_eq!(defined.status, 201, "{}", defined.text());
        let token = defined.header("lawless-consistency").to_owned();
        positions.push(token.rsplit(';').next().unwrap().parse::<u64>().unwrap());
        let read = client.get(&path, &[("Lawless-Consistency", &token)]).await.unwrap();
        assert_eq!(read.status, 200, "{}", read.text());
    }
    program.terminate().unwrap();
    program.wait().await.unwrap();

    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let mut spans: BTreeMap<String, Vec<Ended>> = BTreeMap::new();
    for span in ended(&log) {
        spans.entry(span.path.last().unwrap().clone()).or_default().push(span);
    }
    assert_eq!(spans.keys().cloned().collect::<BTreeSet<_>>(), documented, "left: the log, right: docs/metrics.md");

    let paths = |name: &str| spans[name].iter().map(|span| span.path.join(" > ")).collect::<BTreeSet<_>>();
    for (name, path) in [
        ("decide", "request > command > decide"),
        ("journal.append", "request > command > journal.append"),
        ("journal.batch", "journal.batch"),
        ("fold", "batch > fold"),
        ("render", "batch > render"),
        ("commit", "batch > commit"),
        ("publish", "batch > publish"),
        ("wait", "request > wait"),
        ("response", "request > response"),
    ] {
        assert_eq!(paths(name), BTreeSet::from([path.to_owned()]));
    }
    // One number leads from step to step.
    let told = |name: &str| spans[name].iter().filter_map(|span| span.fields["position"].as_u64()).collect::<Vec<_>>();
    assert_eq!((told("command"), told("journal.append")), (positions.clone(), positions.clone()));
    assert_eq!(told("publish").into_iter().max(), positions.last().copied());
    assert!(told("wait").iter().all(|position| positions.contains(position)));
    let command = &spans["command"][0].fields;
    assert_eq!((&command["command.name"], &command["command.outcome"]), (&json!("define_category"), &json!("created")));
    let response = &spans["response"][0].fields;
    assert_eq!(response["http.route"], "/v1/categories/{slug}");
    assert_eq!(response["http.response.status_code"], 200);
}

#[tokio::test]
async fn no_span_is_told_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, "[log]\nformat = \"json\"\n").unwrap();
    let options = ["--empty", "--config", settings.to_str().unwrap()];
    let mut program = Program::start_with(folder.path(), &options).await.unwrap();
    let client = program.client().unwrap();
    let body = json!({"names": {"en": "Food"}});
    assert_eq!(client.command("PUT", "/v1/categories/food", &body, &[]).await.unwrap().status, 201);
    program.terminate().unwrap();
    program.wait().await.unwrap();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("asked to stop"), "it is the log: {log}");
    assert!(ended(&log).is_empty(), "{log}");
}
