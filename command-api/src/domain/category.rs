//! A category: defined once, named again at will. Its place in the tree is fixed.

use events::{CategoryDefined, CategoryId, Event, Names};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Aggregate, MAX_TREE_DEPTH};

/// All that decisions about a category rest on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// The newest definition; absent before the first.
    pub defined: Option<CategoryDefined>,
}

/// What can be asked of a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Create it or replace its names.
    Define {
        /// Its slug.
        slug: String,
        /// The category above and the level that it is on, 1 at the top.
        parent: Option<(CategoryId, usize)>,
        /// Its names.
        names: Names,
    },
}

/// Why a command about a category is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejected {
    /// A category stays where it is in the tree.
    #[error("the parent of a category is fixed")]
    ParentFixed,
    /// The tree would get too deep.
    #[error("the tree of categories has at most {MAX_TREE_DEPTH} levels")]
    TooDeep,
}

/// What happens when this is asked of a category in this state; nothing, when nothing would change.
pub fn decide(state: &State, command: Command) -> Result<Vec<Event>, Rejected> {
    let Command::Define { slug, parent, names } = command;
    let (parent, parent_level) = parent.map_or((None, 0), |(id, level)| (Some(id), level));
    let defined = CategoryDefined { slug, parent, names };
    match &state.defined {
        Some(known) if known.parent != parent => Err(Rejected::ParentFixed),
        Some(known) if *known == defined => Ok(Vec::new()),
        None if parent_level >= MAX_TREE_DEPTH => Err(Rejected::TooDeep),
        _ => Ok(vec![Event::CategoryDefined(defined)]),
    }
}

/// The state after one more event.
#[must_use]
pub fn evolve(state: State, event: &Event) -> State {
    match event {
        Event::CategoryDefined(defined) => State { defined: Some(defined.clone()) },
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

    fn define(parent: Option<(&str, usize)>, name: &str) -> Command {
        Command::Define {
            slug: "pizza".to_owned(),
            parent: parent.map(|(slug, level)| (CategoryId::from_slug(slug), level)),
            names: [("en".to_owned(), name.to_owned())].into(),
        }
    }

    fn given(commands: &[Command]) -> State {
        commands.iter().fold(State::default(), |state, command| {
            decide(&state, command.clone()).unwrap().iter().fold(state, evolve)
        })
    }

    #[test]
    fn given_nothing_when_defined_then_it_is_defined_as_asked() {
        let events = decide(&State::default(), define(Some(("food", 1)), "Pizza")).unwrap();
        let [Event::CategoryDefined(defined)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(defined.parent, Some(CategoryId::from_slug("food")));
        assert_eq!((defined.slug.as_str(), defined.names["en"].as_str()), ("pizza", "Pizza"));
    }

    #[test]
    fn given_a_category_when_defined_the_same_then_nothing_happens() {
        let command = define(Some(("food", 1)), "Pizza");
        assert_eq!(decide(&given(std::slice::from_ref(&command)), command), Ok(vec![]));
    }

    #[test]
    fn given_a_category_when_named_anew_then_the_names_are_replaced() {
        let state = given(&[define(None, "Pizza"), define(None, "Pizzeria")]);
        assert_eq!(state.defined.unwrap().names["en"], "Pizzeria");
    }

    #[test]
    fn given_a_category_when_put_elsewhere_then_it_is_refused() {
        let state = given(&[define(Some(("food", 1)), "Pizza")]);
        assert_eq!(decide(&state, define(Some(("fun", 1)), "Pizza")), Err(Rejected::ParentFixed));
        assert_eq!(decide(&state, define(None, "Pizza")), Err(Rejected::ParentFixed));
    }

    #[test]
    fn the_sixth_level_is_the_last() {
        assert!(decide(&State::default(), define(Some(("food", 5)), "Pizza")).is_ok());
        assert_eq!(decide(&State::default(), define(Some(("food", 6)), "Pizza")), Err(Rejected::TooDeep));
    }
}
