//! Mixed load: writers that each care for businesses of their own, one command at a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use http_api::ConsistencyToken;
use it::marked::{Acknowledged, Business, Command, Kind, Mark, next_command};
use it::{Answer, Client};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use tokio::sync::Notify;
use uuid::Uuid;

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
                None => {
                    let mark = Mark(shared.marks.fetch_add(1, Ordering::SeqCst));
                    (next_command(&mut self.businesses, mark, &mut self.rng), false)
                }
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
                self.businesses.push(Business::new(accepted.id));
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
