//! Whether one journal has all that another one has.

use anyhow::{bail, ensure};
use event_log::{EventFeed, JournalRecords};
use events::Position;

/// Rows that are read at once.
const PAGE: usize = 1_000;

/// What was found to be equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Events, byte by byte.
    pub(crate) events: u64,
    /// Names, and who has them.
    pub(crate) claims: u64,
    /// Idempotency keys that both have.
    pub(crate) keys: u64,
    /// Idempotency keys whose time has passed since the copy.
    pub(crate) keys_gone: u64,
}

/// Compares every event, name and key of `old` with `new`, which may have gone on since.
///
/// # Errors
/// The first difference.
pub(crate) async fn compare(
    old: &(impl JournalRecords + ?Sized),
    new: &(impl JournalRecords + ?Sized),
    feeds: (&dyn EventFeed, &dyn EventFeed),
    mut watch: impl FnMut(Position),
) -> anyhow::Result<Compared> {
    let (was, is) = (old.stand().await?, new.stand().await?);
    ensure!(was.id == is.id, "they are two journals: {} and {}", was.id, is.id);
    ensure!(was.created_at == is.created_at, "they say that they were made at different times");
    ensure!(is.head >= was.head, "it ends at {}, the other one at {}", is.head, was.head);
    let mut position = Position::ZERO;
    while position < was.head {
        let (left, right) = tokio::try_join!(feeds.0.read(position, PAGE), feeds.1.read(position, PAGE))?;
        ensure!(!left.is_empty(), "the journal says it ends at {}, and nothing is after {position}", was.head);
        for (index, event) in left.iter().enumerate() {
            ensure!(right.get(index) == Some(event), "event {} is not the same in both", event.position);
            position = event.position;
        }
        watch(position);
    }
    let claims = compare_claims(old, new).await?;
    let (keys, keys_gone) = compare_keys(old, new).await?;
    Ok(Compared { events: was.head.0, claims, keys, keys_gone })
}

/// Names are never given back, so the new one has all of the old one's, and others between them.
async fn compare_claims(
    old: &(impl JournalRecords + ?Sized),
    new: &(impl JournalRecords + ?Sized),
) -> anyhow::Result<u64> {
    let (mut equal, mut theirs, mut last) = (0, Vec::new().into_iter(), None);
    let mut page = old.claims(None, PAGE).await?;
    while !page.is_empty() {
        for ours in &page {
            loop {
                let Some(other) = theirs.next() else {
                    theirs = new.claims(last.as_ref(), PAGE).await?.into_iter();
                    ensure!(theirs.len() > 0, "the name {} {:?} is missing", ours.kind, ours.value);
                    continue;
                };
                last = Some(other.clone());
                match (&other.kind, &other.value).cmp(&(&ours.kind, &ours.value)) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal if other.stream == ours.stream => break,
                    std::cmp::Ordering::Equal => {
                        bail!("the name {} {:?} has another owner: {}", ours.kind, ours.value, other.stream)
                    }
                    std::cmp::Ordering::Greater => bail!("the name {} {:?} is missing", ours.kind, ours.value),
                }
            }
            equal += 1;
        }
        page = old.claims(page.last(), PAGE).await?;
    }
    Ok(equal)
}

/// Old keys are cleaned away from the front.
async fn compare_keys(
    old: &(impl JournalRecords + ?Sized),
    new: &(impl JournalRecords + ?Sized),
) -> anyhow::Result<(u64, u64)> {
    let (mut equal, mut gone) = (0, 0);
    let mut page = old.keys(Position::ZERO, PAGE).await?;
    while let (Some(first), Some(last)) = (page.first(), page.last()) {
        let theirs = new.keys(Position(first.first.0.saturating_sub(1)), PAGE).await?;
        for ours in &page {
            match theirs.iter().find(|other| other.first == ours.first) {
                Some(other) => {
                    ensure!(other == ours, "the idempotency key of event {} is not the same in both", ours.first);
                    equal += 1;
                }
                None => gone += 1,
            }
        }
        page = old.keys(last.first, PAGE).await?;
    }
    Ok((equal, gone))
}
