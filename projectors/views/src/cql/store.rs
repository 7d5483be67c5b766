//! The connections to the store, and what is the same for whoever reads and whoever writes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use events::{JournalId, Position};
use scylla::client::PoolSize;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::Consistency;
use scylla::statement::Statement;
use scylla::statement::prepared::PreparedStatement;

use super::options::{CqlConsistency, CqlCredentials, CqlOptions, CqlPool, checked_name};
use crate::port::ViewError;

/// Nodes that are asked for the same row besides the first, at most.
const SPECULATIONS_MAX: usize = 1;
/// Nodes have to agree on a new table, which takes longer than a read or a write may.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(30);

/// A store. All readers and publishers of a process share its connections.
pub struct CqlStore {
    pub(super) session: Session,
    pub(super) options: CqlOptions,
    reads: ExecutionProfile,
}

/// A group of views of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CqlGroup {
    /// Its name, for example `directory`.
    pub name: String,
    /// The journal whose positions count; `None` for whoever takes the journal that the views are of.
    pub journal_id: Option<JournalId>,
}

impl CqlStore {
    /// Connects to it.
    ///
    /// # Errors
    /// None of the nodes answers, or the name of the keyspace is none.
    pub async fn connect(options: CqlOptions) -> Result<Arc<Self>, ViewError> {
        const OPERATION: &str = "connect to the CQL store";
        checked_name(OPERATION, &options.keyspace)?;
        let consistency = match options.consistency {
            CqlConsistency::LocalQuorum => Consistency::LocalQuorum,
            CqlConsistency::LocalOne => Consistency::LocalOne,
        };
        let mut policy = DefaultPolicy::builder();
        if let Some(center) = &options.data_center {
            // What is acknowledged in one centre may be missing in another: asking there would break the promise.
            policy = policy.prefer_datacenter(center.clone()).permit_dc_failover(false);
        }
        let writes = ExecutionProfile::builder()
            .consistency(consistency)
            .request_timeout(Some(options.request_timeout))
            .load_balancing_policy(policy.build());
        let speculation = SimpleSpeculativeExecutionPolicy {
            max_retry_count: SPECULATIONS_MAX,
            retry_interval: options.speculate_after,
        };
        let reads = writes.clone().speculative_execution_policy(Some(Arc::new(speculation))).build();
        let pool = match options.pool {
            CqlPool::PerHost(number) => PoolSize::PerHost(number),
            CqlPool::PerShard(number) => PoolSize::PerShard(number),
        };
        let mut builder = SessionBuilder::new()
            .known_nodes(&options.nodes)
            .default_execution_profile_handle(writes.build().into_handle())
            .connection_timeout(options.connect_timeout)
            .hostname_resolution_timeout(Some(options.connect_timeout))
            .keyspaces_to_fetch([&options.keyspace])
            .pool_size(pool);
        if let Some(CqlCredentials { user, password }) = &options.credentials {
            builder = builder.user(user, password);
        }
        let session = within(OPERATION, options.connect_timeout, Box::pin(builder.build()))
            .await?
            .map_err(|e| ViewError::Unavailable { operation: OPERATION, reason: e.to_string() })?;
        let cluster = session.get_cluster_state();
        let centers = cluster.get_nodes_info().iter().filter_map(|node| node.datacenter.as_deref()).collect();
        check_data_center(&centers, options.data_center.as_deref())
            .map_err(|reason| ViewError::Unavailable { operation: OPERATION, reason })?;
        Ok(Arc::new(Self { session, options, reads }))
    }

    /// A statement that reads.
    pub(super) async fn prepare_read(
        &self,
        operation: &'static str,
        statement: &str,
    ) -> Result<PreparedStatement, ViewError> {
        let mut prepared = self.prepare(operation, statement).await?;
        prepared.set_execution_profile_handle(Some(self.reads.clone().into_handle()));
        Ok(prepared)
    }

    /// A statement. Every one of ours may be executed again: a row that is written twice is the same row.
    pub(super) async fn prepare(
        &self,
        operation: &'static str,
        statement: &str,
    ) -> Result<PreparedStatement, ViewError> {
        // The driver asks all nodes, and waits for each of them.
        let preparing = self.session.prepare(Statement::new(statement));
        let prepared = within(operation, self.options.request_timeout, preparing).await?;
        let mut prepared = prepared.map_err(|error| match error {
            PrepareError::AllAttemptsFailed {
                first_attempt: RequestAttemptError::DbError(DbError::Invalid, reason),
            } => ViewError::Unavailable { operation, reason: format!("nothing is published there: {reason}") },
            error => ViewError::Unavailable { operation, reason: error.to_string() },
        })?;
        prepared.set_is_idempotent(true);
        Ok(prepared)
    }

    /// Makes what `schemas/cql` says, if it is not there.
    pub(super) async fn make_tables(&self, table: &str) -> Result<(), ViewError> {
        const OPERATION: &str = "make the tables of views";
        let CqlOptions { keyspace, replicas, .. } = &self.options;
        let replication = format!("{{'class': 'NetworkTopologyStrategy', 'replication_factor': {replicas}}}");
        let make_keyspace = format!("CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}");
        let of_file = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("--"));
            lines.collect::<Vec<_>>().join("\n").replace("{keyspace}", keyspace).replace("{table}", table)
        };
        let statements = [
            make_keyspace,
            of_file(include_str!("../../../../schemas/cql/published.cql")),
            of_file(include_str!("../../../../schemas/cql/rows.cql")),
        ];
        for statement in statements {
            let mut statement = Statement::new(statement);
            statement.set_request_timeout(Some(SCHEMA_TIMEOUT));
            let made = within(OPERATION, SCHEMA_TIMEOUT, self.session.query_unpaged(statement, ())).await?;
            made.map_err(|e| failed(OPERATION, e))?;
        }
        Ok(())
    }
}

impl CqlGroup {
    /// The table of a generation.
    pub(super) fn table(&self, generation: u32) -> Result<String, ViewError> {
        let table = format!("{}_rows_{generation}", self.name);
        checked_name("name a table of views", &table)?;
        Ok(table)
    }
}

/// What a statement that did not succeed means.
pub(super) fn failed(operation: &'static str, error: ExecutionError) -> ViewError {
    match error {
        // It was refused for what it says; the next time it would be, too.
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(
            DbError::SyntaxError | DbError::Invalid | DbError::Unauthorized,
            _,
        ))
        | ExecutionError::BadQuery(_) => ViewError::Engine { operation, source: Box::new(error) },
        error => ViewError::Unavailable { operation, reason: error.to_string() },
    }
}

/// An answer that cannot be right.
pub(super) fn corrupt(operation: &'static str, error: impl std::fmt::Display) -> ViewError {
    ViewError::Corrupt { operation, reason: error.to_string() }
}

/// A position as the time of a write: of two the higher one holds, whenever they arrive. The lowest byte is left for
/// writing a row anew that is damaged.
pub(super) fn timestamp(operation: &'static str, position: Position) -> Result<i64, ViewError> {
    let micros = position.0.checked_mul(256).and_then(|micros| i64::try_from(micros).ok());
    micros.ok_or_else(|| corrupt(operation, format!("no journal has come to position {position}")))
}

/// A position from a column.
pub(super) fn position(operation: &'static str, column: i64) -> Result<Position, ViewError> {
    u64::try_from(column).map(Position).map_err(|_| corrupt(operation, format!("{column} is no position")))
}

/// What takes longer may be answered later.
async fn within<T>(operation: &'static str, limit: Duration, work: impl Future<Output = T>) -> Result<T, ViewError> {
    let reason = |_| ViewError::Unavailable { operation, reason: format!("no answer within {limit:?}") };
    tokio::time::timeout(limit, work).await.map_err(reason)
}

/// Most copies of one data centre are a promise within that one only.
fn check_data_center(found: &BTreeSet<&str>, ours: Option<&str>) -> Result<(), String> {
    let all = || found.iter().copied().collect::<Vec<_>>().join(", ");
    match ours {
        Some(ours) if !found.contains(ours) => Err(format!("there is no data centre {ours}, but {}", all())),
        None if found.len() > 1 => Err(format!("say which of its data centres is ours: {}", all())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check_data_center;

    #[test]
    fn a_cluster_of_several_data_centres_is_refused_without_the_name_of_ours() {
        let (one, two) = (["north"].into(), ["north", "south"].into());
        for (found, ours, good) in [
            (&one, None, true),
            (&one, Some("north"), true),
            (&one, Some("south"), false),
            (&two, None, false),
            (&two, Some("south"), true),
            (&two, Some("west"), false),
        ] {
            assert_eq!(check_data_center(found, ours).is_ok(), good, "{ours:?} of {found:?}");
        }
    }
}
