//! A generation that is made anew beside the one that is served.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::StopSignal;
use super::generation::Generation;
use super::pace::{Pace, Reached};
use crate::lmdb::{Difference, LmdbProjectionStore};
use crate::port::StoreError;

/// How far a rebuild is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RebuildStatus {
    /// Number of the generation that is made.
    pub generation: u32,
    /// What is being done.
    pub phase: RebuildPhase,
    /// How far its rows have come.
    pub position: u64,
    /// Seconds since it began, or since the process began to go on with it.
    pub seconds: f64,
    /// Events folded per second; from the first batch on, once there are two: the first one overlaps with nothing yet.
    pub events_per_second: f64,
    /// How the new rows differ from those that were served, both at one position. Absent until they were compared, and
    /// if they could not be.
    pub difference: Option<Difference>,
    /// Why it failed.
    pub failure: Option<String>,
}

/// What a rebuild is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebuildPhase {
    /// Events are folded from the first one on.
    Folding,
    /// Its rows are compared with those that are served.
    Comparing,
    /// It is served.
    Finished,
    /// It was given up; what was served before still is.
    Failed,
}

/// A rebuild under way.
pub(super) struct Rebuild {
    pub(super) generation: Generation,
    pace: Pace,
    /// Runs until the two are compared.
    comparing: Option<JoinHandle<Result<Option<Difference>, StoreError>>>,
    /// Nothing more is to be compared.
    pub(super) compared: bool,
    difference: Option<Difference>,
}

impl Rebuild {
    pub(super) fn of(generation: Generation) -> Self {
        let pace = Pace::from(Reached::now(generation.published()));
        Self { generation, pace, comparing: None, compared: false, difference: None }
    }

    pub(super) fn status(&self, phase: RebuildPhase, failure: Option<String>) -> RebuildStatus {
        let position = self.generation.published();
        RebuildStatus {
            generation: self.generation.number,
            phase,
            position: position.0,
            seconds: self.pace.begun.at.elapsed().as_secs_f64(),
            events_per_second: self.pace.events_per_second(Reached::now(position)),
            difference: self.difference.clone(),
            failure,
        }
    }

    pub(super) fn is_comparing(&self) -> bool {
        self.comparing.is_some()
    }

    /// Compares what both hold now; returns once what is written to either of them no longer shows.
    pub(super) async fn compare(&mut self, served: Arc<LmdbProjectionStore>, stop: StopSignal) {
        let made = self.generation.store.clone();
        let (begun, has_begun) = oneshot::channel();
        let compare = move || {
            Difference::between(
                &served,
                &made,
                || {
                    let _ = begun.send(());
                },
                || !*stop.borrow(),
            )
        };
        self.comparing = Some(tokio::task::spawn_blocking(compare));
        // Or it has failed, which is told when it is waited for.
        let _ = has_begun.await;
    }

    /// Returns when there may be something to do. Cancel safe.
    pub(super) async fn moves(&mut self) {
        let Generation { health, status, .. } = &mut self.generation;
        let compared = async {
            match &mut self.comparing {
                Some(comparing) => comparing.await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            outcome = compared => outcome,
            _ = health.changed() => return,
            _ = status.changed() => return self.pace.look(Reached::now(self.generation.published())),
        };
        self.comparing = None;
        self.compared = true;
        match outcome {
            Ok(Ok(difference)) => self.difference = difference,
            // A report, never a gate.
            Ok(Err(error)) => tracing::warn!(%error, "the new rows could not be compared with those that are served"),
            Err(error) => tracing::warn!(%error, "comparing the new rows with those that are served failed"),
        }
    }
}
