//! Mixed load: writers that each care for businesses of their own, one command at a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use http_api::ConsistencyToken;
use it::{Answer, Client};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::command::{CATEGORIES, Command, Kind, LOCATIONS, Mark};

/// What all writers of a world share.
#[derive(Default)]
pub(crate) struct Shared {
    /// The next mark.
    pub(crate) marks: AtomicU64,
    /// Whether nothing more is to be sent.
    pub(crate) stop: AtomicBool,
    /// Told of every acknowledgement.
    pub(crate) acknowledged: Notify,
}

/// One client in a loop. It outlives the program that it talks to.
pub(crate) struct Writer {
    rng: ChaCha8Rng,
    businesses: Vec<Business>,
    /// Sent, and the answer was lost.
    pub(crate) unsettled: Option<Command>,
    /// Answered in the round that runs.
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Reads answered, ever.
    pub(crate) reads: u64,
    /// Answers given again for a command that had been accepted before a kill, ever.
    pub(crate) replayed: u64,
}

/// A business that the writer may still change.
struct Business {
    id: Uuid,
    version: u64,
    closed: bool,
    turn: u64,
    token: String,
}

/// A command that was answered: its event is at this position.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    pub(crate) command: Command,
    pub(crate) business: Uuid,
    pub(crate) version: u64,
    pub(crate) position: u64,
}

/// What every command answers, as far as it matters here.
#[derive(Deserialize)]
struct Accepted {
    id: Uuid,
    version: u64,
}

impl Writer {
    /// Writers with different seeds do different things.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            businesses: Vec::new(),
            unsettled: None,
            acknowledged: Vec::new(),
            reads: 0,
            replayed: 0,
        }
    }

    /// Sends commands and reads until told to stop or the program is gone.
    ///
    /// # Errors
    /// An answer that must not be.
    pub(crate) async fn run(&mut self, client: &Client, shared: &Shared) -> anyhow::Result<()> {
        while !shared.stop.load(Ordering::SeqCst) {
            if self.unsettled.is_none() && self.rng.random_bool(0.1) && !self.businesses.is_empty() {
                if !self.read(client).await? {
                    return Ok(());
                }
                continue;
            }
            let (command, again) = match self.unsettled.take() {
                Some(command) => (command, true),
                None => (self.next_command(Mark(shared.marks.fetch_add(1, Ordering::SeqCst))), false),
            };
            let (method, path) = command.target();
            let key = format!("crash-{}", command.mark);
            let answer = client.command(method, &path, &command.body, &[("Idempotency-Key", &key)]).await;
            match answer {
                Ok(answer) => {
                    self.settle(command, &answer, again)?;
                    shared.acknowledged.notify_one();
                }
                // Whether it was accepted is not known; asking again under the same key will tell.
                Err(_) => {
                    self.unsettled = Some(command);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn next_command(&mut self, mark: Mark) -> Command {
        if self.businesses.len() < 4 || self.rng.random_bool(0.4) {
            return Command::register(mark, &mut self.rng);
        }
        let index = self.rng.random_range(0..self.businesses.len());
        let business = &mut self.businesses[index];
        // Of a closed business only the removal is sure to be accepted.
        let kind = if business.closed { Kind::Remove } else { Kind::choose(&mut self.rng) };
        business.turn += u64::from(kind == Kind::Recategorize);
        Command::about(business.id, kind, mark, business.turn, &mut self.rng)
    }

    /// Takes an answer to a command.
    fn settle(&mut self, command: Command, answer: &Answer, again: bool) -> anyhow::Result<()> {
        let wanted = if command.kind == Kind::Register { 201 } else { 200 };
        ensure!(answer.status == wanted, "{command:?} was answered {}: {}", answer.status, answer.text());
        let accepted: Accepted = answer.json()?;
        let token = answer.header("lawless-consistency").to_owned();
        let position = token.parse::<ConsistencyToken>().with_context(|| format!("the token {token:?}"))?.position.0;
        let replayed = answer.header("idempotent-replayed") == "true";
        ensure!(!replayed || again, "{command:?} was sent once and answered as a repeat");
        self.replayed += u64::from(replayed);
        let expected = match command.kind {
            Kind::Register => {
                let id = accepted.id;
                self.businesses.push(Business { id, version: 0, closed: false, turn: 0, token: String::new() });
                1
            }
            _ => self.business(accepted.id)?.version + 1,
        };
        ensure!(accepted.version == expected, "{command:?} led to version {}, not {expected}", accepted.version);
        let business = self.business(accepted.id)?;
        (business.version, business.token) = (accepted.version, token);
        business.closed |= command.kind == Kind::Close;
        if command.kind == Kind::Remove {
            self.businesses.retain(|business| business.id != accepted.id);
        }
        self.acknowledged.push(Acknowledged { command, business: accepted.id, version: accepted.version, position });
        Ok(())
    }

    fn business(&mut self, id: Uuid) -> anyhow::Result<&mut Business> {
        self.businesses.iter_mut().find(|business| business.id == id).context("an answer about another business")
    }

    /// Reads a business of its own with the token of its last command; whether the program still answers.
    async fn read(&mut self, client: &Client) -> anyhow::Result<bool> {
        let business = &self.businesses[self.rng.random_range(0..self.businesses.len())];
        let path = format!("/v1/businesses/{}", business.id);
        let Ok(answer) = client.get(&path, &[("Lawless-Consistency", &business.token)]).await else { return Ok(false) };
        if answer.header("lawless-stale") == "?1" {
            return Ok(true);
        }
        ensure!(answer.status == 200, "{path} answers {}: {}", answer.status, answer.text());
        let page: views::BusinessPage = answer.json()?;
        if page.version != business.version {
            bail!("{path} shows version {} after version {} was acknowledged", page.version, business.version);
        }
        self.reads += 1;
        Ok(true)
    }
}

/// Defines the two trees in a fresh directory; the position of the last event.
///
/// # Errors
/// One of them was not accepted.
pub(crate) async fn define_trees(client: &Client) -> anyhow::Result<u64> {
    let mut position = 0;
    let categories = CATEGORIES.map(|(slug, parent)| ("categories", slug, json!({"names": {"en": slug}}), parent));
    let locations =
        LOCATIONS.map(|(slug, parent, kind)| ("locations", slug, json!({"names": {"en": slug}, "kind": kind}), parent));
    for (tree, slug, mut body, parent) in categories.into_iter().chain(locations) {
        if let Some(parent) = parent {
            body["parent"] = json!(parent);
        }
        let answer = client.command("PUT", &format!("/v1/{tree}/{slug}"), &body, &[]).await?;
        ensure!(answer.status == 201, "{slug}: {} {}", answer.status, answer.text());
        position = answer.header("lawless-consistency").parse::<ConsistencyToken>().context("the token")?.position.0;
    }
    Ok(position)
}
