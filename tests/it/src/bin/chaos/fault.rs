//! What is done to whom, and when: the same for the same seed.

use std::fmt;
use std::time::Duration;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::engines::{EngineName, Engines};
use crate::fleet::{Fleet, OF_EACH, Role};
use crate::load::Shared;

/// How long a process or an engine is held, or gone, at most. Longer than the age at which a read says that it is old.
const AWAY_MS_MAX: u64 = 6_000;
/// How long all is well between two faults, at most.
const CALM_MS_MAX: u64 = 2_000;

/// Whom it happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Process(Role),
    Engine(EngineName),
}

impl Target {
    pub(crate) const ALL: [Self; 7] = [
        Self::Process(Role::CommandApi),
        Self::Process(Role::Relay),
        Self::Process(Role::Projectors),
        Self::Process(Role::QueryApi),
        Self::Engine(EngineName::Postgres),
        Self::Engine(EngineName::Kafka),
        Self::Engine(EngineName::Cassandra),
    ];

    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Process(role) => role.name(),
            Self::Engine(EngineName::Postgres) => "postgres",
            Self::Engine(EngineName::Kafka) => "kafka",
            Self::Engine(EngineName::Cassandra) => "cassandra",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|target| target.name() == name).ok_or(format!("one of {names}"))
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// SIGKILL, and started again after a while.
    Kill,
    /// SIGSTOP, and SIGCONT after a while.
    Pause,
    /// SIGTERM, and started again after a while.
    Restart,
}

/// One of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    target: Target,
    index: usize,
    harm: Harm,
    away: Duration,
    /// How long nothing happens afterwards.
    pub(crate) calm: Duration,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let harm = match self.harm {
            Harm::Kill => "SIGKILL",
            Harm::Pause => "SIGSTOP",
            Harm::Restart => "SIGTERM",
        };
        write!(f, "{harm} {}", self.target.name())?;
        if let Target::Process(_) = self.target {
            write!(f, " {}", self.index)?;
        }
        write!(f, ", {:.1} s", self.away.as_secs_f64())
    }
}

impl Fault {
    /// The next one.
    pub(crate) fn choose(targets: &[Target], rng: &mut ChaCha8Rng) -> Option<Self> {
        Some(Self {
            target: *targets.choose(rng)?,
            index: rng.random_range(0..OF_EACH),
            harm: *[Harm::Kill, Harm::Pause, Harm::Restart].choose(rng)?,
            away: Duration::from_millis(rng.random_range(0..AWAY_MS_MAX)),
            calm: Duration::from_millis(rng.random_range(0..CALM_MS_MAX)),
        })
    }

    /// Does it, and makes up for it. Whoever was harmed must come back by itself.
    ///
    /// # Errors
    /// It does not.
    pub(crate) async fn happen(&self, fleet: &mut Fleet, engines: &Engines, shared: &Shared) -> anyhow::Result<()> {
        shared.rows_are_away(self.target == Target::Engine(EngineName::Cassandra));
        match self.target {
            Target::Process(role) => self.harm_process(role, fleet).await?,
            Target::Engine(name) => self.harm_engine(name, engines).await?,
        }
        // Before the next harm: that any two of different kinds are borne together is not promised.
        let back = fleet.wait_all_ready().await;
        shared.rows_are_away(false);
        back
    }

    async fn harm_process(&self, role: Role, fleet: &mut Fleet) -> anyhow::Result<()> {
        match self.harm {
            Harm::Pause => {
                fleet.pause(role, self.index)?;
                tokio::time::sleep(self.away).await;
                return fleet.resume(role, self.index);
            }
            Harm::Kill => fleet.kill(role, self.index).await?,
            Harm::Restart => fleet.end(role, self.index).await?,
        }
        tokio::time::sleep(self.away).await;
        fleet.begin(role, self.index).await
    }

    async fn harm_engine(&self, name: EngineName, engines: &Engines) -> anyhow::Result<()> {
        match self.harm {
            Harm::Pause => {
                engines.pause(name).await?;
                tokio::time::sleep(self.away).await;
                return engines.resume(name).await;
            }
            Harm::Kill => engines.kill(name).await?,
            Harm::Restart => engines.end(name).await?,
        }
        tokio::time::sleep(self.away).await;
        engines.up(name).await
    }
}
