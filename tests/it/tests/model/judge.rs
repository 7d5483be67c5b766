//! What a command must come to, by the rules of the naive directory.

use std::collections::BTreeSet;

use command_api::domain::{business, category, location};
use command_api::{
    Accepted, ChangeBusinessDetails, Command, CommandError, Outcome, Precondition, Refusal, RegisterBusiness,
};
use events::{CategoryId, LocationId, Timestamp};

use crate::directory::{Business, Directory, Node, Place, Remembered, Status, Tree};
use crate::generate::Asked;
use crate::past::moments;
use crate::world::World;

/// A node, with everything above it, has at most so many levels.
const LEVELS_MAX: usize = 6;

/// Why a command must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Invalid,
    KeyReused,
    ReferencesNotFound,
    VersionMismatch,
    NotFound,
    Closed,
    Removed,
    ParentFixed,
    TooDeep,
    SlugTaken,
    SourceTaken,
}

/// What a command must come to.
#[derive(Debug)]
pub(crate) enum Judged {
    Refused(Refused),
    /// The first answer again.
    Again(Box<Accepted>),
    /// The business becomes this one, by so many events.
    Business(Option<usize>, Box<Business>, u64),
    /// The node becomes this one, by so many events.
    Node(Tree, String, Node, u64),
}

/// Judges a command.
pub(crate) fn judge(directory: &Directory, asked: &Asked) -> Judged {
    if asked.is_invalid {
        return Judged::Refused(Refused::Invalid);
    }
    if let Some(remembered) = asked.key.as_ref().and_then(|key| directory.keys.get(key)) {
        if (&remembered.command, remembered.if_match) != (&asked.command, asked.if_match) {
            return Judged::Refused(Refused::KeyReused);
        }
        return Judged::Again(Box::new(Accepted { replayed: true, ..remembered.answer.clone() }));
    }
    decide(directory, asked).unwrap_or_else(Judged::Refused)
}

fn decide(directory: &Directory, asked: &Asked) -> Result<Judged, Refused> {
    match &asked.command {
        Command::RegisterBusiness(body) => {
            must_exist(directory, Tree::Categories, body.categories.iter())?;
            must_exist(directory, Tree::Locations, body.location.iter())?;
            if body.source.as_ref().is_some_and(|s| directory.sources.contains_key(&source_id(s))) {
                return Err(Refused::SourceTaken);
            }
            must_be_free(directory, body)?;
            Ok(Judged::Business(None, Box::new(registered(body)), 1))
        }
        Command::UpsertBusinessFromSource(body) => {
            must_exist(directory, Tree::Categories, body.categories.iter())?;
            must_exist(directory, Tree::Locations, body.location.iter())?;
            let source = source_id(body.source.as_ref().unwrap());
            let Some(index) = directory.sources.get(&source).copied() else {
                must_be_free(directory, body)?;
                return Ok(Judged::Business(None, Box::new(registered(body)), 1));
            };
            let known = &directory.businesses[index];
            must_be_open(known)?;
            let said = registered(body);
            let mut new = known.clone();
            let details = |b: &Business| {
                let Business { name, description, phone, email, website, opening_hours, attributes, .. } = b.clone();
                (name, description, phone, email, website, opening_hours, attributes)
            };
            let events =
                [details(&said) != details(known), said.categories != known.categories, said.place != known.place];
            (new.name, new.description, new.phone, new.email, new.website, new.opening_hours, new.attributes) =
                details(&said);
            (new.categories, new.place) = (said.categories, said.place);
            Ok(Judged::Business(Some(index), Box::new(new), events.into_iter().map(u64::from).sum()))
        }
        Command::ChangeBusinessDetails(id, body) => about(directory, asked, id.0, |new| change(directory, new, body)),
        Command::RelocateBusiness(id, body) => {
            must_exist(directory, Tree::Locations, body.location.iter())?;
            about(directory, asked, id.0, |new| {
                must_be_open(new)?;
                new.place = Place {
                    location: body.location.clone(),
                    address: body.address.clone().map(Into::into),
                    point: body.point.map(Into::into),
                    time_zone: body.time_zone.clone(),
                };
                Ok(())
            })
        }
        Command::RecategorizeBusiness(id, body) => {
            must_exist(directory, Tree::Categories, body.categories.iter())?;
            about(directory, asked, id.0, |new| {
                must_be_open(new)?;
                new.categories = primary_first(&body.categories, body.primary_category.as_ref());
                Ok(())
            })
        }
        Command::CloseBusiness(id, _) => about(directory, asked, id.0, |new| match new.status {
            Status::Removed => Err(Refused::Removed),
            Status::Open | Status::Closed => {
                new.status = Status::Closed;
                Ok(())
            }
        }),
        Command::RemoveBusiness(id, _) => about(directory, asked, id.0, |new| match new.status {
            Status::Removed => Err(Refused::Removed),
            Status::Open | Status::Closed => {
                new.status = Status::Removed;
                Ok(())
            }
        }),
        Command::DefineCategory(slug, body) => {
            let node = Node {
                id: CategoryId::from_slug(slug).0,
                parent: body.parent.clone(),
                names: body.names.0.clone(),
                kind: None,
                point: None,
                version: 0,
                position: 0,
                updated_at: Timestamp(0),
            };
            define(directory, Tree::Categories, slug, node)
        }
        Command::DefineLocation(slug, body) => {
            let kind = serde_json::to_value(body.kind).unwrap().as_str().unwrap().to_owned();
            let node = Node {
                id: LocationId::from_slug(slug).0,
                parent: body.parent.clone(),
                names: body.names.0.clone(),
                kind: Some(kind),
                point: body.point.map(Into::into),
                version: 0,
                position: 0,
                updated_at: Timestamp(0),
            };
            define(directory, Tree::Locations, slug, node)
        }
    }
}

fn must_exist<'s>(directory: &Directory, tree: Tree, slugs: impl Iterator<Item = &'s String>) -> Result<(), Refused> {
    let all_there = slugs.into_iter().all(|slug| directory.tree(tree).contains_key(slug));
    if all_there { Ok(()) } else { Err(Refused::ReferencesNotFound) }
}

fn must_be_open(business: &Business) -> Result<(), Refused> {
    match business.status {
        Status::Open => Ok(()),
        Status::Closed => Err(Refused::Closed),
        Status::Removed => Err(Refused::Removed),
    }
}

/// A slug that was asked for belongs to nobody else, and never did.
fn must_be_free(directory: &Directory, body: &RegisterBusiness) -> Result<(), Refused> {
    let taken = body.slug.as_ref().is_some_and(|slug| directory.slugs.contains_key(slug));
    if taken { Err(Refused::SlugTaken) } else { Ok(()) }
}

/// A command about a business that is there.
fn about(
    directory: &Directory,
    asked: &Asked,
    id: uuid::Uuid,
    alter: impl FnOnce(&mut Business) -> Result<(), Refused>,
) -> Result<Judged, Refused> {
    let index = directory.find(id).ok_or(Refused::NotFound)?;
    let known = &directory.businesses[index];
    if let Some(Precondition::Version(version)) = asked.if_match
        && version.0 != known.version
    {
        return Err(Refused::VersionMismatch);
    }
    let mut new = known.clone();
    alter(&mut new)?;
    let events = u64::from(new != *known);
    Ok(Judged::Business(Some(index), Box::new(new), events))
}

fn change(directory: &Directory, new: &mut Business, body: &ChangeBusinessDetails) -> Result<(), Refused> {
    must_be_open(new)?;
    if let Some(slug) = body.slug.as_ref().filter(|slug| **slug != new.slug) {
        if directory.slugs.get(slug).is_some_and(|owner| directory.businesses[*owner].id != new.id) {
            return Err(Refused::SlugTaken);
        }
        new.old_slugs.insert(std::mem::replace(&mut new.slug, slug.clone()));
        new.old_slugs.remove(slug);
    }
    let set = |field: &mut Option<String>, asked: &Option<Option<String>>| {
        if let Some(asked) = asked {
            field.clone_from(asked);
        }
    };
    new.name = body.name.clone().unwrap_or_else(|| new.name.clone());
    set(&mut new.description, &body.description);
    set(&mut new.phone, &body.phone);
    set(&mut new.email, &body.email);
    set(&mut new.website, &body.website);
    set(&mut new.opening_hours, &body.opening_hours);
    for (key, value) in &body.attributes.0 {
        match value {
            Some(value) => new.attributes.insert(key.clone(), value.clone()),
            None => new.attributes.remove(key),
        };
    }
    Ok(())
}

fn define(directory: &Directory, tree: Tree, slug: &str, node: Node) -> Result<Judged, Refused> {
    must_exist(directory, tree, node.parent.iter())?;
    let Some(known) = directory.tree(tree).get(slug) else {
        let levels_above = node.parent.as_ref().map_or(0, |parent| directory.upward(tree, parent).len());
        if levels_above >= LEVELS_MAX {
            return Err(Refused::TooDeep);
        }
        return Ok(Judged::Node(tree, slug.to_owned(), node, 1));
    };
    if known.parent != node.parent {
        return Err(Refused::ParentFixed);
    }
    let Node { version, position, updated_at, .. } = *known;
    let node = Node { version, position, updated_at, ..node };
    let events = u64::from(node != *known);
    Ok(Judged::Node(tree, slug.to_owned(), node, events))
}

fn primary_first(categories: &[String], primary: Option<&String>) -> Vec<String> {
    let first = primary.unwrap_or(&categories[0]);
    std::iter::once(first).chain(categories.iter().filter(|slug| *slug != first)).cloned().collect()
}

fn source_id(source: &command_api::GivenSource) -> String {
    format!("{}/{}", source.system, source.external_id)
}

/// A business as it is registered; id, slug and times come with the answer.
fn registered(body: &RegisterBusiness) -> Business {
    Business {
        id: uuid::Uuid::nil(),
        slug: body.slug.clone().unwrap_or_default(),
        old_slugs: BTreeSet::new(),
        status: Status::Open,
        name: body.name.clone(),
        description: body.description.clone(),
        categories: primary_first(&body.categories, body.primary_category.as_ref()),
        place: Place {
            location: body.location.clone(),
            address: body.address.clone().map(Into::into),
            point: body.point.map(Into::into),
            time_zone: body.time_zone.clone(),
        },
        phone: body.phone.clone(),
        email: body.email.clone(),
        website: body.website.clone(),
        opening_hours: body.opening_hours.clone(),
        attributes: body.attributes.0.clone(),
        source: body.source.clone().map(Into::into),
        version: 0,
        ordinal: 0,
        position: 0,
        registered_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// Holds the real answer against the judgement, and makes it true.
pub(crate) async fn settle(
    directory: &mut Directory,
    world: &mut World,
    asked: &Asked,
    judged: Judged,
    answer: Result<Accepted, CommandError>,
) {
    let accepted = match (&judged, answer) {
        (Judged::Refused(refused), Err(error)) => {
            assert_eq!(Some(*refused), refusal(&error), "{asked:?}: {error}");
            return;
        }
        (_, Ok(accepted)) if !matches!(judged, Judged::Refused(_)) => accepted,
        (_, answer) => panic!("{asked:?} must come to {judged:?} and came to {answer:?}"),
    };
    if let Judged::Again(first) = judged {
        assert_eq!(accepted, *first, "{asked:?}");
        return;
    }
    assert!(!accepted.replayed && !accepted.dry_run);
    let events = match &judged {
        Judged::Business(_, _, events) | Judged::Node(_, _, _, events) => *events,
        Judged::Refused(_) | Judged::Again(_) => unreachable!("settled above"),
    };
    if events > 0 {
        assert_eq!(accepted.position.0, directory.head + events, "{asked:?}: positions are dense");
        directory.head = accepted.position.0;
    }
    // An unchanged aggregate keeps its time.
    let recorded_at = world.recorded_at(accepted.position).await;
    let (version, created) = match judged {
        Judged::Business(index, new, _) => {
            settle_business(directory, asked, index, *new, events, &accepted, recorded_at)
        }
        Judged::Node(tree, slug, mut node, _) => {
            assert_eq!((accepted.id, accepted.slug.as_deref()), (node.id, Some(slug.as_str())));
            node.version += events;
            if events > 0 {
                (node.position, node.updated_at) = (accepted.position.0, recorded_at);
            }
            assert_eq!(node.position, accepted.position.0, "{asked:?}");
            let version = node.version;
            let created = directory.tree_mut(tree).insert(slug, node).is_none();
            (version, created)
        }
        Judged::Refused(_) | Judged::Again(_) => unreachable!("settled above"),
    };
    assert_eq!(accepted.version.0, version, "{asked:?}");
    let outcome = match (events, created) {
        (0, _) => Outcome::Unchanged,
        (_, true) => Outcome::Created,
        (_, false) => Outcome::Changed,
    };
    assert_eq!(accepted.outcome, outcome, "{asked:?}");
    if let Some(key) = asked.key.clone().filter(|_| events > 0) {
        let Asked { command, if_match, .. } = asked.clone();
        directory.keys.insert(key, Remembered { command, if_match, answer: accepted });
    }
}

fn settle_business(
    directory: &mut Directory,
    asked: &Asked,
    index: Option<usize>,
    mut new: Business,
    events: u64,
    accepted: &Accepted,
    recorded_at: Timestamp,
) -> (u64, bool) {
    let slug = accepted.slug.clone().unwrap();
    if index.is_none() {
        assert!(new.slug.is_empty() || new.slug == slug, "{asked:?}: another slug than asked for");
        assert!(!directory.slugs.contains_key(&slug), "{asked:?}: {slug} was another's");
        assert_eq!(directory.find(accepted.id), None, "{asked:?}: the id is another's");
        new.id = accepted.id;
        new.slug.clone_from(&slug);
        (new.ordinal, new.registered_at) = (accepted.position.0, recorded_at);
    }
    assert_eq!((accepted.id, &slug), (new.id, &new.slug), "{asked:?}");
    new.version += events;
    if events > 0 {
        (new.position, new.updated_at) = (accepted.position.0, recorded_at);
    }
    assert_eq!(new.position, accepted.position.0, "{asked:?}");
    let version = new.version;
    let place = index.unwrap_or(directory.businesses.len());
    directory.touched.insert(place);
    directory.slugs.insert(slug, place);
    if let Some(source) = &new.source {
        directory.sources.insert(format!("{}/{}", source.system, source.external_id), place);
    }
    let moments = moments(index.map(|index| &directory.businesses[index]), &new, &asked.command);
    assert_eq!(moments.len() as u64, events, "{asked:?}: {moments:?}");
    match index {
        Some(index) => {
            directory.businesses[index] = new;
            directory.past[index].extend(moments);
        }
        None => {
            directory.businesses.push(new);
            directory.past.push(moments);
        }
    }
    (version, index.is_none())
}

fn refusal(error: &CommandError) -> Option<Refused> {
    Some(match error {
        CommandError::Invalid { .. } => Refused::Invalid,
        CommandError::KeyReused => Refused::KeyReused,
        CommandError::VersionMismatch { .. } => Refused::VersionMismatch,
        CommandError::Refused(refusal) => match refusal {
            Refusal::ReferencesNotFound { .. } => Refused::ReferencesNotFound,
            Refusal::SlugTaken { .. } => Refused::SlugTaken,
            Refusal::SourceTaken { .. } => Refused::SourceTaken,
            Refusal::Business(business::Rejected::NotFound) => Refused::NotFound,
            Refusal::Business(business::Rejected::Closed) => Refused::Closed,
            Refusal::Business(business::Rejected::Removed) => Refused::Removed,
            Refusal::Category(category::Rejected::ParentFixed) | Refusal::Location(location::Rejected::ParentFixed) => {
                Refused::ParentFixed
            }
            Refusal::Category(category::Rejected::TooDeep) | Refusal::Location(location::Rejected::TooDeep) => {
                Refused::TooDeep
            }
            Refusal::Business(_) => return None,
        },
        _ => return None,
    })
}
