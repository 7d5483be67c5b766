//! Events that cannot be folded are refused with words and leave no trace.

use contracts::directory::{Generator, Mix, Step};
use events::{
    BusinessClosed, BusinessDetailsChanged, BusinessId, BusinessRecategorized, BusinessRegistered, BusinessRelocated,
    BusinessRemoved, CategoryDefined, CategoryId, Event, LocationDefined, LocationId, LocationKind, Names,
    ParkedEventSkipped, Point, StreamId,
};
use projectors::{ApplyError, DirectoryProjection, Projection};
use uuid::Uuid;
use views::Tree;

use crate::laws::{fold, rebuilt};
use crate::memory_store::MemoryStore;

fn names() -> Names {
    [("en".to_owned(), "Name".to_owned())].into()
}

fn category(slug: &str, parent: Option<CategoryId>) -> (StreamId, Event) {
    let event = CategoryDefined { slug: slug.to_owned(), parent, names: names() };
    (CategoryId::from_slug(slug).into(), Event::CategoryDefined(event))
}

fn registered(id: u128, category: CategoryId) -> BusinessRegistered {
    BusinessRegistered {
        business_id: BusinessId(Uuid::from_u128(id)),
        slug: format!("new-{id}"),
        name: "New".to_owned(),
        description: None,
        primary_category: category,
        categories: vec![category],
        location: None,
        address: None,
        point: None,
        time_zone: None,
        phone: None,
        email: None,
        website: None,
        opening_hours: None,
        attributes: Default::default(),
        source: None,
    }
}

fn register(event: BusinessRegistered) -> (StreamId, Event) {
    (event.business_id.into(), Event::BusinessRegistered(event))
}

/// Each with a word of the reason.
fn poisonous_events(generator: &Generator) -> Vec<(&'static str, (StreamId, Event))> {
    let world = &generator.world;
    let nobody = BusinessId(Uuid::from_u128(404));
    let present = world.businesses.values().find(|b| b.status.is_some()).unwrap();
    let removed = world.businesses.values().find(|b| b.status.is_none()).unwrap();
    let here = present.facts.business_id;
    let known = present.facts.primary_category;
    let unknown = CategoryId::from_slug("unknown");
    let ((_, other), node) = world.nodes.iter().find(|((tree, _), _)| *tree == Tree::Category).unwrap();
    let other = CategoryId(*other);
    let nowhere = Some(Point { lat: f64::NAN, lon: 0.0 });
    let location = LocationId::from_slug("x");
    let defined_at = |parent, point| {
        let (slug, kind, names) = ("x".to_owned(), LocationKind::City, names());
        (location.into(), Event::LocationDefined(LocationDefined { slug, parent, kind, names, point }))
    };
    let relocated = |event: BusinessRelocated| (here.into(), Event::BusinessRelocated(event));
    let details = |id: BusinessId, slug: Option<String>| {
        (id.into(), Event::BusinessDetailsChanged(BusinessDetailsChanged { slug, ..Default::default() }))
    };
    let refiled = |category: CategoryId| {
        let event = BusinessRecategorized { primary_category: category, categories: vec![category] };
        (here.into(), Event::BusinessRecategorized(event))
    };
    let taken_out = |id: BusinessId| (id.into(), Event::BusinessRemoved(BusinessRemoved { reason: String::new() }));
    vec![
        ("registered already", register(BusinessRegistered { business_id: here, ..registered(1, known) })),
        (
            "registered already",
            register(BusinessRegistered { business_id: removed.facts.business_id, ..registered(1, known) }),
        ),
        ("not known", register(registered(2, unknown))),
        ("not known", register(BusinessRegistered { categories: vec![known, unknown], ..registered(2, known) })),
        ("not known", register(BusinessRegistered { location: Some(location), ..registered(2, known) })),
        ("no place", register(BusinessRegistered { point: nowhere, ..registered(2, known) })),
        ("slug", register(BusinessRegistered { slug: "x".repeat(481), ..registered(2, known) })),
        ("slug", register(BusinessRegistered { slug: String::new(), ..registered(2, known) })),
        ("stream", (nobody.into(), register(registered(2, known)).1)),
        ("never registered", details(nobody, None)),
        ("was removed", details(removed.facts.business_id, None)),
        ("slug", details(here, Some("x".repeat(481)))),
        ("not known", relocated(BusinessRelocated { location: Some(location), ..Default::default() })),
        ("no place", relocated(BusinessRelocated { point: nowhere, ..Default::default() })),
        ("not known", refiled(unknown)),
        ("never registered", (nobody.into(), Event::BusinessClosed(BusinessClosed { reason: None }))),
        ("never registered", taken_out(nobody)),
        ("was removed", taken_out(removed.facts.business_id)),
        ("stream", (known.into(), taken_out(here).1)),
        ("its parent", category("y", Some(unknown))),
        ("slug", category("", None)),
        ("slug", category(&"x".repeat(481), None)),
        ("not the id", (CategoryId::from_slug("z").into(), category("y", None).1)),
        ("stream", (nobody.into(), category("y", None).1)),
        ("its parent", defined_at(Some(location), None)),
        ("no place", defined_at(None, nowhere)),
        ("parent of", category(&node.slug, Some(node.parent.map_or(other, |_| unknown_sibling(world, other))))),
    ]
}

/// A category that is not the parent of this one.
fn unknown_sibling(world: &contracts::directory::World, of: CategoryId) -> CategoryId {
    let parent = world.nodes[&(Tree::Category, of.0)].parent;
    let mut all = world.nodes.keys().filter(|(tree, _)| *tree == Tree::Category);
    CategoryId(all.find(|(_, id)| Some(*id) != parent).unwrap().1)
}

#[test]
fn a_poisonous_event_leaves_no_trace() {
    let mut generator = Generator::new(9, Mix::BUSY);
    let steps: Vec<Step> = (0..300).map(|_| generator.step()).collect();
    let poisonous = poisonous_events(&generator);
    // With everything in the store, and with everything in memory.
    for stored in [true, false] {
        let (mut projection, mut store) = (DirectoryProjection::default(), MemoryStore::default());
        if stored {
            fold(&mut projection, &mut store, &steps);
            projection = DirectoryProjection::default();
        } else {
            for step in &steps {
                projection.apply(&store, &step.recorded, step.event.clone(), step.recorded.position).unwrap();
            }
        }
        for (word, (stream, event)) in &poisonous {
            let step = generator.record(*stream, event.clone());
            match projection.apply(&store, &step.recorded, step.event.clone(), step.recorded.position) {
                Err(ApplyError::Poisonous(words)) => assert!(words.contains(word), "{words}"),
                other => panic!("{other:?}, not {word:?}: {event:?}"),
            }
        }
        let changes = projection.render(&store).unwrap();
        assert_eq!(changes.rows.is_empty(), stored);
        store.write(&changes);
        assert!(store.rows == rebuilt(&steps).rows);
        assert_eq!(store.state, rebuilt(&steps).state);
    }
}

#[test]
fn a_tree_is_six_deep_at_most() {
    let mut generator = Generator::new(9, Mix::BUSY);
    let (mut projection, mut store) = (DirectoryProjection::default(), MemoryStore::default());
    let mut parent = None;
    for depth in 1..=7 {
        let slug = format!("depth-{depth}");
        let (stream, event) = category(&slug, parent);
        parent = Some(CategoryId::from_slug(&slug));
        let step = generator.record(stream, event);
        let result = projection.apply(&store, &step.recorded, step.event.clone(), step.recorded.position);
        assert_eq!(result.is_ok(), depth <= 6, "{depth}");
        let changes = projection.render(&store).unwrap();
        assert_eq!(changes.rows.is_empty(), depth > 6, "{depth}");
        store.write(&changes);
    }
}

#[test]
fn decisions_of_operators_change_no_row() {
    let mut generator = Generator::new(9, Mix::BUSY);
    let mut projection = DirectoryProjection::default();
    let skipped = ParkedEventSkipped { group: "directory".to_owned(), position: 1, reason: "known".to_owned() };
    let step = generator.record(StreamId::operations("directory"), Event::ParkedEventSkipped(skipped));
    let store = MemoryStore::default();
    projection.apply(&store, &step.recorded, step.event.clone(), step.recorded.position).unwrap();
    assert_eq!(projection.render(&store).unwrap(), Default::default());
}
