//! Decides which generation of a group is served, and makes the next one.
//!
//! A new generation is folded from the first event on beside the one that is served. When it has caught up, both are
//! brought to one position and compared; then it takes over at a position that both have published, so that nobody ever
//! reads something older than before. What is served is written down first: a killed process goes on where it was.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::generation::{Generation, Purpose, Spec};
use super::group::{GroupHealth, RebuildRefused, Served};
use super::rebuild::{Rebuild, RebuildPhase, RebuildStatus};
use super::session::Failure;
use super::{GroupError, StopSignal};
use crate::lmdb::Generations;
use crate::port::StoreError;

/// What operators ask for.
pub(super) enum Order {
    Rebuild(oneshot::Sender<Result<RebuildStatus, RebuildRefused>>),
    Pause(oneshot::Sender<()>),
    Resume(oneshot::Sender<()>),
}

/// What others see of a group.
pub(super) struct Shown {
    pub(super) served: watch::Sender<Served>,
    pub(super) health: watch::Sender<GroupHealth>,
    pub(super) rebuild: watch::Sender<Option<RebuildStatus>>,
}

/// A group's generations.
pub(super) struct Supervisor {
    spec: Arc<Spec>,
    generations: Generations,
    serving: Generation,
    next: Option<Rebuild>,
    paused: bool,
}

impl Supervisor {
    /// Opens what is served, and what was being made when the process ended.
    pub(super) async fn open(spec: Arc<Spec>) -> Result<Self, GroupError> {
        let generations = Generations::of(&spec.options.views_folder, &spec.options.name);
        let number = match generations.serving()? {
            Some(number) => number,
            None => {
                // Whatever lies there was never served.
                generations.numbers().into_iter().for_each(|number| generations.remove(number));
                generations.serve(1)?;
                1
            }
        };
        let serving = Generation::open(&spec, number, Purpose::Serves).await?;
        for older in generations.numbers().into_iter().filter(|other| *other < number) {
            generations.remove(older);
        }
        let mut supervisor = Self { spec, generations, serving, next: None, paused: false };
        supervisor.go_on_with_a_rebuild().await?;
        Ok(supervisor)
    }

    pub(super) fn served(&self) -> Served {
        Served::of(&self.serving)
    }

    /// How far the next generation is, if one is being made.
    pub(super) fn rebuilding(&self) -> Option<RebuildStatus> {
        let next = self.next.as_ref()?;
        let phase = if next.is_comparing() { RebuildPhase::Comparing } else { RebuildPhase::Folding };
        Some(next.status(phase, None))
    }

    pub(super) fn health(&self) -> GroupHealth {
        let of_next = || self.next.as_ref().map(|next| next.generation.health.borrow().clone());
        match (self.paused, self.serving.frozen) {
            (true, _) => GroupHealth::Paused,
            (_, false) => self.serving.health.borrow().clone(),
            (_, true) => match of_next() {
                Some(health @ (GroupHealth::Stalled { .. } | GroupHealth::Halted { .. })) => health,
                Some(_) => GroupHealth::Rebuilding,
                None => GroupHealth::Halted { reason: "the rows of the new version could not be made".to_owned() },
            },
        }
    }

    /// Until told to stop.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>, stop: StopSignal, shown: Shown) {
        if let Err(error) = self.resume() {
            shown.health.send_replace(GroupHealth::Halted { reason: error.to_string() });
            return;
        }
        loop {
            self.tell(&shown);
            tokio::select! {
                biased;
                () = stopped(stop.clone()) => break,
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => break,
                },
                changed = self.serving.health.changed() => if changed.is_err() {
                    let reason = "the thread of the projection is gone".to_owned();
                    shown.health.send_replace(GroupHealth::Halted { reason });
                    return;
                },
                () = rebuild_moves(&mut self.next) => self.go_on(&stop, &shown).await,
            }
        }
        self.pause().await;
        // The last reader may be gone by now.
        shown.health.send_replace(GroupHealth::Stopped);
    }

    fn tell(&self, shown: &Shown) {
        let health = self.health();
        shown.health.send_if_modified(|now| {
            let changed = *now != health;
            *now = health;
            changed
        });
        if let Some(status) = self.rebuilding() {
            shown.rebuild.send_replace(Some(status));
        }
    }

    async fn obey(&mut self, order: Order) {
        // Whoever asked may be gone by now.
        match order {
            Order::Rebuild(answer) => drop(answer.send(self.begin().await)),
            Order::Pause(answer) => {
                self.paused = true;
                self.pause().await;
                let _ = answer.send(());
            }
            Order::Resume(answer) => {
                self.paused = false;
                if let Err(error) = self.resume() {
                    tracing::error!(group = self.spec.options.name, %error, "the group cannot go on");
                }
                let _ = answer.send(());
            }
        }
    }

    async fn pause(&mut self) {
        self.serving.stop().await;
        if let Some(next) = &mut self.next {
            next.generation.stop().await;
        }
    }

    fn resume(&mut self) -> Result<(), StoreError> {
        self.serving.start(None)?;
        if let Some(next) = &mut self.next {
            // A frozen generation is compared at its position, before that is passed.
            let before = self.serving.frozen && !next.compared && !next.is_comparing();
            let until = before.then(|| self.serving.published());
            next.generation.start(until)?;
        }
        Ok(())
    }

    /// Begins a new generation.
    async fn begin(&mut self) -> Result<RebuildStatus, RebuildRefused> {
        if self.next.is_some() {
            return Err(RebuildRefused::UnderWay);
        }
        if self.paused {
            return Err(RebuildRefused::Paused);
        }
        let failed = |error: String| RebuildRefused::Failed(error);
        self.open_next(self.serving.number + 1).await.map_err(|error| failed(error.to_string()))?;
        self.resume().map_err(|error| failed(error.to_string()))?;
        let next = self.next.as_ref().ok_or(RebuildRefused::UnderWay)?;
        Ok(next.status(RebuildPhase::Folding, None))
    }

    /// What was being made when the process ended, if it still makes sense; a new one if this program has another
    /// version of the projection than the rows that are served.
    async fn go_on_with_a_rebuild(&mut self) -> Result<(), GroupError> {
        let later = self.generations.numbers().into_iter().filter(|number| *number > self.serving.number);
        let mut later: Vec<u32> = later.collect();
        let begun = later.pop();
        later.into_iter().for_each(|number| self.generations.remove(number));
        match begun {
            Some(number) => match self.open_next(number).await {
                Ok(()) => {}
                Err(GroupError::Store(StoreError::Foreign { reason })) => {
                    tracing::warn!(reason, "a generation that was being made is begun again");
                    self.generations.remove(number);
                    self.open_next(number).await?;
                }
                Err(error) => return Err(error),
            },
            None if self.serving.frozen => self.open_next(self.serving.number + 1).await?,
            None => return Ok(()),
        }
        tracing::info!(
            group = self.spec.options.name,
            generation = self.next.as_ref().map(|next| next.generation.number),
            "making a new generation of views; until it has caught up the old one is served"
        );
        Ok(())
    }

    async fn open_next(&mut self, number: u32) -> Result<(), GroupError> {
        let mut generation = Generation::open(&self.spec, number, Purpose::Rebuilds).await?;
        if generation.frozen {
            // Begun by yet another version of the program.
            drop(generation);
            self.generations.remove(number);
            generation = Generation::open(&self.spec, number, Purpose::Rebuilds).await?;
        }
        let mut next = Rebuild::of(generation);
        // Beyond the position of a frozen one there is nothing to compare with any more.
        next.compared = self.serving.frozen && next.generation.published() > self.serving.published();
        self.next = Some(next);
        Ok(())
    }

    /// Takes the next step of a rebuild, if it is time for it.
    async fn go_on(&mut self, stop: &StopSignal, shown: &Shown) {
        if let Err(failure) = self.step(stop, shown).await {
            let (Failure::Stalled(reason) | Failure::Halted(reason) | Failure::FeedHalted(reason)) = failure;
            self.give_up(reason, shown).await;
        }
    }

    async fn step(&mut self, stop: &StopSignal, shown: &Shown) -> Result<(), Failure> {
        let Some(next) = &mut self.next else { return Ok(()) };
        let health = next.generation.health.borrow().clone();
        if let GroupHealth::Halted { reason } = health {
            return Err(Failure::Halted(reason));
        }
        if self.paused || next.is_comparing() {
            return Ok(());
        }
        let served_at = self.serving.published();
        if matches!(*self.serving.health.borrow(), GroupHealth::Halted { .. }) {
            // A rebuild is what mends it; it cannot be brought to any position.
            next.compared = true;
        }
        if !next.compared {
            let reached = match self.serving.frozen {
                true => health == GroupHealth::Stopped && next.generation.published() >= served_at,
                false => health == GroupHealth::Live,
            };
            if !reached {
                return Ok(());
            }
            // Both to one position. It takes as long as a few events, in which nothing is published.
            self.serving.stop().await;
            next.generation.stop().await;
            let at = self.serving.published().max(next.generation.published());
            self.serving.fold_until(at, stop.clone()).await?;
            next.generation.fold_until(at, stop.clone()).await?;
            next.compare(self.serving.store.clone(), stop.clone()).await;
            self.serving.start(None)?;
            next.generation.start(None)?;
            return Ok(());
        }
        if health != GroupHealth::Live {
            return Ok(());
        }
        // The last few events, so that nobody reads something older than before.
        self.serving.stop().await;
        next.generation.stop().await;
        next.generation.fold_until(self.serving.published(), stop.clone()).await?;
        if !*stop.borrow() {
            self.switch(shown)?;
        }
        Ok(())
    }

    /// From here on the new generation is served.
    fn switch(&mut self, shown: &Shown) -> Result<(), Failure> {
        let Some(next) = self.next.take() else { return Ok(()) };
        if let Err(error) = self.generations.serve(next.generation.number) {
            self.next = Some(next);
            return Err(error.into());
        }
        let finished = next.status(RebuildPhase::Finished, None);
        tracing::info!(
            group = self.spec.options.name,
            generation = finished.generation,
            position = finished.position,
            differences = finished.difference.as_ref().map(crate::lmdb::Difference::count),
            "a new generation of views is served"
        );
        let mut generation = next.generation;
        generation.serves();
        let old = std::mem::replace(&mut self.serving, generation);
        shown.served.send_replace(self.served());
        // Requests that read it still do: its files go when the last of them is done.
        self.generations.remove(old.number);
        shown.rebuild.send_replace(Some(finished));
        Ok(self.serving.start(None)?)
    }

    async fn give_up(&mut self, reason: String, shown: &Shown) {
        let Some(mut next) = self.next.take() else { return };
        tracing::error!(group = self.spec.options.name, reason, "a rebuild failed; what was served before still is");
        next.generation.stop().await;
        shown.rebuild.send_replace(Some(next.status(RebuildPhase::Failed, Some(reason))));
        self.generations.remove(next.generation.number);
        if let Err(error) = self.serving.start(None) {
            tracing::error!(group = self.spec.options.name, %error, "the group cannot go on");
        }
    }
}

/// Returns when the group is told to end, or nobody is left to tell it.
async fn stopped(mut stop: StopSignal) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Returns when there may be something to do for a rebuild.
async fn rebuild_moves(next: &mut Option<Rebuild>) {
    match next {
        Some(next) => next.moves().await,
        None => std::future::pending().await,
    }
}
