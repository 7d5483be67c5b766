//! Idempotency keys: asking again is safe.

use event_log::{Append, AppendError, Appended, KeyRecord};
use futures::future::join_all;

use super::JournalHarness;
use super::appends::{append, append_many, business};
use super::stored::read_all;

fn replayed(first: Appended) -> Appended {
    Appended { replayed: true, ..first }
}

/// The same request under the same key is answered as the first time, also after reopening, and stores nothing.
pub async fn a_retry_gets_the_first_answer(mut harness: impl JournalHarness) {
    let request = append_many(business(), 0, 3);
    let first = harness.journal().append(request.clone()).await.unwrap();
    assert!(!first.replayed);
    for _ in 0..2 {
        assert_eq!(harness.journal().append(request.clone()).await.unwrap(), replayed(first));
        let record = KeyRecord { payload_hash: request.payload_hash, appended: replayed(first) };
        assert_eq!(harness.journal().find_key(&request.key).await.unwrap(), Some(record));
        harness.reopen().await;
    }
    assert_eq!(harness.journal().find_key(&append(business(), 0).key).await.unwrap(), None);
    assert_eq!(read_all(&*harness.feed().await).await.len(), 3);
}

/// Another request under a used key is refused.
pub async fn a_reused_key_is_refused(harness: impl JournalHarness) {
    let first = append(business(), 0);
    harness.journal().append(first.clone()).await.unwrap();
    let other = Append { key: first.key.clone(), ..append(business(), 0) };
    match harness.journal().append(other).await.unwrap_err() {
        AppendError::KeyReused { key } => assert_eq!(key, first.key),
        refused => panic!("{refused}"),
    }
    assert_eq!(read_all(&*harness.feed().await).await.len(), 1);
}

/// Two actors may use the same words.
pub async fn a_key_belongs_to_its_actor(harness: impl JournalHarness) {
    let mine = append(business(), 0);
    let mut yours = append(business(), 0);
    yours.key.key.clone_from(&mine.key.key);
    yours.key.actor = "import:laws".to_owned();
    for request in [mine, yours] {
        assert!(!harness.journal().append(request).await.unwrap().replayed);
    }
}

/// A retry carries the version from before its own first try, and is answered nevertheless.
pub async fn the_key_is_checked_before_the_version(harness: impl JournalHarness) {
    let journal = harness.journal();
    let stream = business();
    let request = append(stream, 0);
    let first = journal.append(request.clone()).await.unwrap();
    journal.append(append(stream, 1)).await.unwrap();
    assert_eq!(journal.append(request.clone()).await.unwrap(), replayed(first));
    let other = Append { key: request.key.clone(), ..append(stream, 0) };
    assert!(matches!(journal.append(other).await, Err(AppendError::KeyReused { .. })));
}

/// Of many at once one appends; the others get its answer.
pub async fn racing_retries_append_once(harness: impl JournalHarness) {
    let journal = harness.journal();
    for _ in 0..10 {
        let request = append_many(business(), 0, 2);
        let answers = join_all((0..8).map(|_| journal.append(request.clone()))).await;
        let answers: Vec<Appended> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
        assert!(answers.iter().all(|answer| replayed(*answer) == replayed(answers[0])));
    }
    assert_eq!(read_all(&*harness.feed().await).await.len(), 20);
}
