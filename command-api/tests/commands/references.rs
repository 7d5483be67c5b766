//! Categories and locations must be there; the trees keep their shape.

use command_api::{Command, CommandError, GivenLocationKind, Outcome, Refusal, RegisterBusiness, RelocateBusiness};
use events::BusinessId;

use crate::directory::*;

fn pointers(error: &CommandError) -> Vec<(String, String)> {
    match error {
        CommandError::Refused(Refusal::ReferencesNotFound { missing: fields }) | CommandError::Invalid { fields } => {
            fields.iter().map(|field| (field.pointer.clone(), field.code.clone())).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn told(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn given_names_of_nothing_when_registered_then_all_of_them_are_told_at_once() {
    let directory = Directory::open().await;
    let head = directory.head().await;
    let body = RegisterBusiness {
        categories: ["bar", "cinema", "zoo"].map(str::to_owned).to_vec(),
        location: Some("atlantis".to_owned()),
        ..business("Moe's")
    };
    let error = directory.execute(register(body)).await.unwrap_err();
    let expected = [
        ("/categories/1", "category_not_found"),
        ("/categories/2", "category_not_found"),
        ("/location", "location_not_found"),
    ];
    assert_eq!(pointers(&error), told(&expected));
    assert_eq!(directory.head().await, head);
}

#[tokio::test]
async fn given_a_time_zone_that_is_none_when_relocated_then_it_is_refused() {
    let directory = Directory::open().await;
    let first = directory.accepted(register(business("Moe's"))).await;
    let body = RelocateBusiness { time_zone: Some("Mars/Olympus".to_owned()), ..RelocateBusiness::default() };
    let error = directory.execute(Command::RelocateBusiness(BusinessId(first.id), Box::new(body))).await.unwrap_err();
    assert_eq!(pointers(&error), told(&[("/time_zone", "invalid")]));
}

#[tokio::test]
async fn given_a_category_defined_by_others_when_named_then_it_is_found() {
    let directory = Directory::open().await;
    let body = || RegisterBusiness { categories: vec!["cinema".to_owned()], ..business("Aztec") };
    assert!(directory.execute(register(body())).await.is_err());
    directory.other_service().execute(context(), category("cinema", None)).await.unwrap();
    assert_eq!(directory.accepted(register(body())).await.outcome, Outcome::Created);
}

#[tokio::test]
async fn given_categories_when_one_is_primary_then_it_stands_first() {
    let directory = Directory::open().await;
    let before = directory.head().await;
    let body = RegisterBusiness {
        categories: ["bar", "pizza"].map(str::to_owned).to_vec(),
        primary_category: Some("pizza".to_owned()),
        ..business("Moe's")
    };
    directory.accepted(register(body)).await;
    let events = directory.events_after(before).await;
    let [events::Event::BusinessRegistered(facts)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(facts.categories, ["pizza", "bar"].map(events::CategoryId::from_slug));
    assert_eq!(facts.primary_category, events::CategoryId::from_slug("pizza"));
}

#[tokio::test]
async fn given_a_tree_when_defined_then_parents_exist_and_stay_and_six_levels_are_all() {
    let directory = Directory::empty().await;
    let error = directory.execute(category("l1", Some("l0"))).await.unwrap_err();
    assert_eq!(pointers(&error), told(&[("/parent", "category_not_found")]));
    let error = directory.execute(location("l1", Some("l0"), GivenLocationKind::City)).await.unwrap_err();
    assert_eq!(pointers(&error), told(&[("/parent", "location_not_found")]));
    let mut parent: Option<String> = None;
    for level in 1..=6 {
        let slug = format!("l{level}");
        directory.accepted(category(&slug, parent.as_deref())).await;
        directory.accepted(location(&slug, parent.as_deref(), GivenLocationKind::District)).await;
        parent = Some(slug);
    }
    let too_deep = directory.other_service().execute(context(), category("l7", Some("l6"))).await;
    assert!(matches!(too_deep, Err(CommandError::Refused(Refusal::Category(_)))), "{too_deep:?}");
    let too_deep = directory.execute(location("l7", Some("l6"), GivenLocationKind::District)).await;
    assert!(matches!(too_deep, Err(CommandError::Refused(Refusal::Location(_)))), "{too_deep:?}");
    let moved = directory.execute(category("l3", Some("l1"))).await;
    assert!(matches!(moved, Err(CommandError::Refused(Refusal::Category(_)))), "{moved:?}");
    let head = directory.head().await;
    let same = directory.accepted(category("l3", Some("l2"))).await;
    assert_eq!((same.outcome, same.slug.as_deref()), (Outcome::Unchanged, Some("l3")));
    assert_eq!(directory.head().await, head);
}

#[tokio::test]
async fn given_a_location_defined_by_others_when_a_point_lies_in_it_then_it_is_found() {
    let directory = Directory::empty().await;
    directory.accepted(category("bar", None)).await;
    let there = || RegisterBusiness { point: Some(SPRINGFIELD), ..business("Moe's") };
    directory.accepted(register(there())).await;
    directory.other_service().execute(context(), location("us", None, GivenLocationKind::Country)).await.unwrap();
    let before = directory.head().await;
    directory.accepted(register(there())).await;
    let events = directory.events_after(before).await;
    let [events::Event::BusinessRegistered(facts)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(facts.location, Some(events::LocationId::from_slug("us")));
}
