//! One key, one effect, one answer.

use std::sync::Arc;

use command_api::{CommandContext, CommandError, CommandOptions, Outcome, Precondition};
use event_log::Append;
use events::StreamVersion;

use crate::directory::*;
use crate::wrapped::Wrapped;

#[tokio::test]
async fn given_a_used_key_when_the_same_is_asked_then_the_first_answer_comes_again() {
    let directory = Directory::open().await;
    let first = directory.service.execute(with_key("k"), register(business("Moe's"))).await.unwrap();
    directory.accepted(change(&first, serde_json::json!({"slug": "flaming-moe-s"}))).await;
    let head = directory.head().await;
    for service in [directory.service.clone(), directory.other_service()] {
        let again = service.execute(with_key("k"), register(business("Moe's"))).await.unwrap();
        assert!(again.replayed);
        assert_eq!(command_api::Accepted { replayed: false, ..again }, first, "the slug of then, not of now");
    }
    assert_eq!(directory.head().await, head);
}

#[tokio::test]
async fn given_a_used_key_when_a_change_is_asked_again_then_the_outcome_is_that_of_then() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    let changed = directory.service.execute(with_key("k"), phone(&first, "1")).await.unwrap();
    directory.accepted(phone(&first, "2")).await;
    let again = directory.service.execute(with_key("k"), phone(&first, "1")).await.unwrap();
    assert_eq!((again.outcome, again.version, again.replayed), (Outcome::Changed, changed.version, true));
}

#[tokio::test]
async fn given_a_used_key_when_something_else_is_asked_then_it_is_refused() {
    let directory = Directory::open().await;
    let first = directory.service.execute(with_key("k"), register(business("Moe's"))).await.unwrap();
    let head = directory.head().await;
    for other in [register(business("Other")), phone(&first, "1"), close(&first)] {
        let refused = directory.service.execute(with_key("k"), other).await;
        assert!(matches!(refused, Err(CommandError::KeyReused)), "{refused:?}");
    }
    assert_eq!(directory.head().await, head);
}

#[tokio::test]
async fn given_a_used_key_when_the_same_is_asked_under_another_condition_then_it_is_refused() {
    let directory = Directory::open().await;
    let version = |version| Some(Precondition::Version(StreamVersion(version)));
    let all = [None, Some(Precondition::Exists), Some(Precondition::Absent), version(1), version(2)];
    for first in [None, Some(Precondition::Exists), version(1)] {
        let business = directory.accepted(register(business("Moe's"))).await;
        let under = |if_match| CommandContext { if_match, ..with_key(&business.id.to_string()) };
        directory.service.execute(under(first), phone(&business, "1")).await.unwrap();
        let head = directory.head().await;
        for condition in all {
            match directory.service.execute(under(condition), phone(&business, "1")).await {
                Ok(again) => assert!(again.replayed && condition == first, "{first:?}, then {condition:?}"),
                Err(CommandError::KeyReused) => assert_ne!(condition, first),
                Err(error) => panic!("{first:?}, then {condition:?}: {error}"),
            }
        }
        assert_eq!(directory.head().await, head);
    }
}

#[tokio::test]
async fn given_a_used_key_when_a_dry_run_asks_then_it_is_told_what_a_command_would_be_told() {
    let directory = Directory::open().await;
    let first = directory.service.execute(with_key("k"), register(business("Moe's"))).await.unwrap();
    let head = directory.head().await;
    let dry = |key| CommandContext { dry_run: true, ..with_key(key) };
    let again = directory.service.execute(dry("k"), register(business("Moe's"))).await.unwrap();
    assert_eq!(again, command_api::Accepted { replayed: true, dry_run: true, ..first });
    let refused = directory.service.execute(dry("k"), register(business("Other"))).await;
    assert!(matches!(refused, Err(CommandError::KeyReused)), "{refused:?}");
    // Nor does a dry run use a key: whatever is asked under it later is the first.
    directory.service.execute(dry("new"), register(business("Moe's"))).await.unwrap();
    assert_eq!(directory.head().await, head);
    let other = directory.service.execute(with_key("new"), register(business("Other"))).await.unwrap();
    assert!(!other.replayed);
}

#[tokio::test]
async fn given_a_key_of_one_actor_when_another_uses_it_then_it_is_another_key() {
    let directory = Directory::open().await;
    directory.service.execute(with_key("k"), register(business("Moe's"))).await.unwrap();
    let mut other = with_key("k");
    other.actor.id = "5ca1ab1e".to_owned();
    let accepted = directory.service.execute(other, register(business("Barney's"))).await.unwrap();
    assert!(!accepted.replayed);
}

#[tokio::test]
async fn given_a_refused_command_when_its_key_is_used_again_then_it_is_decided_anew() {
    let directory = Directory::open().await;
    let body = || command_api::RegisterBusiness { categories: vec!["cinema".to_owned()], ..business("Aztec") };
    assert!(directory.service.execute(with_key("k"), register(body())).await.is_err());
    directory.accepted(category("cinema", None)).await;
    let accepted = directory.service.execute(with_key("k"), register(body())).await.unwrap();
    assert_eq!((accepted.outcome, accepted.replayed), (Outcome::Created, false));
    assert_eq!(accepted.slug.as_deref(), Some("aztec"), "the refused one left no claim");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_one_key_when_asked_by_many_at_once_then_one_is_stored_and_all_get_its_answer() {
    let directory = Directory::open().await;
    let before = directory.head().await;
    let source = command_api::GivenSource {
        system: "osm".to_owned(),
        external_id: "node/1".to_owned(),
        ..command_api::GivenSource::default()
    };
    let asked = (0..32).map(|i| {
        let service = if i % 2 == 0 { directory.service.clone() } else { directory.other_service() };
        let body = command_api::RegisterBusiness { source: Some(source.clone()), ..business("Moe's") };
        tokio::spawn(async move { service.execute(with_key("k"), register(body)).await.unwrap() })
    });
    let mut answers = Vec::new();
    for task in asked.collect::<Vec<_>>() {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| (answer.id, &answer.slug) == (answers[0].id, &answers[0].slug)));
    assert_eq!(directory.head().await.0, before.0 + 1);
}

#[tokio::test]
async fn given_an_answer_that_was_lost_when_no_key_was_sent_then_it_is_settled_by_asking() {
    let directory = Directory::open().await;
    let before = directory.head().await;
    let before_append = Box::new(|_: Option<&Append>| Box::pin(async {}) as _);
    let journal = Wrapped { journal: directory.journal.clone(), before: before_append, loses_answers: true };
    let service = service(Arc::new(journal), CommandOptions::default());
    let accepted = service.execute(context(), register(business("Moe's"))).await.unwrap();
    assert_eq!((accepted.outcome, accepted.replayed), (Outcome::Created, false));
    assert_eq!(directory.head().await.0, before.0 + 1);
    assert_eq!(accepted.position, directory.head().await);
}

#[tokio::test]
async fn given_a_faster_twin_with_the_same_key_when_its_business_is_in_the_way_then_its_answer_is_given() {
    let directory = Directory::open().await;
    let head = directory.head().await;
    let source = command_api::GivenSource {
        system: "osm".to_owned(),
        external_id: "node/1".to_owned(),
        ..command_api::GivenSource::default()
    };
    let body = command_api::RegisterBusiness { source: Some(source), ..business("Moe's") };
    // Between the look for the key and the look for the names, the twin is done.
    let (twin, twin_body) = (directory.service.clone(), body.clone());
    let before = Box::new(move |_: Option<&Append>| {
        let (twin, command) = (twin.clone(), register(twin_body.clone()));
        Box::pin(async move {
            twin.execute(with_key("k"), command).await.unwrap();
        }) as _
    });
    let journal = Wrapped { journal: directory.journal.clone(), before, loses_answers: false };
    let service = service(Arc::new(journal), CommandOptions::default());
    let answer = service.execute(with_key("k"), register(body)).await.unwrap();
    assert!(answer.replayed);
    assert_eq!((directory.head().await.0, answer.position.0), (head.0 + 1, head.0 + 1));
}
