//! A location: defined once, described again at will. Its place in the tree is fixed.

use events::{Event, LocationDefined, LocationId, LocationKind, Names, Point};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Aggregate, MAX_TREE_DEPTH};

/// All that decisions about a location rest on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// The newest definition; absent before the first.
    pub defined: Option<LocationDefined>,
}

/// What can be asked of a location.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Create it or replace its names, kind and point.
    Define {
        /// Its slug.
        slug: String,
        /// The location around it and the level that it is on, 1 at the top.
        parent: Option<(LocationId, usize)>,
        /// What it is.
        kind: LocationKind,
        /// Its names.
        names: Names,
        /// Its centre.
        point: Option<Point>,
    },
}

/// Why a command about a location is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejected {
    /// A location stays where it is in the tree.
    #[error("the parent of a location is fixed")]
    ParentFixed,
    /// The tree would get too deep.
    #[error("the tree of locations has at most {MAX_TREE_DEPTH} levels")]
    TooDeep,
}

/// What happens when this is asked of a location in this state; nothing, when nothing would change.
pub fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejected> {
    let Command::Define { slug, parent, kind, names, point } = command;
    let (parent, parent_level) = parent.map_or((None, 0), |(id, level)| (Some(id), level));
    let defined = LocationDefined { slug, parent, kind, names, point };
    match &state.defined {
        Some(known) if known.parent != parent => Err(Rejected::ParentFixed),
        Some(known) if *known == defined => Ok(Vec::new()),
        None if parent_level >= MAX_TREE_DEPTH => Err(Rejected::TooDeep),
        _ => Ok(vec![Event::LocationDefined(defined)]),
    }
}

/// The state after one more event.
#[must_use]
pub fn evolve(state: State, event: &Event) -> State {
    match event {
        Event::LocationDefined(defined) => State { defined: Some(defined.clone()) },
        _ => state,
    }
}

impl Aggregate for State {
    const SNAPSHOT_FORMAT: u32 = 1;

    fn evolve(self, event: &Event) -> Self {
        evolve(self, event)
    }

    fn slug(&self) -> &str {
        self.defined.as_ref().map_or("", |defined| &defined.slug)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn define(parent: Option<(&str, usize)>, point: Option<Point>) -> Command {
        Command::Define {
            slug: "us-il".to_owned(),
            parent: parent.map(|(slug, level)| (LocationId::from_slug(slug), level)),
            kind: LocationKind::Region,
            names: [("en".to_owned(), "Illinois".to_owned())].into(),
            point,
        }
    }

    fn given(command: Command) -> State {
        decide(&State::default(), command).unwrap().iter().fold(State::default(), evolve)
    }

    #[test]
    fn given_a_location_when_defined_the_same_then_nothing_happens() {
        let command = define(Some(("us", 1)), None);
        assert_eq!(decide(&given(command.clone()), command), Ok(vec![]));
    }

    #[test]
    fn given_a_location_when_its_point_is_new_then_it_is_defined_anew() {
        let moved = define(Some(("us", 1)), Some(Point { lat: 40.0, lon: -89.0 }));
        let events = decide(&given(define(Some(("us", 1)), None)), moved).unwrap();
        assert!(matches!(&events[..], [Event::LocationDefined(defined)] if defined.point.is_some()));
    }

    #[test]
    fn given_a_location_when_put_elsewhere_then_it_is_refused() {
        let state = given(define(Some(("us", 1)), None));
        assert_eq!(decide(&state, define(Some(("ca", 1)), None)), Err(Rejected::ParentFixed));
    }

    #[test]
    fn the_sixth_level_is_the_last() {
        assert!(decide(&State::default(), define(Some(("us", 5)), None)).is_ok());
        assert_eq!(decide(&State::default(), define(Some(("us", 6)), None)), Err(Rejected::TooDeep));
    }
}
