//! From the acknowledgement of a registration to the first plain GET that shows it, at 200 commands a second. About
//! 1.5 minutes.
//!
//! Open loop: commands leave when they are due, whether or not earlier ones were answered, and a command's own latency
//! counts from the moment at which it was due. The page is asked for without pause until it is there.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::demo_folder::DemoFolder;
use crate::load::{Connection, get, with_body};
use crate::made_up::registration;
use crate::process::Server;
use crate::{Bound, Measurement, Settings};

/// Commands that are due each second.
const COMMANDS_PER_SECOND: usize = 200;
/// Clients that take turns: each has this many intervals for one command and its page.
const CLIENTS: usize = 64;
/// The longest that a page may take to show.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(10);
/// The largest latency that is told apart, in microseconds.
const MICROSECONDS_MAX: u64 = 60_000_000;

/// What was seen, in microseconds.
pub(crate) struct Seen {
    acknowledged: Histogram<u64>,
    visible: Histogram<u64>,
    late: Histogram<u64>,
}

/// Bounds of what is visible, in milliseconds: must, and goal.
pub(crate) struct Visible {
    pub(crate) p50: (f64, f64),
    pub(crate) p99: (f64, f64),
}

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let seconds = if settings.quick { 5 } else { 60 };
    let demo = DemoFolder::prepare(settings).await?;
    let categories = demo.directory().await?.categories;
    let folder = demo.copy()?;
    let server = Server::start(folder.path()).await?;
    let seen = measure(&server, &categories, seconds).await?;
    Ok(seen.measurements("latency", &Visible { p50: (20.0, 5.0), p99: (100.0, 20.0) }))
}

/// Registers businesses in these categories for so many seconds.
pub(crate) async fn measure(server: &Server, categories: &[String], seconds: usize) -> anyhow::Result<Seen> {
    let authorization = server.authorization()?;
    let prepare = |range: std::ops::Range<usize>| {
        let mut rng = ChaCha8Rng::seed_from_u64(range.start as u64);
        let headers = [("authorization", authorization.as_str())];
        let body = |number| with_body("POST", "/v1/businesses", &headers, &registration(&mut rng, number, categories));
        range.map(body).collect::<Vec<_>>()
    };
    // One second to warm up: first commands find cold code and empty caches.
    open_loop(server.api, prepare(0..COMMANDS_PER_SECOND)).await.context("warming up")?;
    open_loop(server.api, prepare(COMMANDS_PER_SECOND..COMMANDS_PER_SECOND * (1 + seconds))).await
}

/// Sends each command when it is due and follows it until it shows.
async fn open_loop(api: SocketAddr, commands: Vec<Vec<u8>>) -> anyhow::Result<Seen> {
    let interval = Duration::from_secs(1) / u32::try_from(COMMANDS_PER_SECOND)?;
    let count = commands.len();
    let mut lanes: Vec<Vec<(usize, Vec<u8>)>> = (0..CLIENTS).map(|_| Vec::new()).collect();
    for (number, command) in commands.into_iter().enumerate() {
        lanes[number % CLIENTS].push((number, command));
    }
    let begin = Instant::now() + Duration::from_millis(50);
    let mut clients = JoinSet::new();
    for lane in lanes {
        clients.spawn(async move {
            let mut client = Connection::open(api).await?;
            let mut seen = Seen::new()?;
            for (number, command) in lane {
                let due = begin + interval * u32::try_from(number)?;
                tokio::time::sleep_until(due).await;
                client.follow(&command, due, &mut seen).await?;
            }
            anyhow::Ok(seen)
        });
    }
    let mut all = Seen::new()?;
    while let Some(ended) = clients.join_next().await {
        let seen = ended.context("a client panicked")??;
        all.acknowledged.add(seen.acknowledged)?;
        all.visible.add(seen.visible)?;
        all.late.add(seen.late)?;
    }
    ensure!(all.visible.len() == count as u64, "{} of {count} commands were followed", all.visible.len());
    Ok(all)
}

impl Seen {
    fn new() -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, MICROSECONDS_MAX, 3);
        Ok(Self { acknowledged: histogram()?, visible: histogram()?, late: histogram()? })
    }

    /// As figures of a bench.
    pub(crate) fn measurements(&self, bench: &str, bounds: &Visible) -> Vec<Measurement> {
        let quantile = |id: &str, of: &Histogram<u64>, quantile: f64| {
            Measurement::new(&format!("{bench}/{id}"), of.value_at_quantile(quantile) as f64 / 1e3, "ms")
        };
        let bounded = |measurement: Measurement, (must, goal): (f64, f64)| {
            measurement.must(Bound::value_at_most(must)).goal(Bound::value_at_most(goal))
        };
        vec![
            bounded(quantile("visible-p50", &self.visible, 0.5), bounds.p50),
            bounded(quantile("visible-p99", &self.visible, 0.99), bounds.p99),
            quantile("visible-max", &self.visible, 1.0),
            quantile("command-p50", &self.acknowledged, 0.5),
            quantile("command-p99", &self.acknowledged, 0.99),
            quantile("sent-late-p99", &self.late, 0.99),
        ]
    }
}

impl Connection {
    /// Registers a business and asks for its page until it is there.
    async fn follow(&mut self, command: &[u8], due: Instant, seen: &mut Seen) -> anyhow::Result<()> {
        seen.late.saturating_record(microseconds(due));
        let answer = self.send(command).await?;
        ensure!(answer.status == 201, "a registration was answered {}", answer.words());
        let acknowledged = Instant::now();
        seen.acknowledged.saturating_record(microseconds(due));
        let page = get(&page_of(&answer)?, &[]);
        loop {
            let answer = self.send(&page).await?;
            if answer.status == 200 {
                break;
            }
            ensure!(answer.status == 404, "a page was answered {}", answer.words());
            ensure!(acknowledged.elapsed() < VISIBLE_DEADLINE, "a page did not show in {VISIBLE_DEADLINE:?}");
        }
        seen.visible.saturating_record(microseconds(acknowledged));
        Ok(())
    }
}

/// Where the page of a business is that was registered just now.
pub(crate) fn page_of(answer: &crate::load::Answer<'_>) -> anyhow::Result<String> {
    Ok(answer.header("location").with_context(|| format!("no Location: {}", answer.words()))?.to_owned())
}

fn microseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(MICROSECONDS_MAX)
}
