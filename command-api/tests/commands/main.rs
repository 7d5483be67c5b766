//! Commands against a real journal, in process and over HTTP.
#![allow(clippy::unwrap_used)]

mod answers;
mod batch;
mod batch_order;
mod batches;
mod conflicts;
mod directory;
mod history;
mod http_bodies;
mod http_refusals;
mod http_success;
mod http_troubles;
mod idempotency;
mod references;
mod server;
mod slugs;
mod sources;
mod upserts;
mod wrapped;
