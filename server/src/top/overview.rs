//! What an operator wants to know, made of what happened between two scrapes.

use super::changes::Changes;
use super::scrape::Scrape;

const READS: &str = "http_server_requests_total";
const READ_SECONDS: &str = "http_server_request_duration_seconds";
const COMMANDS: &str = "lawless_commands_total";
const PUBLISHED: &str = "lawless_projection_published_position";
const HEALTH: &str = "lawless_projection_health";
const ROUTE: &str = "http_route";
const CLASS: &str = "http_response_status_class";

/// What a command became when it was not refused and did not fail.
const ACCEPTED: [&str; 5] = ["created", "changed", "unchanged", "replayed", "dry_run"];

/// All of it. Rates are per second, times in seconds; what nothing happened to has no times.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Overview {
    pub(super) version: String,
    pub(super) up_seconds: f64,
    pub(super) commands: Commands,
    pub(super) journal: Journal,
    pub(super) groups: Vec<Group>,
    /// All routes together, then those that were ever asked.
    pub(super) reads: Vec<Reads>,
    pub(super) process: Process,
}

/// Commands and what became of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Commands {
    pub(super) accepted: f64,
    pub(super) refused: f64,
    pub(super) failed: f64,
    pub(super) decided_again: f64,
    pub(super) took: Times,
}

/// The journal and its group commit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Journal {
    pub(super) position: f64,
    pub(super) events: f64,
    pub(super) queue: f64,
    pub(super) batches: f64,
    pub(super) batch_mean: Option<f64>,
    pub(super) batch_p99: Option<f64>,
    pub(super) took: Times,
}

/// A projection group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) health: String,
    pub(super) position: f64,
    pub(super) events: f64,
    pub(super) behind_events: f64,
    pub(super) behind_seconds: f64,
    pub(super) parked: f64,
    pub(super) rebuild: Option<Rebuild>,
}

/// A rebuild that is under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rebuild {
    /// From 0 to 1.
    pub(super) done: f64,
    /// Nothing is known at its beginning and while rows are compared.
    pub(super) seconds_left: Option<f64>,
}

/// Reads of a route.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reads {
    pub(super) route: String,
    pub(super) rate: f64,
    pub(super) took: Times,
    /// From 0 to 1; nothing if nothing was read.
    pub(super) not_modified: Option<f64>,
    pub(super) client_errors: f64,
    pub(super) server_errors: f64,
}

/// The half and the slowest of a hundred.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Times {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

/// What the process takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Process {
    /// Seconds of processors per second; 1 is one processor.
    pub(super) cpu: f64,
    pub(super) memory: f64,
    pub(super) own_memory: f64,
    pub(super) connections: f64,
    /// Name and bytes.
    pub(super) stores: Vec<(String, f64)>,
}

impl Overview {
    /// Of what happened between two scrapes; the later one was made then, in seconds since 1970.
    pub(super) fn of(changes: &Changes<'_>, now: f64) -> Self {
        let after = changes.after();
        let started = gauge(after, "process_start_time_seconds", &[]);
        Self {
            version: after.values_of("lawless_build_info", "version").first().map_or("", |version| *version).to_owned(),
            up_seconds: if started > 0.0 { (now - started).max(0.0) } else { 0.0 },
            commands: Commands::of(changes),
            journal: Journal::of(changes),
            groups: after.values_of(PUBLISHED, "group").into_iter().map(|name| Group::of(changes, name)).collect(),
            reads: reads(changes),
            process: Process::of(changes),
        }
    }
}

impl Commands {
    fn of(changes: &Changes<'_>) -> Self {
        let became = |outcome| changes.rate(COMMANDS, &[("outcome", outcome)]);
        Self {
            accepted: ACCEPTED.into_iter().map(became).fold(0.0, |sum, rate| sum + rate),
            refused: became("refused"),
            failed: became("failed"),
            decided_again: changes.rate("lawless_command_conflicts_total", &[]),
            took: Times::of(changes, "lawless_command_seconds", &[]),
        }
    }
}

impl Journal {
    fn of(changes: &Changes<'_>) -> Self {
        const HEAD: &str = "lawless_journal_head_position";
        const BATCH: &str = "lawless_journal_batch_commands";
        let batch = changes.distribution(BATCH, &[]);
        Self {
            position: gauge(changes.after(), HEAD, &[]),
            events: changes.rise(HEAD, &[]),
            queue: gauge(changes.after(), "lawless_journal_queue_depth", &[]),
            batches: changes.rate(&format!("{BATCH}_count"), &[]),
            batch_mean: batch.mean(),
            batch_p99: batch.quantile(0.99),
            took: Times::of(changes, "lawless_journal_append_seconds", &[]),
        }
    }
}

impl Group {
    fn of(changes: &Changes<'_>, name: &str) -> Self {
        let (after, group) = (changes.after(), [("group", name)]);
        let health = after
            .series(HEALTH)
            .find(|(labels, value)| *value > 0.0 && labels.get("group").is_some_and(|found| found == name));
        Self {
            name: name.to_owned(),
            health: health.and_then(|(labels, _)| labels.get("health").cloned()).unwrap_or_default(),
            position: gauge(after, PUBLISHED, &group),
            events: changes.rise(PUBLISHED, &group),
            behind_events: gauge(after, "lawless_projection_lag_events", &group),
            behind_seconds: gauge(after, "lawless_projection_lag_seconds", &group),
            parked: gauge(after, "lawless_projection_parked_streams", &group),
            rebuild: Rebuild::of(after, &group),
        }
    }
}

impl Rebuild {
    fn of(scrape: &Scrape, group: &[(&str, &str)]) -> Option<Self> {
        if gauge(scrape, "lawless_projection_rebuild_running", group) == 0.0 {
            return None;
        }
        let head = gauge(scrape, "lawless_journal_head_position", &[]).max(1.0);
        let left = gauge(scrape, "lawless_projection_rebuild_remaining_seconds", group);
        let done = gauge(scrape, "lawless_projection_rebuild_position", group) / head;
        Some(Self { done: done.min(1.0), seconds_left: (left > 0.0).then_some(left) })
    }
}

fn reads(changes: &Changes<'_>) -> Vec<Reads> {
    let routes = changes.after().values_of(READS, ROUTE).into_iter();
    let asked = routes.filter(|route| {
        let mut series = changes.after().series(READS);
        series.any(|(labels, count)| count > 0.0 && labels.get(ROUTE).is_some_and(|found| found == route))
    });
    let of_routes = asked.map(|route| Reads::of(changes, route.to_owned(), &[(ROUTE, route)]));
    std::iter::once(Reads::of(changes, "all".to_owned(), &[])).chain(of_routes).collect()
}

impl Reads {
    fn of(changes: &Changes<'_>, route: String, wanted: &[(&str, &str)]) -> Self {
        let class = |class| changes.rate(READS, &[wanted, &[(CLASS, class)]].concat());
        let all = changes.growth(READS, wanted);
        let not_modified = changes.growth("lawless_reads_not_modified_total", wanted);
        Self {
            route,
            rate: changes.rate(READS, wanted),
            took: Times::of(changes, READ_SECONDS, wanted),
            not_modified: (all > 0.0).then(|| (not_modified / all).min(1.0)),
            client_errors: class("4xx"),
            server_errors: class("5xx"),
        }
    }
}

impl Times {
    fn of(changes: &Changes<'_>, histogram: &str, wanted: &[(&str, &str)]) -> Self {
        let took = changes.distribution(histogram, wanted);
        Self { p50: took.quantile(0.5), p99: took.quantile(0.99) }
    }
}

impl Process {
    fn of(changes: &Changes<'_>) -> Self {
        const SIZE: &str = "lawless_store_size_bytes";
        let after = changes.after();
        let stores = after.values_of(SIZE, "store").into_iter();
        Self {
            cpu: changes.rate("process_cpu_seconds_total", &[]),
            memory: gauge(after, "process_resident_memory_bytes", &[]),
            own_memory: gauge(after, "process_anonymous_memory_bytes", &[]),
            connections: gauge(after, "lawless_http_connections", &[]),
            stores: stores.map(|store| (store.to_owned(), gauge(after, SIZE, &[("store", store)]))).collect(),
        }
    }
}

/// What is not told yet is 0: series are there from the first time on that there is something to tell.
fn gauge(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    scrape.value(name, labels).unwrap_or(0.0)
}
