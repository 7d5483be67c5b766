//! Who waits for whom: each line for the earlier ones that touch what it touches.

use std::collections::HashMap;

use tokio::sync::watch;
use uuid::Uuid;

/// Something that commands touch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Thing {
    /// A business by its id.
    Business(Uuid),
    /// How businesses are addressed. Which business a source's id leads to is not known before the command runs, so
    /// that those by source and those by id stay apart.
    Addressing,
    /// A business by source system and the id there.
    Source(String, String),
    /// A slug of businesses, and everything that begins with it and a hyphen.
    Slug(String),
    /// A category by its slug.
    Category(String),
    /// A location by its slug.
    Location(String),
    /// Whichever location a point or an address lies in.
    AnyLocation,
    /// An idempotency key.
    Key(String),
}

/// How it is touched. Lines of one kind do not mind each other, unless it is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Nobody else may.
    Alone,
    /// It only has to be there as it is.
    Uses,
    /// One of many that make something anew.
    Makes,
    /// A business through its source.
    BySource,
    /// A business through its id.
    ById,
}

/// A line's place among the others. Whoever waits for it goes on when this is dropped, however the line ended.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    earlier: Vec<watch::Receiver<()>>,
    _until_dropped: watch::Sender<()>,
}

/// What lines that are not finished touch.
#[derive(Debug, Default)]
pub(crate) struct Order {
    touched: HashMap<Thing, Line>,
}

/// Those who stand in line for one thing: the last who do not mind each other, and those before them.
#[derive(Debug)]
struct Line {
    touch: Touch,
    last: Vec<Waiting>,
    before: Vec<Waiting>,
}

type Waiting = (u64, watch::Receiver<()>);

impl Order {
    /// Gives the next line its place. Numbers only go up.
    pub(crate) fn join(&mut self, number: u64, touched: &[(Thing, Touch)]) -> Place {
        let (sender, finished) = watch::channel(());
        let mut earlier = Vec::new();
        for (thing, touch) in touched {
            let me = (number, finished.clone());
            let Some(line) = self.touched.get_mut(thing) else {
                self.touched.insert(thing.clone(), Line { touch: *touch, last: vec![me], before: Vec::new() });
                continue;
            };
            if line.touch == *touch && *touch != Touch::Alone {
                line.last.push(me);
            } else {
                line.touch = *touch;
                line.before = std::mem::replace(&mut line.last, vec![me]);
            }
            // The line itself may touch a thing twice; it does not wait for itself.
            earlier.extend(line.before.iter().filter(|(other, _)| *other != number).map(|(_, done)| done.clone()));
        }
        Place { number, earlier, _until_dropped: sender }
    }

    /// Forgets a line that is finished.
    pub(crate) fn leave(&mut self, number: u64, touched: &[(Thing, Touch)]) {
        for (thing, _) in touched {
            if let Some(line) = self.touched.get_mut(thing) {
                line.last.retain(|(other, _)| *other != number);
                line.before.retain(|(other, _)| *other != number);
                if line.last.is_empty() && line.before.is_empty() {
                    self.touched.remove(thing);
                }
            }
        }
    }
}

impl Place {
    /// The number of the line.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Waits until every earlier line that minds is finished.
    pub(crate) async fn turn(&mut self) {
        for mut earlier in std::mem::take(&mut self.earlier) {
            // Nothing is ever sent: this ends, with an error, when the other's place is dropped.
            while earlier.changed().await.is_ok() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn thing() -> Thing {
        Thing::AnyLocation
    }

    async fn may_go(place: &mut Place) -> bool {
        let turn = tokio::time::timeout(std::time::Duration::ZERO, place.turn_again());
        turn.await.is_ok()
    }

    impl Place {
        /// Like `turn`, and may be asked again.
        async fn turn_again(&mut self) {
            for earlier in &mut self.earlier {
                while earlier.changed().await.is_ok() {}
            }
        }
    }

    #[tokio::test]
    async fn who_is_alone_waits_for_all_and_all_for_it() {
        let mut order = Order::default();
        let mut join = |number, touch| order.join(number, &[(thing(), touch)]);
        let (mut a, mut b) = (join(1, Touch::Uses), join(2, Touch::Uses));
        let (mut c, mut d) = (join(3, Touch::Alone), join(4, Touch::Alone));
        let mut e = join(5, Touch::Uses);
        assert!(may_go(&mut a).await && may_go(&mut b).await, "those of one kind do not mind each other");
        drop(a);
        assert!(!may_go(&mut c).await, "it waits for the other, too");
        drop(b);
        assert!(may_go(&mut c).await && !may_go(&mut d).await && !may_go(&mut e).await);
        drop(c);
        assert!(may_go(&mut d).await && !may_go(&mut e).await);
        drop(d);
        assert!(may_go(&mut e).await);
    }

    #[tokio::test]
    async fn kinds_mind_each_other_also_those_who_join_later() {
        let mut order = Order::default();
        let mut join = |number, touch| order.join(number, &[(thing(), touch)]);
        let maker = join(1, Touch::Makes);
        let (mut first, mut second) = (join(2, Touch::Uses), join(3, Touch::Uses));
        assert!(!may_go(&mut first).await && !may_go(&mut second).await);
        drop(maker);
        assert!(may_go(&mut first).await && may_go(&mut second).await);
    }

    #[tokio::test]
    async fn who_touches_a_thing_twice_does_not_wait_for_itself_and_nothing_is_kept() {
        let mut order = Order::default();
        let touched = [(thing(), Touch::Alone), (thing(), Touch::Uses), (thing(), Touch::Alone)];
        let mut place = order.join(1, &touched);
        assert!(may_go(&mut place).await);
        drop(place);
        order.leave(1, &touched);
        assert!(order.touched.is_empty());
    }
}
