//! What an accepted command answers, and what it stores.

use command_api::{CommandContext, CommandOptions, Outcome};
use event_log::{EventFeed, Journal};
use events::{BusinessId, Event, LocationId, StreamId, StreamVersion, Timestamp};

use crate::directory::*;

#[tokio::test]
async fn given_a_point_when_registered_then_location_time_zone_and_slug_are_found_and_recorded() {
    let directory = Directory::open().await;
    let before = directory.head().await;
    let body = command_api::RegisterBusiness { point: Some(SPRINGFIELD), ..business("Moe's Tavern") };
    let accepted = directory.accepted(register(body)).await;
    assert_eq!(accepted.slug.as_deref(), Some("moe-s-tavern"));
    assert_eq!((accepted.outcome, accepted.version), (Outcome::Created, StreamVersion(1)));
    assert_eq!(accepted.position, directory.head().await);
    assert_eq!(accepted.journal, directory.journal.id());
    let events = directory.events_after(before).await;
    let [Event::BusinessRegistered(facts)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(facts.business_id.0, accepted.id);
    assert_eq!(facts.location, Some(LocationId::from_slug("us-il-springfield")));
    assert_eq!(facts.time_zone.as_deref(), Some("America/Chicago"));
}

#[tokio::test]
async fn given_a_part_of_the_chain_when_registered_then_the_deepest_known_location_is_taken() {
    let directory = Directory::open().await;
    let registered = |body| async {
        let before = directory.head().await;
        directory.accepted(register(body)).await;
        match directory.events_after(before).await.remove(0) {
            Event::BusinessRegistered(facts) => facts.location,
            other => panic!("{other:?}"),
        }
    };
    let address = |country: &str, region: &str, locality: &str| command_api::GivenAddress {
        country: Some(country.to_owned()),
        region: Some(region.to_owned()),
        locality: Some(locality.to_owned()),
        ..command_api::GivenAddress::default()
    };
    let at = |address| command_api::RegisterBusiness { address: Some(address), ..business("A") };
    assert_eq!(
        registered(at(address("US", "IL", "Springfield"))).await,
        Some(LocationId::from_slug("us-il-springfield"))
    );
    assert_eq!(registered(at(address("US", "Illinois", "Peoria"))).await, Some(LocationId::from_slug("us-il")));
    assert_eq!(registered(at(address("US", "Ohio", "Akron"))).await, Some(LocationId::from_slug("us")));
    assert_eq!(registered(at(address("DE", "Hessen", "Gießen"))).await, None);
}

#[tokio::test]
async fn given_changes_when_answered_then_versions_count_events_and_unchanged_appends_nothing() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    let changed = directory.accepted(phone(&first, "1")).await;
    assert_eq!((changed.outcome, changed.version), (Outcome::Changed, StreamVersion(2)));
    let same = directory.accepted(phone(&first, "1")).await;
    assert_eq!((same.outcome, same.version, same.position), (Outcome::Unchanged, StreamVersion(2), changed.position));
    assert_eq!(directory.head().await, changed.position);
    let closed = directory.accepted(close(&first)).await;
    let again = directory.accepted(close(&first)).await;
    assert_eq!((closed.outcome, again.outcome), (Outcome::Changed, Outcome::Unchanged));
}

#[tokio::test]
async fn given_a_clock_when_a_command_is_stored_then_it_tells_when() {
    let directory = Directory::open().await;
    let clock: command_api::Clock = std::sync::Arc::new(|| Timestamp(42));
    let options = CommandOptions { clock, ..CommandOptions::default() };
    let service = service(std::sync::Arc::new(directory.journal.clone()), options);
    let accepted = service.execute(context(), register(business("A"))).await.unwrap();
    let then = CommandContext { occurred_at: Some(Timestamp(7)), ..context() };
    service.execute(then.clone(), phone(&accepted, "1")).await.unwrap();
    let stored = directory.journal.feed().read(events::Position(accepted.position.0 - 1), 2).await.unwrap();
    assert_eq!(stored[0].header.occurred_at, Timestamp(42));
    assert_eq!(stored[1].header.occurred_at, Timestamp(7));
    assert_eq!(stored[1].header.correlation, then.correlation);
    assert_eq!(stored[1].header.actor, then.actor);
}

#[tokio::test]
async fn given_a_dry_run_when_accepted_then_nothing_is_stored_and_no_name_is_taken() {
    let directory = Directory::open().await;
    let before = directory.head().await;
    let dry = || CommandContext { dry_run: true, ..with_key("k") };
    let answer = directory.service.execute(dry(), register(business("Moe's"))).await.unwrap();
    assert!(answer.dry_run);
    assert_eq!((answer.outcome, answer.version), (Outcome::Created, StreamVersion(1)));
    assert_eq!(answer.slug.as_deref(), Some("moe-s"));
    assert_eq!(directory.head().await, before);
    let real = directory.service.execute(with_key("k"), register(business("Moe's"))).await.unwrap();
    assert_eq!(real.slug.as_deref(), Some("moe-s"));
    assert!(!real.replayed);
    let explicit = command_api::RegisterBusiness { slug: Some("moe-s".to_owned()), ..business("Other") };
    let dry = CommandContext { dry_run: true, ..context() };
    let refused = directory.service.execute(dry, register(explicit)).await.unwrap_err();
    assert!(refused.to_string().contains("taken"), "{refused}");
}

#[tokio::test]
async fn given_a_long_stream_when_read_by_another_service_then_the_snapshot_tells_the_same() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    for number in 2..=130_u64 {
        let changed = directory.accepted(phone(&first, &number.to_string())).await;
        assert_eq!(changed.version, StreamVersion(number));
    }
    let stream = StreamId::from(BusinessId(first.id));
    let snapshot = directory.journal.load_snapshot(stream).await.unwrap().unwrap();
    assert_eq!(snapshot.version, StreamVersion(128));
    let other = directory.other_service();
    let same = other.execute(context(), phone(&first, "130")).await.unwrap();
    assert_eq!(
        (same.outcome, same.version, same.position),
        (Outcome::Unchanged, StreamVersion(130), directory.head().await)
    );
}

#[tokio::test]
async fn given_a_snapshot_that_says_nothing_known_when_read_then_the_events_are() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    for number in 2..=66_u64 {
        directory.accepted(phone(&first, &number.to_string())).await;
    }
    let stream = StreamId::from(BusinessId(first.id));
    let real = directory.journal.load_snapshot(stream).await.unwrap().unwrap();
    // Broken bytes; then sound bytes of another state, under a name for an encoding that is not known.
    for (version, format, state) in [(65, real.format, vec![0xff; 3]), (66, 4_711, real.state)] {
        let snapshot = event_log::Snapshot { version: StreamVersion(version), format, state };
        directory.journal.save_snapshot(stream, snapshot).await.unwrap();
        let same = directory.other_service().execute(context(), phone(&first, "66")).await.unwrap();
        assert_eq!((same.outcome, same.version), (Outcome::Unchanged, StreamVersion(66)));
    }
}
