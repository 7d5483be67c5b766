//! Given, when, then.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn category(slug: &str) -> CategoryId {
    CategoryId::from_slug(slug)
}

fn facts() -> BusinessRegistered {
    BusinessRegistered {
        business_id: events::BusinessId(uuid::Uuid::from_u128(1)),
        slug: "moe-s-tavern".to_owned(),
        name: "Moe's Tavern".to_owned(),
        description: Some("Dim".to_owned()),
        primary_category: category("bar"),
        categories: vec![category("bar"), category("pub")],
        location: Some(LocationId::from_slug("us-il-springfield")),
        address: Some(Address { street: Some("57 Walnut Street".to_owned()), ..Address::default() }),
        point: Some(Point { lat: 39.78, lon: -89.65 }),
        time_zone: Some("America/Chicago".to_owned()),
        phone: Some("1".to_owned()),
        email: Some("moe@moes.example".to_owned()),
        website: Some("https://moes.example/".to_owned()),
        opening_hours: Some("24/7".to_owned()),
        attributes: [("wifi".to_owned(), "no".to_owned())].into(),
        source: None,
    }
}

fn register() -> Command {
    Command::Register(Box::new(facts()))
}

fn close() -> Command {
    Command::Close { reason: None }
}

fn remove() -> Command {
    Command::Remove { reason: "never existed".to_owned() }
}

fn details(change: DetailsChange) -> Command {
    Command::ChangeDetails(Box::new(change))
}

fn given(commands: impl IntoIterator<Item = Command>) -> State {
    commands
        .into_iter()
        .fold(State::default(), |state, command| decide(&state, command).unwrap().iter().fold(state, evolve))
}

/// Every command that asks for a change, and would be accepted by an open business.
fn changes() -> [Command; 5] {
    [
        details(DetailsChange { name: Some("Flaming Moe's".to_owned()), ..DetailsChange::default() }),
        Command::Relocate(Box::default()),
        Command::Recategorize(vec![category("cinema")]),
        Command::UpsertFromSource(Box::new(BusinessRegistered { name: "Flaming Moe's".to_owned(), ..facts() })),
        remove(),
    ]
}

#[test]
fn given_nothing_when_registered_then_the_facts_stand_as_asked() {
    let events = decide(&State::default(), register()).unwrap();
    assert_eq!(events, [Event::BusinessRegistered(facts())]);
    let state = given([register()]);
    assert_eq!((state.status, state.slug.as_str()), (Status::Open, "moe-s-tavern"));
    assert_eq!(state.categories, facts().categories);
}

#[test]
fn given_a_business_when_registered_again_then_it_is_refused() {
    assert_eq!(decide(&given([register()]), register()), Err(Rejected::AlreadyRegistered));
}

#[test]
fn given_nothing_when_asked_for_a_change_then_there_is_no_such_business() {
    for command in [details(DetailsChange::default()), Command::Relocate(Box::default()), close(), remove()] {
        assert_eq!(decide(&State::default(), command.clone()), Err(Rejected::NotFound), "{command:?}");
    }
}

#[test]
fn given_a_business_when_details_change_then_the_event_says_only_what_changed() {
    let change = DetailsChange {
        name: Some("Moe's Tavern".to_owned()),
        phone: Some(Some("2".to_owned())),
        website: Some(None),
        email: Some(Some("moe@moes.example".to_owned())),
        attributes: [("wifi".to_owned(), None), ("darts".to_owned(), Some("yes".to_owned()))].into(),
        ..DetailsChange::default()
    };
    let state = given([register()]);
    let events = decide(&state, details(change)).unwrap();
    let [Event::BusinessDetailsChanged(event)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        *event,
        events::BusinessDetailsChanged {
            phone: Some("2".to_owned()),
            attributes_set: [("darts".to_owned(), "yes".to_owned())].into(),
            attributes_removed: vec!["wifi".to_owned()],
            removed: vec![events::DetailField::Website],
            ..events::BusinessDetailsChanged::default()
        }
    );
    let after = evolve(state.clone(), &events[0]);
    assert_eq!(after.phone.as_deref(), Some("2"));
    assert_eq!(after.website, None);
    assert_eq!(after.email, state.email);
    assert_eq!(after.attributes, [("darts".to_owned(), "yes".to_owned())].into());
}

#[test]
fn given_a_business_when_nothing_would_change_then_nothing_happens() {
    let state = given([register()]);
    let same = [
        details(DetailsChange::default()),
        details(DetailsChange {
            slug: Some(state.slug.clone()),
            name: Some(state.name.clone()),
            phone: Some(state.phone.clone()),
            attributes: [("wifi".to_owned(), Some("no".to_owned())), ("absent".to_owned(), None)].into(),
            ..DetailsChange::default()
        }),
        Command::Relocate(Box::new(state.place.clone())),
        Command::Recategorize(state.categories.clone()),
        Command::UpsertFromSource(Box::new(BusinessRegistered { slug: "another".to_owned(), ..facts() })),
    ];
    for command in same {
        assert_eq!(decide(&state, command.clone()), Ok(vec![]), "{command:?}");
    }
}

#[test]
fn given_a_closed_business_when_changed_then_it_is_refused_and_closing_it_again_does_nothing() {
    let state = given([register(), close()]);
    for command in changes() {
        let expected = if command == remove() { None } else { Some(Rejected::Closed) };
        assert_eq!(decide(&state, command.clone()).err(), expected, "{command:?}");
    }
    assert_eq!(decide(&state, close()), Ok(vec![]));
}

#[test]
fn given_a_removed_business_when_asked_for_anything_then_it_is_refused() {
    let state = given([register(), remove()]);
    for command in changes().into_iter().chain([close()]) {
        assert_eq!(decide(&state, command.clone()), Err(Rejected::Removed), "{command:?}");
    }
}

#[test]
fn given_a_business_when_its_source_says_otherwise_then_each_difference_is_its_own_event() {
    let state = given([register()]);
    let told = BusinessRegistered {
        slug: "moes".to_owned(),
        name: "Moe's".to_owned(),
        phone: None,
        primary_category: category("pub"),
        categories: vec![category("pub"), category("bar")],
        point: None,
        attributes: [("darts".to_owned(), "yes".to_owned())].into(),
        ..facts()
    };
    let events = decide(&state, Command::UpsertFromSource(Box::new(told.clone()))).unwrap();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::BusinessDetailsChanged(_) => "details",
            Event::BusinessRecategorized(_) => "categories",
            Event::BusinessRelocated(_) => "place",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["details", "categories", "place"]);
    let after = events.iter().fold(state.clone(), evolve);
    let fresh = given([Command::Register(Box::new(told.clone()))]);
    assert_eq!(after, State { slug: state.slug, ..fresh }, "all as the source says, the address aside");
    assert_eq!(decide(&after, Command::UpsertFromSource(Box::new(told))), Ok(vec![]));
}

#[test]
fn given_a_business_when_its_categories_are_not_one_to_five_distinct_ones_then_it_is_refused() {
    let state = given([register()]);
    let six = ["a", "b", "c", "d", "e", "f"].map(category).to_vec();
    for categories in [vec![], vec![category("a"), category("a")], six] {
        assert_eq!(decide(&state, Command::Recategorize(categories.clone())), Err(Rejected::CategoriesNotDistinct));
        let registered = BusinessRegistered { categories, ..facts() };
        let refused = decide(&State::default(), Command::Register(Box::new(registered)));
        assert_eq!(refused, Err(Rejected::CategoriesNotDistinct));
    }
}

#[test]
fn given_a_business_full_of_attributes_when_one_more_is_set_then_it_is_refused_unless_one_goes() {
    let attributes = (0..MAX_ATTRIBUTES).map(|i| (format!("key{i}"), "x".to_owned())).collect();
    let state = given([Command::Register(Box::new(BusinessRegistered { attributes, ..facts() }))]);
    let set = |more: &[(&str, Option<&str>)]| {
        let attributes = more.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        decide(&state, details(DetailsChange { attributes, ..DetailsChange::default() }))
    };
    assert_eq!(set(&[("more", Some("y"))]), Err(Rejected::TooManyAttributes { count: MAX_ATTRIBUTES + 1 }));
    assert!(set(&[("more", Some("y")), ("key0", None)]).is_ok());
    assert!(set(&[("key0", Some("y"))]).is_ok());
}

proptest! {
    /// What a source says twice in any order of other changes is true afterwards, and said again changes nothing.
    #[test]
    fn an_upsert_makes_the_facts_true_and_is_then_at_rest(
        name in "[a-c]",
        phone in proptest::option::of("[a-c]"),
        keys in proptest::collection::btree_map("[a-c]", "[a-c]", 0..3),
        before in proptest::collection::btree_map("[a-c]", "[a-c]", 0..3),
    ) {
        let state = given([Command::Register(Box::new(BusinessRegistered { attributes: before, ..facts() }))]);
        let told = BusinessRegistered { name: name.clone(), phone: phone.clone(), attributes: keys.clone(), ..facts() };
        let upsert = Command::UpsertFromSource(Box::new(told));
        let after = decide(&state, upsert.clone()).unwrap().iter().fold(state, evolve);
        prop_assert_eq!((&after.name, &after.phone, &after.attributes), (&name, &phone, &keys));
        prop_assert_eq!(decide(&after, upsert), Ok(vec![]));
    }
}
