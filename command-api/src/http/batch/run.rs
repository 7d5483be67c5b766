//! A batch on its way: reads lines, runs their commands side by side, answers in their order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use events::Actor;
use http_body_util::channel::Sender;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::super::Api;
use super::super::problems::Refused;
use super::line::{Asked, read_line};
use super::lines::{End, Lines, Next};
use super::options::BatchOptions;
use super::result::BatchResult;
use crate::batch::{Order, Place, Thing, Touch, touches};
use crate::handler::CommandContext;

/// Results are sent together, up to so many bytes, if they are there at the same time.
const CHUNK_BYTES: usize = 16 * 1024;

/// What all lines of a batch share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) api: Api,
    pub(super) actor: Actor,
    pub(super) correlation: Uuid,
    pub(super) request_id: Arc<str>,
    pub(super) dry_run: bool,
}

/// A batch that runs.
pub(super) struct Batch {
    pub(super) shared: Shared,
    pub(super) lines: Lines,
    pub(super) results: Sender<Bytes, axum::Error>,
    /// Held until the last result is sent.
    pub(super) permit: OwnedSemaphorePermit,
}

/// Why no more lines are taken.
enum Over {
    Input(End),
    Stopping,
}

/// A line that was taken and is not answered.
struct Taken {
    number: u64,
    bytes: usize,
    touched: Vec<(Thing, Touch)>,
    work: Work,
}

enum Work {
    /// It was refused at the door.
    Done(Vec<u8>),
    Running(JoinHandle<Vec<u8>>),
}

impl Batch {
    /// Runs until the input ends and everything is answered, or the client is gone. What was begun is finished then,
    /// too: commands are tasks of their own.
    pub(super) async fn run(mut self, options: Arc<BatchOptions>) {
        let mut taken: VecDeque<Taken> = VecDeque::new();
        let mut order = Order::default();
        let mut bytes = 0;
        let mut over = None;
        loop {
            let may_take =
                over.is_none() && taken.len() < options.max_lines_in_flight && bytes < options.max_bytes_in_flight;
            if !may_take {
                self.lines.not_wanted();
            }
            tokio::select! {
                biased;
                text = first_result(&mut taken), if !taken.is_empty() => {
                    let mut chunk = text;
                    loop {
                        if let Some(first) = taken.pop_front() {
                            bytes -= first.bytes;
                            order.leave(first.number, &first.touched);
                        }
                        if chunk.len() >= CHUNK_BYTES || !taken.front().is_some_and(Taken::is_done) {
                            break;
                        }
                        chunk.extend(first_result(&mut taken).await);
                    }
                    if !self.send(chunk, options.result_write_timeout).await {
                        return;
                    }
                    // It may have waited for the client to read.
                    self.lines.not_wanted();
                }
                () = stopping(options.stop.clone()), if over.is_none() => over = Some(Over::Stopping),
                next = self.lines.next(), if may_take => match next {
                    Next::End(end) => over = Some(Over::Input(end)),
                    Next::Line(text) => {
                        let line = self.shared.take(self.lines.number(), &text, &mut order);
                        bytes += line.bytes;
                        taken.push_back(line);
                    }
                    Next::TooLong => {
                        let refused = Refused::line_too_long(options.max_line_bytes);
                        taken.push_back(self.shared.refused(self.lines.number(), refused));
                    }
                },
                else => break,
            }
        }
        if let Some(refused) = over.and_then(Over::refusal) {
            let mut text = Vec::new();
            let not_taken = self.lines.number() + 1;
            BatchResult::refused(not_taken, refused, &self.shared.request_id).write(&mut text);
            self.send(text, options.result_write_timeout).await;
            // A connection that is closed while its client sends is reset, and what came last may be lost with it.
            let _until_the_client_ends = timeout(options.early_end_patience, self.lines.discard()).await;
        }
        drop(self.permit);
    }

    /// Whether the client took it. One that reads no results must not hold the batch for ever.
    async fn send(&mut self, text: Vec<u8>, patience: Duration) -> bool {
        match timeout(patience, self.results.send_data(text.into())).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                tracing::warn!(
                    request_id = &*self.shared.request_id,
                    "a batch is broken off: its results are not read"
                );
                let (gone, _) = http_body_util::channel::Channel::new(1);
                // Without this the answer would look complete.
                std::mem::replace(&mut self.results, gone).abort(axum::Error::new("the results were not read"));
                false
            }
        }
    }
}

impl Shared {
    /// Begins what a line asks for.
    fn take(&self, number: u64, text: &Bytes, order: &mut Order) -> Taken {
        let asked = match read_line(text) {
            Ok(asked) => asked,
            Err(refused) => return self.refused(number, refused),
        };
        let touched = touches(&asked.command, asked.idempotency_key.as_deref());
        let place = order.join(number, &touched);
        let work = Work::Running(tokio::spawn(self.clone().execute(asked, place)));
        Taken { number, bytes: text.len(), touched, work }
    }

    fn refused(&self, number: u64, refused: Refused) -> Taken {
        let mut text = Vec::new();
        BatchResult::refused(number, refused, &self.request_id).write(&mut text);
        Taken { number, bytes: 0, touched: Vec::new(), work: Work::Done(text) }
    }

    /// Waits for its turn, executes, and says what came of it. Whoever waits for it goes on when it returns.
    async fn execute(self, asked: Asked, mut place: Place) -> Vec<u8> {
        place.turn().await;
        let context = CommandContext {
            idempotency_key: asked.idempotency_key,
            if_match: asked.if_match,
            dry_run: self.dry_run,
            correlation: self.correlation,
            ..CommandContext::of(self.actor)
        };
        let number = place.number();
        let result = match self.api.decide(context, asked.command).await {
            Ok(accepted) => BatchResult::accepted(number, accepted),
            Err(error) => BatchResult::refused(number, error.into(), &self.request_id).of_command(),
        };
        drop(place);
        let mut text = Vec::new();
        result.write(&mut text);
        text
    }
}

impl Taken {
    fn is_done(&self) -> bool {
        match &self.work {
            Work::Done(_) => true,
            Work::Running(task) => task.is_finished(),
        }
    }
}

/// The result of the line that is to be answered next. Cancel safe.
async fn first_result(taken: &mut VecDeque<Taken>) -> Vec<u8> {
    let Some(first) = taken.front_mut() else { return std::future::pending().await };
    match &mut first.work {
        Work::Done(text) => std::mem::take(text),
        Work::Running(task) => match task.await {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "a command of a batch panicked");
                let mut text = Vec::new();
                BatchResult::refused(first.number, Refused::internal(), "").write(&mut text);
                text
            }
        },
    }
}

/// Returns when no more is to be begun.
async fn stopping(stop: Option<watch::Receiver<bool>>) {
    let Some(mut stop) = stop else { return std::future::pending().await };
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could say so.
        std::future::pending::<()>().await;
    }
}

impl Over {
    /// What the last line of the answer says; nothing when all was taken.
    fn refusal(self) -> Option<Refused> {
        match self {
            Self::Input(End::Complete) => None,
            Self::Input(End::Broken) => Some(Refused::batch_broken_off()),
            Self::Input(End::TooSlow) => Some(Refused::batch_timed_out()),
            Self::Stopping => Some(Refused::stopping()),
        }
    }
}
