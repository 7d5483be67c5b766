//! Claims: a name once given is never given to another.

use event_log::{Append, AppendError, Claim, ClaimKind};
use events::StreamId;
use futures::future::join_all;

use super::JournalHarness;
use super::appends::{append, append_many, business, claim};
use super::stored::read_all;

fn claiming(stream: StreamId, version: u64, slugs: &[&str]) -> Append {
    Append { claims: slugs.iter().map(|slug| claim(slug)).collect(), ..append(stream, version) }
}

fn assert_taken(refused: &AppendError, slug: &str, by: StreamId) {
    match refused {
        AppendError::ClaimTaken { claim: taken, owner } => assert_eq!((taken, *owner), (&claim(slug), by)),
        other => panic!("{other}"),
    }
}

/// Whatever an append was refused for: no claim, no key and no event of it is left, so a better one may follow.
pub async fn a_refused_append_leaves_nothing(harness: impl JournalHarness) {
    let journal = harness.journal();
    let owner = business();
    journal.append(claiming(owner, 0, &["taken"])).await.unwrap();
    let stream = business();
    let over_claim = Append { events: append_many(stream, 0, 3).events, ..claiming(stream, 0, &["free", "taken"]) };
    let over_version = claiming(stream, 9, &["free"]);
    for refused in [over_claim, over_version] {
        let before = read_all(&*harness.feed().await).await.len();
        // Between others that are stored, so that there is a transaction in which something could be left.
        let (left, answer, right) = tokio::join!(
            journal.append(append(business(), 0)),
            journal.append(refused.clone()),
            journal.append(append(business(), 0)),
        );
        answer.unwrap_err();
        assert!(left.is_ok() && right.is_ok(), "a neighbour was harmed");
        assert_eq!(journal.find_claims(&[claim("free")]).await.unwrap(), [None]);
        assert_eq!(journal.find_key(&refused.key).await.unwrap(), None);
        assert_eq!(read_all(&*harness.feed().await).await.len(), before + 2);
        // The key is as good as new.
        let other = Append { key: refused.key, ..append(business(), 0) };
        assert!(!journal.append(other).await.unwrap().replayed);
    }
    journal.append(claiming(business(), 0, &["free"])).await.unwrap();
}

/// The second who wants a name is refused and told who has it; now and after reopening.
pub async fn a_claim_belongs_to_one_stream(mut harness: impl JournalHarness) {
    let (owner, other) = (business(), business());
    harness.journal().append(claiming(owner, 0, &["springfield-bakery", "bakery"])).await.unwrap();
    for _ in 0..2 {
        let journal = harness.journal();
        let refused = journal.append(claiming(other, 0, &["springfield-bakery"])).await.unwrap_err();
        assert_taken(&refused, "springfield-bakery", owner);
        let asked = [claim("bakery"), claim("nobody's"), claim("springfield-bakery")];
        assert_eq!(journal.find_claims(&asked).await.unwrap(), [Some(owner), None, Some(owner)]);
        assert_eq!(journal.find_claims(&[]).await.unwrap(), []);
        drop(journal);
        harness.reopen().await;
    }
    assert_eq!(read_all(&*harness.feed().await).await.len(), 1);
}

/// Of many at once one gets the name, the others hear of it, and those who want other names are not harmed.
pub async fn racing_claims_are_given_once(harness: impl JournalHarness) {
    let journal = harness.journal();
    for round in 0..10 {
        let wanted = format!("wanted-{round}");
        let streams: Vec<StreamId> = (0..16).map(|_| business()).collect();
        let answers = join_all(streams.iter().enumerate().map(|(number, stream)| {
            let own = format!("own-{round}-{number}");
            let slug = if number % 4 == 3 { &own } else { &wanted };
            journal.append(claiming(*stream, 0, &[slug]))
        }))
        .await;
        let owner = journal.find_claims(&[claim(&wanted)]).await.unwrap()[0].expect("one of them got it");
        for (number, (stream, answer)) in streams.iter().zip(answers).enumerate() {
            match answer {
                Ok(_) => assert!(number % 4 == 3 || *stream == owner, "a name was given twice"),
                Err(refused) => {
                    assert_ne!(number % 4, 3, "a neighbour was harmed: {refused}");
                    assert_taken(&refused, &wanted, owner);
                }
            }
        }
    }
    assert_eq!(read_all(&*harness.feed().await).await.len(), 10 * 5);
}

/// Whoever holds a name may claim it again: a business that goes back to its old slug.
pub async fn a_stream_may_claim_again_what_it_holds(harness: impl JournalHarness) {
    let journal = harness.journal();
    let stream = business();
    journal.append(claiming(stream, 0, &["first"])).await.unwrap();
    journal.append(claiming(stream, 1, &["second"])).await.unwrap();
    journal.append(claiming(stream, 2, &["first", "third"])).await.unwrap();
    let holders = journal.find_claims(&[claim("first"), claim("second"), claim("third")]).await.unwrap();
    assert_eq!(holders, [Some(stream); 3]);
}

/// Saying it twice is saying it once.
pub async fn a_name_may_be_claimed_twice_in_one_append(harness: impl JournalHarness) {
    let stream = business();
    harness.journal().append(claiming(stream, 0, &["same", "same"])).await.unwrap();
    assert_eq!(harness.journal().find_claims(&[claim("same")]).await.unwrap(), [Some(stream)]);
}

/// Each kind is a set of its own.
pub async fn claims_of_different_kinds_are_different(harness: impl JournalHarness) {
    let journal = harness.journal();
    let kinds = [ClaimKind::BusinessSlug, ClaimKind::BusinessSource, ClaimKind::CategorySlug, ClaimKind::LocationSlug];
    for kind in kinds {
        let claims = vec![Claim { kind, value: "bakery".to_owned() }];
        journal.append(Append { claims, ..append(business(), 0) }).await.unwrap();
    }
    assert_eq!(read_all(&*harness.feed().await).await.len(), 4);
}

/// Names are listed in byte order, page by page, those of one kind and prefix only.
pub async fn claims_are_listed_by_their_prefix(harness: impl JournalHarness) {
    let journal = harness.journal();
    let stream = business();
    let names = ["osm/1", "osm/10", "osm/2", "osm/\u{10fffe}", "osmium/1", "os", "osm", "pub/1"];
    journal.append(claiming(stream, 0, &names)).await.unwrap();
    let list = async |prefix: &str, after: &str, limit| {
        let claims = journal.list_claims(ClaimKind::BusinessSlug, prefix, after, limit).await.unwrap();
        assert!(claims.iter().all(|(_, owner)| *owner == stream));
        claims.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(list("osm/", "", 10).await, ["osm/1", "osm/10", "osm/2", "osm/\u{10fffe}"]);
    assert_eq!(list("osm/", "osm/1", 2).await, ["osm/10", "osm/2"]);
    assert_eq!(list("osm/", "osm/\u{10fffe}", 2).await, [""; 0]);
    assert_eq!(list("nobody/", "", 2).await, [""; 0]);
    assert_eq!(journal.list_claims(ClaimKind::BusinessSource, "osm/", "", 10).await.unwrap(), []);
}
