//! All views made anew while the product serves: 200 registrations a second and reads all the while. About 3 minutes.
//!
//! The control of the reads is the same load before the rebuild. The result is compared twice: by the product itself at
//! one position, and by `lawless views verify` at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::load::{Connection, get, with_body};
use crate::process::{Server, run_command};
use crate::rebuild::prepare_journal;
use crate::{Bound, Measurement, Settings};

const WRITES_PER_SECOND: u64 = 200;
const READERS: usize = 4;
/// Pages that the readers ask for, one after the other.
const PAGES: usize = 2_000;
/// Between two looks at how the rebuild fares.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
const REBUILD_DEADLINE: Duration = Duration::from_secs(600);

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let (wanted, quiet_for) = if settings.quick { (20_000, 2) } else { (1_000_000, 20) };
    let (journal, _) = prepare_journal(settings, wanted).await?;
    let folder = tempfile::tempdir_in(&settings.cache).context("a folder")?;
    // A data folder of the product, with another journal in it.
    Server::start(folder.path()).await?.stop().await?;
    let data = folder.path().join("data");
    for file in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = std::fs::remove_file(data.join(file));
    }
    std::fs::remove_dir_all(data.join("views")).context("removing the views")?;
    std::fs::copy(&journal, data.join("journal.sqlite")).context("copying the journal")?;
    let server = Server::start(folder.path()).await?;

    let load = Load {
        api: server.api,
        reads: Arc::new(pages(server.api).await?),
        authorization: server.authorization()?,
        category: ask(server.api, "/v1/categories?limit=1").await?["data"][0]["slug"]
            .as_str()
            .context("a slug")?
            .into(),
        numbers: Arc::default(),
    };
    let quiet = load.run(async || {
        tokio::time::sleep(Duration::from_secs(quiet_for)).await;
        anyhow::Ok(())
    });
    let ((), quiet) = quiet.await?;
    let (rebuilt, during) = load.run(async || rebuild(&server).await).await?;
    server.terminate().await?;
    run_command(&data, &["views".as_ref(), "verify".as_ref()])
        .await
        .context("the views are not what a replay makes")?;

    let p99 = |reads: &Reads| reads.took.value_at_quantile(0.99) as f64 / 1_000.0;
    let mut measurements = vec![
        Measurement::new("live-rebuild/failed-reads", during.failed as f64, "reads").must(Bound::value_at_most(0.0)),
        Measurement::new("live-rebuild/failed-writes", during.failed_writes as f64, "commands")
            .must(Bound::value_at_most(0.0)),
        Measurement::new("live-rebuild/differences", rebuilt.differences, "rows").must(Bound::value_at_most(0.0)),
        Measurement::new("live-rebuild/events", rebuilt.events_per_second, "events/s"),
        Measurement::new("live-rebuild/reads", during.took.len() as f64, "reads"),
        Measurement::new("live-rebuild/read-p99", p99(&during), "ms")
            .against(p99(&quiet), p99(&during) / p99(&quiet))
            .goal(Bound::ratio_at_most(2.0)),
    ];
    if let Some(error) = rebuilt.estimate_error {
        let measurement = Measurement::new("live-rebuild/eta-error", error, "% after a tenth");
        measurements.push(measurement.goal(Bound::value_at_most(20.0)));
    }
    Ok(measurements)
}

/// Requests for the pages of some businesses.
async fn pages(api: SocketAddr) -> anyhow::Result<Vec<Vec<u8>>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    while pages.len() < PAGES {
        let list = ask(api, &format!("/v1/businesses?sort=newest&limit=100{cursor}")).await?;
        let cards = list["data"].as_array().context("a list has businesses")?;
        pages.extend(
            cards.iter().filter_map(|card| Some(get(&format!("/v1/businesses/{}", card["id"].as_str()?), &[]))),
        );
        let Some(next) = list["page"]["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    ensure!(!pages.is_empty(), "there are no businesses");
    Ok(pages)
}

async fn ask(api: SocketAddr, target: &str) -> anyhow::Result<Value> {
    let mut connection = Connection::open(api).await?;
    let answer = connection.send(&get(target, &[])).await?;
    ensure!(answer.status == 200, "{target}: {}", answer.words());
    serde_json::from_slice(answer.body).context("an answer is JSON")
}

struct Rebuilt {
    differences: f64,
    events_per_second: f64,
    /// In percent; a small rebuild is over before anything can be estimated.
    estimate_error: Option<f64>,
}

/// Has the product make all views anew, and watches.
async fn rebuild(server: &Server) -> anyhow::Result<Rebuilt> {
    let http = reqwest::Client::new();
    let admin = format!("http://{}/admin/projections", server.admin());
    let begin = http.post(format!("{admin}/directory/rebuild")).header("authorization", server.authorization()?);
    begin.send().await?.error_for_status()?;
    let begun = Instant::now();
    let mut estimate = None;
    let mut folded = None;
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        ensure!(begun.elapsed() < REBUILD_DEADLINE, "the rebuild did not end in time");
        let groups: Value = http.get(&admin).send().await?.json().await?;
        let rebuild = &groups[0]["rebuild"];
        let number = |name: &str| rebuild[name].as_f64().unwrap_or_default();
        if estimate.is_none() && number("position") >= number("head") / 10.0 {
            estimate = rebuild["seconds_left"].as_f64().map(|left| begun.elapsed().as_secs_f64() + left);
        }
        if folded.is_none() && rebuild["phase"] != "folding" {
            folded = Some((begun.elapsed().as_secs_f64(), number("position")));
        }
        ensure!(rebuild["phase"] != "failed", "the rebuild failed: {rebuild}");
        if rebuild["phase"] != "finished" {
            continue;
        }
        let (seconds, position) = folded.context("it was folding once")?;
        let count = |compared: &Value| -> f64 {
            ["changed", "added", "removed"].iter().filter_map(|name| compared[*name].as_f64()).sum()
        };
        let difference = &rebuild["difference"];
        let rows = difference["rows"].as_object().context("rows were compared")?;
        return Ok(Rebuilt {
            differences: rows.values().map(count).sum::<f64>() + count(&difference["state"]),
            events_per_second: position / seconds,
            estimate_error: estimate.map(|estimated: f64| 100.0 * (estimated / seconds - 1.0).abs()),
        });
    }
}

/// Reads and writes that go on while something else happens.
struct Load {
    api: SocketAddr,
    reads: Arc<Vec<Vec<u8>>>,
    authorization: String,
    category: String,
    /// Every business has another name.
    numbers: Arc<AtomicU64>,
}

struct Reads {
    /// Microseconds.
    took: Histogram<u64>,
    failed: u64,
    failed_writes: u64,
}

impl Load {
    async fn run<T>(&self, meanwhile: impl AsyncFnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, Reads)> {
        let over = Arc::<AtomicBool>::default();
        let mut readers = JoinSet::new();
        for first in 0..READERS {
            readers.spawn(read(self.api, self.reads.clone(), first, over.clone()));
        }
        let writer = tokio::spawn(write(
            self.api,
            self.authorization.clone(),
            self.category.clone(),
            self.numbers.clone(),
            over.clone(),
        ));
        let outcome = meanwhile().await;
        over.store(true, Ordering::Relaxed);
        let mut reads =
            Reads { took: Histogram::new(3)?, failed: 0, failed_writes: writer.await.context("the writer")?? };
        while let Some(reader) = readers.join_next().await {
            let (took, failed) = reader.context("a reader")??;
            reads.took.add(took)?;
            reads.failed += failed;
        }
        Ok((outcome?, reads))
    }
}

/// Page after page; how long each took, and how many were not 200.
async fn read(
    api: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    over: Arc<AtomicBool>,
) -> anyhow::Result<(Histogram<u64>, u64)> {
    let (mut took, mut failed) = (Histogram::new(3)?, 0);
    let mut connection = Connection::open(api).await?;
    for request in requests.iter().cycle().skip(first * 7) {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let begun = Instant::now();
        let status = connection.send(request).await?.status;
        took.record(u64::try_from(begun.elapsed().as_micros())?)?;
        failed += u64::from(status != 200);
        // Some hundred reads a second: the rest of the machine is for what is measured.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok((took, failed))
}

/// Registrations at their times; how many were not accepted.
async fn write(
    api: SocketAddr,
    authorization: String,
    category: String,
    numbers: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
) -> anyhow::Result<u64> {
    let mut failed = 0;
    let mut connection = Connection::open(api).await?;
    let mut interval = tokio::time::interval(Duration::from_secs(1) / u32::try_from(WRITES_PER_SECOND)?);
    while !over.load(Ordering::Relaxed) {
        interval.tick().await;
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let body = json!({"name": format!("Newcomer {number}"), "categories": [category]});
        let request = with_body("POST", "/v1/businesses", &[("authorization", &authorization)], &body);
        failed += u64::from(connection.send(&request).await?.status != 201);
    }
    Ok(failed)
}
