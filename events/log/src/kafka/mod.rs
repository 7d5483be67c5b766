//! Kafka carries the events of a journal: one topic, one partition, in the journal's order.
//!
//! | module | does |
//! |---|---|
//! | `options`, `client` | settings, and what of them librdkafka gets |
//! | `topic` | makes the topic, and checks that it keeps everything in one order |
//! | `record`, `framing` | an event as a record and back: headers of CloudEvents, the framing of the payload |
//! | `registry` | what a schema registry calls the schemas |
//! | `probe` | reads single records: the last one, the one at an offset, where a position is |
//! | `cursor`, `feed` | follows the topic from a position on |

mod client;
mod cursor;
mod failure;
mod feed;
mod framing;
mod options;
pub(crate) mod probe;
pub(crate) mod record;
mod registry;
pub(crate) mod topic;

pub(crate) use client::producer_config;
pub(crate) use failure::failure;
pub use feed::KafkaEventFeed;
pub(crate) use framing::Framing;
pub use options::{KafkaOptions, KafkaProperties};
pub use registry::SchemaRegistry;
