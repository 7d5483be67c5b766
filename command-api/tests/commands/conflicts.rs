//! Others are faster; what memory says is old.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use command_api::{CommandContext, CommandError, CommandOptions, Outcome, Precondition};
use event_log::{Append, ReadStream};
use events::{CategoryId, LocationId, StreamVersion};

use crate::directory::*;
use crate::wrapped::Wrapped;

#[tokio::test]
async fn given_a_change_by_others_when_changed_from_memory_then_it_is_decided_again() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    directory.other_service().execute(context(), phone(&first, "1")).await.unwrap();
    let changed = directory.accepted(change(&first, serde_json::json!({"email": "moe@moes.example"}))).await;
    assert_eq!((changed.outcome, changed.version), (Outcome::Changed, StreamVersion(3)));
}

#[tokio::test]
async fn given_a_change_by_others_when_memory_says_nothing_to_do_then_the_journal_is_asked() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    directory.accepted(phone(&first, "1")).await;
    directory.other_service().execute(context(), phone(&first, "2")).await.unwrap();
    let changed = directory.accepted(phone(&first, "1")).await;
    assert_eq!((changed.outcome, changed.version), (Outcome::Changed, StreamVersion(4)));
}

#[tokio::test]
async fn given_a_change_by_others_when_memory_refuses_then_the_journal_is_asked() {
    let directory = Directory::open().await;
    let attributes = (0..50).map(|i| (format!("key{i}"), "x".to_owned())).collect();
    let body = command_api::RegisterBusiness { attributes: command_api::Attributes(attributes), ..business("Moe's") };
    let first = directory.accepted(register(body)).await;
    let one_more = || change(&first, serde_json::json!({"attributes": {"more": "y"}}));
    assert!(directory.execute(one_more()).await.is_err());
    let one_less = change(&first, serde_json::json!({"attributes": {"key0": null}}));
    directory.other_service().execute(context(), one_less).await.unwrap();
    assert_eq!(directory.accepted(one_more()).await.version, StreamVersion(3));
}

#[tokio::test]
async fn given_a_version_when_it_is_the_one_then_it_is_accepted_else_refused() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    directory.service.execute(if_version(1), phone(&first, "1")).await.unwrap();
    for version in [0, 1, 3] {
        let refused = directory.service.execute(if_version(version), phone(&first, "2")).await;
        assert!(
            matches!(refused, Err(CommandError::VersionMismatch { actual: StreamVersion(2), .. })),
            "{version}: {refused:?}"
        );
    }
    let exists = || CommandContext { if_match: Some(Precondition::Exists), ..context() };
    directory.service.execute(exists(), phone(&first, "2")).await.unwrap();
    let refused = directory.service.execute(exists(), category("new", None)).await;
    assert!(matches!(refused, Err(CommandError::VersionMismatch { .. })), "{refused:?}");
    let refused = directory.service.execute(if_version(0), category("new", None)).await;
    assert!(matches!(refused, Err(CommandError::VersionMismatch { .. })), "{refused:?}");
}

#[tokio::test]
async fn given_a_change_by_others_when_its_version_is_demanded_then_memory_does_not_refuse_it() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    directory.other_service().execute(context(), phone(&first, "1")).await.unwrap();
    let changed = directory.service.execute(if_version(2), phone(&first, "2")).await.unwrap();
    assert_eq!(changed.version, StreamVersion(3));
}

#[tokio::test]
async fn given_a_change_by_others_when_the_old_version_is_demanded_then_it_is_refused() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    directory.other_service().execute(context(), phone(&first, "1")).await.unwrap();
    let refused = directory.service.execute(if_version(1), phone(&first, "2")).await;
    assert!(
        matches!(refused, Err(CommandError::VersionMismatch { actual: StreamVersion(2), .. })),
        "memory says version 1, the journal 2: {refused:?}"
    );
}

#[tokio::test]
async fn given_a_category_renamed_by_others_when_a_business_names_it_then_it_is_decided_again() {
    let directory = Directory::open().await;
    let renamed = command_api::DefineCategory { parent: None, names: names("Bars") };
    let rename = command_api::Command::DefineCategory("bar".to_owned(), renamed);
    directory.other_service().execute(context(), rename).await.unwrap();
    assert_eq!(directory.accepted(register(business("Moe's"))).await.outcome, Outcome::Created);
}

#[tokio::test]
async fn given_a_rival_who_is_always_faster_when_changed_then_it_is_given_up_after_so_many_attempts() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    let appends = Arc::new(AtomicU64::new(0));
    let (rival, business, number) = (directory.service.clone(), first.clone(), appends.clone());
    let before = Box::new(move |append: Option<&Append>| {
        if append.is_none() {
            return Box::pin(async {}) as _;
        }
        let number = number.fetch_add(1, Ordering::SeqCst);
        let (rival, change) = (rival.clone(), phone(&business, &number.to_string()));
        Box::pin(async move {
            rival.execute(context(), change).await.unwrap();
        }) as _
    });
    let contended = Wrapped { journal: directory.journal.clone(), before, loses_answers: false };
    let options = CommandOptions { max_attempts: 3, ..CommandOptions::default() };
    let service = service(Arc::new(contended), options);
    let command = || change(&first, serde_json::json!({"email": "moe@moes.example"}));
    let refused = service.execute(context(), command()).await;
    assert!(matches!(refused, Err(CommandError::TooMuchContention { attempts: 3 })), "{refused:?}");
    assert_eq!(appends.load(Ordering::SeqCst), 3);
    let refused = service.execute(if_version(4), command()).await;
    assert!(
        matches!(refused, Err(CommandError::VersionMismatch { actual: StreamVersion(5), .. })),
        "with If-Match a conflict is told, not solved: {refused:?}"
    );
}

#[tokio::test]
async fn given_a_registration_when_appended_then_it_names_what_it_read_with_versions() {
    let directory = Directory::open().await;
    let renamed = command_api::DefineCategory { parent: None, names: names("Bars") };
    directory.accepted(command_api::Command::DefineCategory("bar".to_owned(), renamed)).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reads = seen.clone();
    let before = Box::new(move |append: Option<&Append>| {
        reads.lock().unwrap().extend(append.into_iter().flat_map(|append| append.reads.clone()));
        Box::pin(async {}) as _
    });
    let journal = Wrapped { journal: directory.journal.clone(), before, loses_answers: false };
    let service = service(Arc::new(journal), CommandOptions::default());
    let body = command_api::RegisterBusiness {
        categories: vec!["bar".to_owned(), "pizza".to_owned()],
        point: Some(SPRINGFIELD),
        ..business("Moe's")
    };
    service.execute(context(), register(body)).await.unwrap();
    let read = |stream, version| ReadStream { stream, version: StreamVersion(version) };
    assert_eq!(
        *seen.lock().unwrap(),
        [
            read(CategoryId::from_slug("bar").into(), 2),
            read(CategoryId::from_slug("pizza").into(), 1),
            read(LocationId::from_slug("us-il-springfield").into(), 1),
        ]
    );
}
