//! Mixed load: writers that each care for businesses of their own, and readers of all of them. Both ask another process when
//! one does not answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use http_api::ConsistencyToken;
use it::Answer;
use it::marked::{Acknowledged, Business, Command, Kind, Mark, next_command};
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use uuid::Uuid;

use crate::fleet::{Doors, OF_EACH};

/// A process that has not answered by then is given up.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);
/// A command that is accepted nowhere for so long never will be. Longer than any fault.
const SETTLED_DEADLINE: Duration = Duration::from_secs(90);
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Between two requests of a client.
const WRITE_PAUSE_MS_MAX: u64 = 40;
const READ_PAUSE_MS_MAX: u64 = 15;
/// Lists that are read.
const LISTS: [&str; 3] = [
    "/v1/categories/food/businesses?sort=best&limit=20",
    "/v1/locations/aa/businesses?sort=name&limit=20",
    "/v1/categories",
];

/// What all clients share.
#[derive(Default)]
pub(crate) struct Shared {
    marks: AtomicU64,
    stop: AtomicBool,
    /// What readers may ask for, and what they must find.
    known: Mutex<BTreeMap<Uuid, Known>>,
    newest: Mutex<Option<ConsistencyToken>>,
    /// Whether the only node that has rows is harmed.
    rows_away: AtomicBool,
    pub(crate) counts: Counts,
}

/// A business, as its last acknowledged command left it.
#[derive(Clone)]
struct Known {
    version: u64,
    token: String,
}

/// What was answered.
#[derive(Default)]
pub(crate) struct Counts {
    /// Commands that were acknowledged.
    pub(crate) acknowledged: AtomicU64,
    /// Those among them whose first answer was lost.
    pub(crate) replayed: AtomicU64,
    /// Reads that were begun.
    pub(crate) reads: AtomicU64,
    /// Those among them that a second process answered.
    pub(crate) second: AtomicU64,
    /// Those among them that nobody answered.
    pub(crate) failed: AtomicU64,
    /// Reads while the only node that has rows was harmed, and those of them that nobody answered: counted here alone.
    pub(crate) reads_without_rows: AtomicU64,
    pub(crate) failed_without_rows: AtomicU64,
    /// Answers that said they may be old.
    pub(crate) stale: AtomicU64,
    /// Pages that were as new as their token.
    pub(crate) checked: AtomicU64,
}

impl Shared {
    /// Nothing more is begun.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// From here on the only node that has rows is harmed, or is no more.
    pub(crate) fn rows_are_away(&self, away: bool) {
        self.rows_away.store(away, Ordering::SeqCst);
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    /// The token that knows of all that was acknowledged.
    pub(crate) fn newest(&self) -> Option<ConsistencyToken> {
        *self.newest.lock().expect("nobody panics with it")
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Known>> {
        self.known.lock().expect("nobody panics with it")
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What every command answers, as far as it matters here.
#[derive(Deserialize)]
struct Accepted {
    id: Uuid,
    version: u64,
}

/// A client that sends one command after the other, each until it is answered.
pub(crate) struct Writer {
    rng: ChaCha8Rng,
    businesses: Vec<Business>,
}

impl Writer {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), businesses: Vec::new() }
    }

    /// Works until told to stop; gives what was acknowledged.
    ///
    /// # Errors
    /// An answer that must not be, or none for too long.
    pub(crate) async fn run(mut self, doors: &Doors, shared: &Shared) -> anyhow::Result<Vec<Acknowledged>> {
        let mut acknowledged = Vec::new();
        while shared.goes_on() {
            let mark = Mark(shared.marks.fetch_add(1, Ordering::SeqCst));
            let command = next_command(&mut self.businesses, mark, &mut self.rng);
            if let (Kind::Remove, Some(id)) = (command.kind, command.business) {
                // From here on it may be gone.
                shared.known().remove(&id);
            }
            let (answer, again) = self.settled(&command, doors).await?;
            acknowledged.push(self.accept(command, &answer, again, shared)?);
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..WRITE_PAUSE_MS_MAX))).await;
        }
        Ok(acknowledged)
    }

    /// Sends a command under one key, to one process after the other, until it is answered; and whether that took several times.
    async fn settled(&mut self, command: &Command, doors: &Doors) -> anyhow::Result<(Answer, bool)> {
        let (method, path) = command.target();
        let key = format!("chaos-{}", command.mark);
        let (begun, first) = (Instant::now(), self.rng.random_range(0..OF_EACH));
        for attempt in 0.. {
            let said = match doors.command_api(first + attempt) {
                None => "nobody is there".to_owned(),
                Some(client) => {
                    let headers = [("Idempotency-Key", key.as_str())];
                    let sent = client.command(method, &path, &command.body, &headers);
                    match tokio::time::timeout(ANSWER_DEADLINE, sent).await {
                        Ok(Ok(answer)) if answer.status < 500 => return Ok((answer, attempt > 0)),
                        Ok(Ok(answer)) => format!("{} {}", answer.status, answer.text()),
                        Ok(Err(error)) => format!("{error:#}"),
                        Err(_) => "nothing".to_owned(),
                    }
                }
            };
            ensure!(begun.elapsed() < SETTLED_DEADLINE, "{command:?} is accepted nowhere; the last answer: {said}");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        unreachable!("it goes on until there is an answer or an error")
    }

    fn accept(
        &mut self,
        command: Command,
        answer: &Answer,
        again: bool,
        shared: &Shared,
    ) -> anyhow::Result<Acknowledged> {
        let wanted = if command.kind == Kind::Register { 201 } else { 200 };
        ensure!(answer.status == wanted, "{command:?} was answered {}: {}", answer.status, answer.text());
        let accepted: Accepted = answer.json()?;
        let text = answer.header("lawless-consistency").to_owned();
        let token = text.parse::<ConsistencyToken>().with_context(|| format!("the token {text:?}"))?;
        let replayed = answer.header("idempotent-replayed") == "true";
        ensure!(!replayed || again, "{command:?} was sent once and answered as a repeat");
        if replayed {
            count(&shared.counts.replayed);
        }
        if command.kind == Kind::Register {
            self.businesses.push(Business::new(accepted.id));
        }
        let mut own = self.businesses.iter_mut();
        let business = own.find(|business| business.id == accepted.id).context("an answer about another business")?;
        let expected = business.version + 1;
        ensure!(accepted.version == expected, "{command:?} led to version {}, not {expected}", accepted.version);
        (business.version, business.token) = (accepted.version, text);
        business.closed |= command.kind == Kind::Close;
        if command.kind == Kind::Remove {
            self.businesses.retain(|business| business.id != accepted.id);
        } else {
            shared.known().insert(accepted.id, Known { version: accepted.version, token: business.token.clone() });
        }
        let mut newest = shared.newest.lock().expect("nobody panics with it");
        *newest = newest.filter(|newest| newest.position >= token.position).or(Some(token));
        count(&shared.counts.acknowledged);
        Ok(Acknowledged { command, business: accepted.id, version: accepted.version, position: token.position.0 })
    }
}

/// Reads until told to stop: pages and lists, with a token and without.
///
/// # Errors
/// An answer that must not be.
pub(crate) async fn read(seed: u64, doors: &Doors, shared: &Shared) -> anyhow::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    while shared.goes_on() {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..READ_PAUSE_MS_MAX))).await;
        let picked = shared.known().iter().choose(&mut rng).map(|(id, known)| (*id, known.clone()));
        let Some((id, known)) = picked else { continue };
        let page = rng.random_bool(0.7);
        let path =
            if page { format!("/v1/businesses/{id}") } else { LISTS[rng.random_range(0..LISTS.len())].to_owned() };
        let token = rng.random_bool(0.5).then_some(known.token.as_str());
        let Some(answer) = answered(&path, token, rng.random_range(0..OF_EACH), doors, shared).await else {
            continue;
        };
        if answer.header("lawless-stale") == "?1" {
            count(&shared.counts.stale);
            continue;
        }
        // Without a token an answer may be as old as it is; with one it is new enough, or says that it is not.
        if token.is_none() {
            continue;
        }
        match answer.status {
            200 if page => {
                let shown: views::BusinessPage = answer.json()?;
                if shown.version < known.version {
                    bail!("{path} shows version {}, and {} was acknowledged", shown.version, known.version);
                }
            }
            200 => {}
            // It was removed meanwhile.
            404 | 410 if page && !shared.known().contains_key(&id) => {}
            status => bail!("{path} with the token {} answers {status}: {}", known.token, answer.text()),
        }
        count(&shared.counts.checked);
    }
    Ok(())
}

/// An answer of one process, or else of the other.
async fn answered(path: &str, token: Option<&str>, first: usize, doors: &Doors, shared: &Shared) -> Option<Answer> {
    let counts = &shared.counts;
    let rows_were_away = shared.rows_away.load(Ordering::SeqCst);
    let headers: Vec<(&str, &str)> = token.iter().map(|token| ("Lawless-Consistency", *token)).collect();
    let mut found = None;
    for attempt in 0..OF_EACH {
        let Some(client) = doors.query_api(first + attempt) else { continue };
        let asked = tokio::time::timeout(ANSWER_DEADLINE, client.get(path, &headers)).await;
        if let Ok(Ok(answer)) = asked
            && answer.status < 500
        {
            if attempt > 0 {
                count(&counts.second);
            }
            found = Some(answer);
            break;
        }
    }
    let (reads, failed) = match rows_were_away || shared.rows_away.load(Ordering::SeqCst) {
        true => (&counts.reads_without_rows, &counts.failed_without_rows),
        false => (&counts.reads, &counts.failed),
    };
    count(reads);
    if found.is_none() {
        count(failed);
    }
    found
}
