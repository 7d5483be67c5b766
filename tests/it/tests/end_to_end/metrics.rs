//! `/metrics` and its documentation say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{Mode, Town};

/// Type and labels by name.
pub(crate) type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// Comes before those that only mode distributed has, before those that come with rows that are published, and before those
/// that come with a replica.
const OF_MODE_DISTRIBUTED: &str = "\nMode `distributed` has these as well:\n";
const OF_A_REPLICA: &str = "And with `journal.replica_url` these";
const OF_A_PUBLISHER: &str = "And with `cql.contact_points` these";

/// The tables in `docs/metrics.md`: name, type, unit, labels, meaning.
fn documented(mode: Mode) -> Families {
    let text = std::fs::read_to_string(file()).unwrap();
    let end = match mode {
        Mode::Embedded => OF_MODE_DISTRIBUTED,
        Mode::Distributed => OF_A_PUBLISHER,
        Mode::Published => OF_A_REPLICA,
    };
    documented_in(text.split_once(end).unwrap().0)
}

/// With those that come with a replica.
pub(crate) fn all_documented() -> Families {
    documented_in(&std::fs::read_to_string(file()).unwrap())
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md")
}

fn documented_in(text: &str) -> Families {
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, unit, labels, meaning] = cells[..] else { return None };
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        assert!(!meaning.is_empty(), "{name} has no meaning");
        let named_unit = ["seconds", "bytes"].into_iter().find(|unit| name.trim_end_matches("_total").ends_with(unit));
        assert!(named_unit.is_none_or(|named| named == unit), "{name} is not in {unit}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        Some((name.to_owned(), (kind.to_owned(), labels.filter(|label| !label.is_empty()).collect())))
    });
    rows.collect()
}

/// What the text format says: `# TYPE name type`, then lines of `name{label="value"} number`.
pub(crate) fn scraped(text: &str) -> Families {
    let mut families = Families::new();
    let mut last = String::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            last = name.to_owned();
            families.insert(last.clone(), (kind.to_owned(), BTreeSet::new()));
        } else if let (Some((_, labels)), false) = (line.split_once('{'), line.starts_with('#')) {
            let labels = labels.split("\",").filter_map(|pair| pair.split_once('=')).map(|(label, _)| label.to_owned());
            families.get_mut(&last).unwrap().1.extend(labels.filter(|label| label != "le"));
        }
    }
    families
}

pub(crate) fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    compare_with_the_documentation(Mode::Embedded).await;
}

/// Needs engines.
mod distributed {
    use contracts::database::Database;

    use super::*;
    use crate::home::Home;

    const READERS: usize = 24;

    #[tokio::test]
    async fn every_metric_is_documented_and_every_documented_one_is_there() {
        compare_with_the_documentation(Mode::Distributed).await;
        compare_with_the_documentation(Mode::Published).await;
    }

    /// One connection for all who read: those who find it in use wait, and are counted.
    #[tokio::test]
    async fn reads_that_wait_for_a_connection_are_told() {
        let town = Town::in_home(Home::in_database(Database::new().await, "read_connections = 1\n").await).await;
        let moe = town.register("Moe's").await;
        let key = std::fs::read_to_string(town.home.folder().join("data/admin-key")).unwrap();
        let client = it::Client::new(town.program.api(), Some(key.trim()));
        let history = format!("{}/history", moe.path);
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..READERS {
            let (client, history) = (client.clone(), history.clone());
            asking.spawn(async move { client.get_with_key(&history).await.unwrap().status });
        }
        assert!(asking.join_all().await.iter().all(|status| *status == 200));
        let text = it::Client::new(town.program.admin(), None).get("/metrics", &[]).await.unwrap().text();
        let of = |name: &str| value(&text, &format!("lawless_journal_pool_{name}{{pool=\"primary\"}}"));
        assert_eq!(of("connections_max"), 1.0);
        assert!(of("saturated_total") >= 1.0, "{text}");
        assert!(of("wait_seconds_count") >= READERS as f64, "{text}");
        assert_eq!(of("failed_total"), 0.0);
        let state = |state: &str| {
            value(&text, &format!("lawless_journal_pool_connections{{pool=\"primary\",state=\"{state}\"}}"))
        };
        assert!(state("idle") + state("in_use") <= 1.0, "{text}");
    }
}

async fn compare_with_the_documentation(mode: Mode) {
    let town = Town::start(mode).await;
    let body = json!({"name": "Moe's", "slug": "moe-s", "categories": ["pizzeria"], "location": "us-il"});
    let first = town.client.command("POST", "/v1/businesses", &body, &[]).await.unwrap();
    assert_eq!(first.status, 201);
    let token = first.header("lawless-consistency").to_owned();
    assert_eq!(town.client.command("POST", "/v1/businesses", &body, &[]).await.unwrap().status, 409);
    assert_eq!(town.client.get("/v1/businesses/moe-s", &[("Lawless-Consistency", &token)]).await.unwrap().status, 200);

    let operators = it::Client::new(town.program.admin(), None);
    let text = operators.get("/metrics", &[]).await.unwrap().text();
    assert_eq!(scraped(&text), documented(mode), "left: /metrics, right: docs/metrics.md");

    for (series, number) in [
        ("lawless_commands_total{command=\"register_business\",outcome=\"created\"}", 1.0),
        ("lawless_journal_refused_total{kind=\"claim_taken\"}", 1.0),
        ("lawless_journal_head_position", 5.0),
        ("lawless_journal_queue_depth", 0.0),
        ("lawless_projection_published_position{group=\"directory\"}", 5.0),
        ("lawless_projection_lag_events{group=\"directory\"}", 0.0),
        ("lawless_projection_lag_seconds{group=\"directory\"}", 0.0),
        ("lawless_projection_parked_streams{group=\"directory\"}", 0.0),
    ] {
        assert_eq!(value(&text, series), number, "{series}");
    }
    if mode == Mode::Published {
        // Ten rows at least: a page, a card, nodes, trees, lists, a slug, an id.
        assert!(value(&text, "lawless_publisher_rows_total{group=\"directory\"}") >= 10.0, "{text}");
        assert_eq!(value(&text, "lawless_publisher_position{group=\"directory\"}"), 5.0);
        assert_eq!(value(&text, "lawless_publisher_failures_total{group=\"directory\"}"), 0.0);
        assert!(value(&text, "lawless_publisher_age_seconds{group=\"directory\"}") < 60.0, "{text}");
    }
    for store in ["journal", "views"].into_iter().skip(usize::from(mode != Mode::Embedded)) {
        assert!(value(&text, &format!("lawless_store_size_bytes{{store=\"{store}\"}}")) > 4_096.0, "{store}");
    }
    assert!(value(&text, "lawless_http_connections") >= 1.0, "the one that asks");
    assert!(text.contains("\n# HELP lawless_projection_lag_seconds "), "{text}");
}

#[tokio::test]
async fn the_lag_of_a_group_that_folds_nothing_grows() {
    let town = Town::start(Mode::Embedded).await;
    let first = town.register("Lard Lad").await;
    let folded = town.client.get(&first.path, &[("Lawless-Consistency", &first.token)]).await.unwrap();
    assert_eq!(folded.status, 200, "all that was told so far is folded before the pause");
    let key = std::fs::read_to_string(town.home.folder().join("data/admin-key")).unwrap();
    let operators = it::Client::new(town.program.admin(), Some(key.trim()));
    let pause = operators.command("POST", "/admin/projections/directory/pause", &json!({}), &[]).await.unwrap();
    assert_eq!(pause.status, 200, "{}", pause.text());
    let lag = async || {
        let text = operators.get("/metrics", &[]).await.unwrap().text();
        let of = |unit: &str| value(&text, &format!("lawless_projection_lag_{unit}{{group=\"directory\"}}"));
        (of("events"), of("seconds"))
    };
    assert_eq!(lag().await, (0.0, 0.0));
    town.register("Moe's").await;
    let (events, first) = lag().await;
    town.register("Barney's").await;
    assert_eq!(events, 1.0);
    let (events, second) = lag().await;
    assert_eq!(events, 2.0);
    assert!(second > first, "{second} is not more than {first}: the oldest event is the same");
}
