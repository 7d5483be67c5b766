//! What imports rest on: edits are kept, whoever asks and however often the service started; telling the same is cheap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use command_api::{
    ChangeBusinessDetails, Command, CommandContext, CommandOptions, GivenAddress, GivenLocationKind, GivenSource,
    Outcome, RegisterBusiness, RelocateBusiness, Standing,
};
use events::{Actor, ActorKind, BusinessId};

use crate::directory::*;
use crate::wrapped::Wrapped;

fn told(name: &str, external_id: &str, phone: &str) -> Command {
    let source =
        GivenSource { system: "osm".to_owned(), external_id: external_id.to_owned(), ..GivenSource::default() };
    let body = RegisterBusiness { source: Some(source), phone: Some(phone.to_owned()), ..business(name) };
    Command::UpsertBusinessFromSource(Box::new(body))
}

fn by_import() -> CommandContext {
    let actor = Actor { kind: ActorKind::Import, id: "lawless-import".to_owned() };
    CommandContext { keep_edits: true, ..CommandContext::of(actor) }
}

#[tokio::test]
async fn given_an_admins_change_when_the_source_says_otherwise_then_it_is_kept_and_told_also_after_a_restart() {
    let directory = Directory::open().await;
    let first = directory.service.execute(by_import(), told("Moe's", "node/1", "1")).await.unwrap();
    let id = BusinessId(first.id);
    let edit = ChangeBusinessDetails { phone: Some(Some("2".to_owned())), ..ChangeBusinessDetails::default() };
    directory.accepted(Command::ChangeBusinessDetails(id, Box::new(edit))).await;
    let moved = RelocateBusiness { point: Some(SPRINGFIELD), ..RelocateBusiness::default() };
    directory.accepted(Command::RelocateBusiness(id, Box::new(moved))).await;

    for service in [directory.service.clone(), directory.other_service()] {
        let rehearsed = CommandContext { dry_run: true, ..by_import() };
        let answer = service.execute(rehearsed, told("Flaming Moe's", "node/1", "3")).await.unwrap();
        assert_eq!(answer.changed, ["/name"]);
        assert_eq!(answer.kept, ["/location", "/phone", "/point", "/time_zone"]);
    }
    let answer = directory.other_service().execute(by_import(), told("Flaming Moe's", "node/1", "3")).await.unwrap();
    assert_eq!((answer.outcome, answer.changed), (Outcome::Changed, vec!["/name".to_owned()]));
    let again = directory.other_service().execute(by_import(), told("Flaming Moe's", "node/1", "3")).await.unwrap();
    assert_eq!((again.outcome, again.kept.len()), (Outcome::Unchanged, 4), "still kept, and still told");

    let overwriting = directory.accepted(told("Flaming Moe's", "node/1", "3")).await;
    assert_eq!(overwriting.outcome, Outcome::Changed, "who does not ask to keep edits overwrites them");
}

#[tokio::test]
async fn given_a_place_that_stands_when_finer_locations_are_defined_then_the_business_stays_filed_until_it_moves() {
    let directory = Directory::open().await;
    let at = |street: &str| {
        let Command::UpsertBusinessFromSource(body) = told("Moe's", "node/1", "1") else { unreachable!() };
        let address = GivenAddress {
            street: Some(street.to_owned()),
            locality: Some("Shelbyville".to_owned()),
            region: Some("Illinois".to_owned()),
            country: Some("US".to_owned()),
            ..GivenAddress::default()
        };
        Command::UpsertBusinessFromSource(Box::new(RegisterBusiness { address: Some(address), ..*body }))
    };
    directory.service.execute(by_import(), at("Main Street 1")).await.unwrap();
    directory.accepted(location("us-il-shelbyville", Some("us-il"), GivenLocationKind::City)).await;
    let same = directory.service.execute(by_import(), at("Main Street 1")).await.unwrap();
    assert_eq!(same.outcome, Outcome::Unchanged);
    let moved = directory.service.execute(by_import(), at("Main Street 2")).await.unwrap();
    assert_eq!(moved.changed, ["/location", "/address/street"]);
}

#[tokio::test]
async fn given_businesses_of_two_sources_then_one_is_listed_with_how_its_businesses_fare() {
    let directory = Directory::open().await;
    for external_id in ["node/1", "node/2", "node/3", "way/1"] {
        directory.service.execute(by_import(), told("Moe's", external_id, "1")).await.unwrap();
    }
    let service = directory.other_service();
    assert_eq!(service.source_ids("osm", "", 3).await.unwrap(), ["node/1", "node/2", "node/3"]);
    assert_eq!(service.source_ids("osm", "node/3", 3).await.unwrap(), ["way/1"]);
    assert_eq!(service.source_ids("os", "", 3).await.unwrap(), [""; 0]);

    let known = service.source_business("osm", "node/1").await.unwrap().unwrap();
    assert_eq!(known.standing, Standing::Open);
    let close = |id| Command::CloseBusiness(id, command_api::CloseBusiness::default());
    directory.service.execute(by_import(), close(known.id)).await.unwrap();
    let other = service.source_business("osm", "node/2").await.unwrap().unwrap();
    directory.accepted(close(other.id)).await;
    for (external_id, standing) in [("node/1", Standing::Gone), ("node/2", Standing::Closed), ("way/1", Standing::Open)]
    {
        for service in [service.clone(), directory.other_service()] {
            assert_eq!(service.source_business("osm", external_id).await.unwrap().unwrap().standing, standing);
        }
    }
    assert_eq!(service.source_business("osm", "node/9").await.unwrap(), None);
}

#[tokio::test]
async fn given_known_categories_when_the_same_is_told_again_then_it_is_decided_once() {
    let directory = Directory::open().await;
    for external_id in ["node/1", "node/2"] {
        directory.service.execute(by_import(), told("Moe's", external_id, "1")).await.unwrap();
    }
    let looks = Arc::new(AtomicU64::new(0));
    let counted = looks.clone();
    let before = Box::new(move |_: Option<&event_log::Append>| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async {})
    });
    let journal = Wrapped { journal: directory.journal.clone(), before, loses_answers: false };
    let service = service(Arc::new(journal), CommandOptions::default());
    service.execute(by_import(), told("Moe's", "node/1", "1")).await.unwrap();
    looks.store(0, Ordering::Relaxed);
    let same = service.execute(by_import(), told("Moe's", "node/2", "1")).await.unwrap();
    assert_eq!((same.outcome, looks.load(Ordering::Relaxed)), (Outcome::Unchanged, 1));
}
