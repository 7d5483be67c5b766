//! What a source says becomes what the directory says, once.

use command_api::{
    Command, CommandError, GivenSource, InvalidField, Outcome, Refusal, RegisterBusiness, RemoveBusiness,
};
use events::{BusinessId, Event, StreamVersion};

use crate::directory::*;

fn source(external_id: &str) -> GivenSource {
    GivenSource { system: "osm".to_owned(), external_id: external_id.to_owned(), ..GivenSource::default() }
}

fn told(name: &str, external_id: &str) -> RegisterBusiness {
    RegisterBusiness { source: Some(source(external_id)), ..business(name) }
}

fn upsert(body: RegisterBusiness) -> Command {
    Command::UpsertBusinessFromSource(Box::new(body))
}

#[tokio::test]
async fn given_a_source_when_it_says_something_new_the_same_and_something_else_then_it_is_done() {
    let directory = Directory::open().await;
    let first = directory.accepted(upsert(told("Moe's", "node/1"))).await;
    assert_eq!((first.outcome, first.slug.as_deref()), (Outcome::Created, Some("moe-s")));
    let head = directory.head().await;
    for service in [directory.service.clone(), directory.other_service()] {
        let same = service.execute(context(), upsert(told("Moe's", "node/1"))).await.unwrap();
        assert_eq!((same.outcome, same.id, same.position), (Outcome::Unchanged, first.id, first.position));
    }
    assert_eq!(directory.head().await, head);
    let body = RegisterBusiness {
        phone: Some("1".to_owned()),
        categories: vec!["pizza".to_owned()],
        point: Some(SPRINGFIELD),
        ..told("Flaming Moe's", "node/1")
    };
    let changed = directory.accepted(upsert(body)).await;
    assert_eq!((changed.outcome, changed.id, changed.version), (Outcome::Changed, first.id, StreamVersion(4)));
    assert_eq!(changed.slug, first.slug, "an address stays");
    let events = directory.events_after(head).await;
    assert!(
        matches!(
            &events[..],
            [Event::BusinessDetailsChanged(_), Event::BusinessRecategorized(_), Event::BusinessRelocated(_)]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn given_a_closed_or_removed_business_when_its_source_still_has_it_then_it_stays_so() {
    let directory = Directory::open().await;
    let closed = directory.accepted(upsert(told("Moe's", "node/1"))).await;
    directory.accepted(close(&closed)).await;
    let removed = directory.accepted(upsert(told("Barney's", "node/2"))).await;
    let reason = RemoveBusiness { reason: "never existed".to_owned() };
    directory.accepted(Command::RemoveBusiness(BusinessId(removed.id), reason)).await;
    let head = directory.head().await;
    for (name, id, words) in [("Moe's", "node/1", "closed"), ("Barney's", "node/2", "removed")] {
        let refused = directory.execute(upsert(told(name, id))).await.unwrap_err();
        assert!(matches!(refused, CommandError::Refused(Refusal::Business(_))), "{refused:?}");
        assert!(refused.to_string().contains(words), "{refused}");
    }
    assert_eq!(directory.head().await, head);
}

#[tokio::test]
async fn given_a_source_in_the_directory_when_registered_again_then_its_owner_is_told() {
    let directory = Directory::open().await;
    let first = directory.accepted(upsert(told("Moe's", "node/1"))).await;
    let refused = directory.execute(register(told("Moe's", "node/1"))).await;
    let Err(CommandError::Refused(Refusal::SourceTaken { owner, .. })) = refused else { panic!("{refused:?}") };
    assert_eq!(owner, first.id);
    let other_id = directory.accepted(register(told("Moe's", "node/2"))).await;
    assert_eq!(other_id.outcome, Outcome::Created);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_one_source_id_when_told_by_many_at_once_then_there_is_one_business() {
    let directory = Directory::open().await;
    let other = directory.other_service();
    let tasks: Vec<_> = (0..16)
        .map(|i| {
            let service = if i % 2 == 0 { directory.service.clone() } else { other.clone() };
            tokio::spawn(async move { service.execute(context(), upsert(told("Moe's", "node/1"))).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| answer.outcome == Outcome::Created).count(), 1);
    assert!(answers.iter().all(|answer| answer.id == answers[0].id && answer.version == StreamVersion(1)));
}

#[tokio::test]
async fn given_no_source_when_upserted_then_it_is_refused() {
    let directory = Directory::open().await;
    let refused = directory.execute(upsert(business("Moe's"))).await;
    let Err(CommandError::Invalid { fields }) = refused else { panic!("{refused:?}") };
    assert_eq!(fields, [InvalidField::new("/source", "required", "an upsert needs its source")]);
}
