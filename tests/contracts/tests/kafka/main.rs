//! What only Kafka can do wrong: brokers that stand still or die, topics that are cut off or made anew, records that are
//! missing, refused or doubled.

#![allow(clippy::unwrap_used)]

mod distributed;
