//! Whether the topic is still the one that is written to: librdkafka takes half a minute to say that one is gone, and never
//! says that one was made anew or cut off.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::outbox::Delivered;
use crate::kafka::probe::Probe;

/// Returns, with the reason, once the topic is another one than it was. How it goes on is decided by whoever looks where
/// it ends.
pub(super) async fn topic_changes(probe: &Probe, delivered: watch::Receiver<Delivered>, every: Duration) -> String {
    let mut looks = interval(every);
    let mut away = false;
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // Before it is asked: it may have come further meanwhile.
        let written = delivered.borrow().end;
        match probe.offsets_if_there().await {
            Ok(None) => return "the topic is gone".to_owned(),
            Ok(Some(offsets)) if offsets.start > 0 => {
                return format!("the first {} records of the topic are gone", offsets.start);
            }
            Ok(Some(offsets)) if offsets.end < written => {
                return format!("the topic was made anew: it ends at offset {}, and did at {written}", offsets.end);
            }
            Ok(Some(_)) => away = false,
            Err(error) if !std::mem::replace(&mut away, true) => {
                tracing::warn!(%error, "the topic cannot be looked at: Kafka seems to be away");
            }
            Err(_) => {}
        }
    }
}
