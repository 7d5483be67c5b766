//! No two businesses ever have one slug.

use std::collections::BTreeSet;

use command_api::{CommandError, GivenAddress, Outcome, Refusal, RegisterBusiness};
use event_log::{Claim, ClaimKind, Journal};

use crate::directory::*;

fn in_city(name: &str, city: &str) -> RegisterBusiness {
    let address = GivenAddress { locality: Some(city.to_owned()), ..GivenAddress::default() };
    RegisterBusiness { address: Some(address), ..business(name) }
}

#[tokio::test]
async fn given_a_taken_name_when_registered_then_the_city_then_a_number_makes_it_unique() {
    let directory = Directory::open().await;
    let mut slugs = Vec::new();
    for city in ["Bonn", "Bonn", "Bonn", "Köln", "Bonn"] {
        slugs.push(directory.accepted(register(in_city("Subway", city))).await.slug.unwrap());
    }
    slugs.push(directory.accepted(register(business("Subway"))).await.slug.unwrap());
    assert_eq!(slugs, ["subway", "subway-bonn", "subway-bonn-2", "subway-köln", "subway-bonn-3", "subway-2"]);
    let other = directory.other_service();
    let next = other.execute(context(), register(in_city("Subway", "Bonn"))).await.unwrap();
    assert_eq!(next.slug.as_deref(), Some("subway-bonn-4"), "found by another process, too");
}

#[tokio::test]
async fn given_many_of_one_name_when_another_process_goes_on_then_it_finds_the_next_number() {
    let directory = Directory::open().await;
    for _ in 0..40 {
        directory.accepted(register(business("Subway"))).await;
    }
    let other = directory.other_service();
    let next = other.execute(context(), register(business("Subway"))).await.unwrap();
    assert_eq!(next.slug.as_deref(), Some("subway-41"));
    // This service's remembered number is behind by one, and by many after these.
    for _ in 0..20 {
        other.execute(context(), register(business("Subway"))).await.unwrap();
    }
    let next = directory.accepted(register(business("Subway"))).await;
    assert_eq!(next.slug.as_deref(), Some("subway-62"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_one_name_when_registered_by_64_at_once_then_there_are_64_slugs() {
    let directory = Directory::open().await;
    let other = directory.other_service();
    let tasks: Vec<_> = (0..64)
        .map(|i| {
            let service = if i % 2 == 0 { directory.service.clone() } else { other.clone() };
            tokio::spawn(async move { service.execute(context(), register(in_city("Subway", "Bonn"))).await.unwrap() })
        })
        .collect();
    let mut slugs = BTreeSet::new();
    for task in tasks {
        let accepted = task.await.unwrap();
        assert_eq!(accepted.outcome, Outcome::Created);
        slugs.insert(accepted.slug.unwrap());
    }
    assert_eq!(slugs.len(), 64);
}

#[tokio::test]
async fn given_a_taken_slug_when_asked_for_then_it_is_refused_also_when_it_is_an_old_one() {
    let directory = Directory::open().await;
    let chosen = |slug: &str| RegisterBusiness { slug: Some(slug.to_owned()), ..business("Any") };
    let first = directory.accepted(register(chosen("moes"))).await;
    directory.accepted(change(&first, serde_json::json!({"slug": "flaming-moes"}))).await;
    let second = directory.accepted(register(business("Barney's"))).await;
    for slug in ["moes", "flaming-moes"] {
        for refused in [
            directory.execute(register(chosen(slug))).await,
            directory.execute(change(&second, serde_json::json!({ "slug": slug }))).await,
        ] {
            assert!(matches!(refused, Err(CommandError::Refused(Refusal::SlugTaken { .. }))), "{refused:?}");
        }
    }
    let back = directory.accepted(change(&first, serde_json::json!({"slug": "moes"}))).await;
    assert_eq!((back.outcome, back.slug.as_deref()), (Outcome::Changed, Some("moes")), "its own old one is granted");
}

#[tokio::test]
async fn given_a_refused_command_when_looked_for_then_it_left_no_claim() {
    let directory = Directory::open().await;
    let body = RegisterBusiness { slug: Some("free".to_owned()), categories: vec!["zoo".to_owned()], ..business("A") };
    assert!(directory.execute(register(body)).await.is_err());
    let claim = Claim { kind: ClaimKind::BusinessSlug, value: "free".to_owned() };
    assert_eq!(directory.journal.find_claims(&[claim]).await.unwrap(), [None]);
}

#[tokio::test]
async fn given_a_reserved_name_when_registered_then_it_is_never_derived() {
    let directory = Directory::open().await;
    assert_eq!(directory.accepted(register(business("Search"))).await.slug.as_deref(), Some("search-2"));
    let id = "01902d3e-7a1b-7c3d-8e4f-0123456789ab";
    assert_eq!(directory.accepted(register(business(id))).await.slug.unwrap(), format!("{id}-2"));
    assert_eq!(directory.accepted(register(business("!!!"))).await.slug.as_deref(), Some("bar"), "its category's");
}
