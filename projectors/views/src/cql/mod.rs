//! Finished rows in a CQL store: ScyllaDB or Apache Cassandra, by what both of them understand.
//!
//! A keyspace holds the views of one journal. Each generation of a group is a table of its own, named by the version of the
//! projection that made it, because replicas agree on that without talking; dropping a generation is dropping its table.
//! The table `published` says how far each of them is published.

mod audit;
mod options;
mod published;
mod publisher;
mod reader;
mod rows;
mod store;
mod views;

pub use audit::{CqlAudit, StoredRow};
pub use options::{CqlConsistency, CqlCredentials, CqlOptions, CqlPool};
pub use publisher::{ScyllaViewPublisher, ScyllaViewPublishers};
pub use reader::CqlViewReader;
pub use store::{CqlGroup, CqlStore};
pub use views::CqlViews;
