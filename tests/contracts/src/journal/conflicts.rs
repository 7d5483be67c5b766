//! Versions: of the stream that is written, and of those that the decision read.

use event_log::{Append, AppendError, ReadStream};
use events::{StreamId, StreamVersion};
use futures::future::join_all;

use super::JournalHarness;
use super::appends::{append, append_many, business};
use super::stored::{assert_dense, read_all};

/// An append to a new stream that read another at a version.
fn reading(stream: StreamId, version: u64) -> Append {
    Append { reads: vec![ReadStream { stream, version: StreamVersion(version) }], ..append(business(), 0) }
}

fn assert_stale(refused: &AppendError, of: StreamId, seen: u64, is: u64) {
    match refused {
        AppendError::StaleVersion { stream, expected, actual } => {
            assert_eq!((*stream, expected.0, actual.0), (of, seen, is));
        }
        other => panic!("{other}"),
    }
}

/// Every second of many that are appended at once is stale: those are refused, all others stored.
pub async fn a_stale_version_conflicts_alone(harness: impl JournalHarness) {
    let journal = harness.journal();
    let old = business();
    journal.append(append_many(old, 0, 3)).await.unwrap();
    let stale = [0, 1, 2, 4, u64::MAX];
    let appends = (0..64).map(|number| match number % 2 {
        0 => journal.append(append(business(), 0)),
        _ => journal.append(append(old, stale[number % stale.len()])),
    });
    for (number, answer) in join_all(appends).await.into_iter().enumerate() {
        match number % 2 {
            0 => assert_eq!(answer.unwrap().version, StreamVersion(1)),
            _ => assert_stale(&answer.unwrap_err(), old, stale[number % stale.len()], 3),
        }
    }
    let stored = read_all(&*harness.feed().await).await;
    assert_dense(&stored);
    assert_eq!(stored.len(), 3 + 32);
    journal.append(append(old, 3)).await.unwrap();
}

/// Of many that decided on the same version one is stored, and the others see its version.
pub async fn racing_writers_of_a_stream_take_turns(harness: impl JournalHarness) {
    let journal = harness.journal();
    let stream = business();
    for version in 0..5 {
        let answers = join_all((0..16).map(|_| journal.append(append(stream, version)))).await;
        let (stored, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(stored.len(), 1);
        for answer in refused {
            assert_stale(&answer.unwrap_err(), stream, version, version + 1);
        }
    }
    assert_eq!(read_all(&*harness.feed().await).await.len(), 5);
}

/// A decision on what another stream was is refused once that moved on.
pub async fn a_stale_read_conflicts(harness: impl JournalHarness) {
    let journal = harness.journal();
    let read = business();
    journal.append(append_many(read, 0, 2)).await.unwrap();
    journal.append(reading(read, 2)).await.unwrap();
    assert_stale(&journal.append(reading(read, 1)).await.unwrap_err(), read, 1, 2);
    assert_stale(&journal.append(reading(read, 3)).await.unwrap_err(), read, 3, 2);
    let absent = business();
    assert_stale(&journal.append(reading(absent, 1)).await.unwrap_err(), absent, 1, 0);
    journal.append(reading(absent, 0)).await.unwrap();
    assert_eq!(read_all(&*harness.feed().await).await.len(), 4);
}

/// Reading a stream takes nothing from others who read it.
pub async fn a_stream_may_be_read_by_many(harness: impl JournalHarness) {
    let journal = harness.journal();
    let read = business();
    journal.append(append(read, 0)).await.unwrap();
    let answers = join_all((0..64).map(|_| journal.append(reading(read, 1)))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(read_all(&*harness.feed().await).await.len(), 65);
}

/// Write and read race, also inside one batch: the read is stored only before the write.
pub async fn a_read_of_a_stream_written_beside_it_is_checked(harness: impl JournalHarness) {
    let journal = harness.journal();
    for _ in 0..20 {
        let read = business();
        let before = reading(read, 0);
        let write = append(read, 0);
        let after = reading(read, 0);
        let (before, write, after) = tokio::join!(journal.append(before), journal.append(write), journal.append(after));
        let written = write.unwrap().first;
        for answer in [before, after] {
            match answer {
                Ok(appended) => assert!(appended.last < written, "decided on what was no longer so"),
                Err(refused) => assert_stale(&refused, read, 0, 1),
            }
        }
    }
    assert_dense(&read_all(&*harness.feed().await).await);
}
