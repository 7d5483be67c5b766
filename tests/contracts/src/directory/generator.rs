//! Seeded logs of valid events. Nothing outside of this file decides what a seed gives, as a hash is committed.

#![allow(clippy::unwrap_used, reason = "for tests: a panic is how they fail")]

use std::collections::BTreeMap;

use events::{
    Actor, ActorKind, Address, BusinessClosed, BusinessDetailsChanged, BusinessId, BusinessRecategorized,
    BusinessRegistered, BusinessRelocated, BusinessRemoved, CategoryDefined, CategoryId, CommandId, DetailField, Event,
    EventHeader, EventId, LocationDefined, LocationId, LocationKind, Names, Point, Position, RecordedEvent, Source,
    StreamId, StreamVersion, Timestamp,
};
use uuid::Uuid;
use views::Tree;

use super::world::World;

/// An event and its payload, decoded.
#[derive(Debug, Clone)]
pub struct Step {
    /// As a feed gives it, without its payload.
    pub recorded: RecordedEvent,
    /// Its payload.
    pub event: Event,
}

/// How often each kind of event comes, by weight.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// New categories and locations.
    pub define: u64,
    /// Other names, parents or slugs of those that there are.
    pub redefine: u64,
    /// New businesses.
    pub register: u64,
    /// Other details.
    pub details: u64,
    /// Other names and slugs.
    pub rename: u64,
    /// Other places.
    pub relocate: u64,
    /// Other categories.
    pub recategorize: u64,
    /// Closed for good.
    pub close: u64,
    /// Removed.
    pub remove: u64,
}

impl Mix {
    /// Everything, often.
    pub const BUSY: Self = Self {
        define: 12,
        redefine: 5,
        register: 40,
        details: 14,
        rename: 10,
        relocate: 8,
        recategorize: 8,
        close: 5,
        remove: 4,
    };
    /// Many businesses and much coming and going: long lists, whose blocks split and merge.
    pub const CROWDED: Self = Self { define: 1, redefine: 1, register: 60, rename: 30, close: 20, ..Self::BUSY };
    /// Nothing but trees.
    pub const TREES: Self = Self {
        define: 1,
        redefine: 0,
        register: 0,
        details: 0,
        rename: 0,
        relocate: 0,
        recategorize: 0,
        close: 0,
        remove: 0,
    };
    /// After [`Self::TREES`]: what an imported directory with some upkeep is like.
    pub const UPKEEP: Self = Self {
        define: 0,
        redefine: 0,
        register: 80,
        details: 8,
        rename: 3,
        relocate: 3,
        recategorize: 3,
        close: 2,
        remove: 1,
    };
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.one_in(2) { Some(value(self)) } else { None }
    }
}

const WORDS: [&str; 12] =
    ["Café", "Adler", "zum", "Golden", "Ögedei", "noodle", "梵", "Bar", "Straße", "O'Brien's", "Pizza", "\u{a0}Moon"];
const KINDS: [LocationKind; 5] =
    [LocationKind::Country, LocationKind::Region, LocationKind::County, LocationKind::City, LocationKind::District];

/// Makes one valid event after the other.
pub struct Generator {
    /// What the directory looks like after the events so far.
    pub world: World,
    /// What comes from here on.
    pub mix: Mix,
    random: Random,
    position: Position,
    clock: i64,
    versions: BTreeMap<StreamId, StreamVersion>,
    /// Ids by number, to pick from without walking the world.
    nodes: [Vec<Uuid>; 2],
    present: Vec<Uuid>,
}

impl Generator {
    /// What a seed gives.
    pub fn new(seed: u64, mix: Mix) -> Self {
        Self {
            world: World::default(),
            mix,
            random: Random(seed),
            position: Position::ZERO,
            clock: 1_700_000_000_000_000,
            versions: BTreeMap::new(),
            nodes: [Vec::new(), Vec::new()],
            present: Vec::new(),
        }
    }

    /// So many events, and what the directory looks like after them.
    pub fn log(seed: u64, mix: Mix, events: usize) -> (Vec<Step>, World) {
        let mut generator = Self::new(seed, mix);
        let steps = (0..events).map(|_| generator.step()).collect();
        (steps, generator.world)
    }

    /// The next event.
    pub fn step(&mut self) -> Step {
        let (stream, event) = self.choose();
        let step = self.record(stream, event);
        self.world.apply(&step.recorded, &step.event);
        step
    }

    /// An event of the caller's own as the next one; the world does not change by it.
    pub fn record(&mut self, stream: StreamId, event: Event) -> Step {
        self.position = self.position.next();
        self.clock += 1 + self.random.below(3_000_000) as i64;
        let version = self.versions.entry(stream).or_default();
        *version = version.next();
        let header = EventHeader {
            event_id: EventId(Uuid::from_u128(u128::from(self.position.0) << 64)),
            stream,
            version: *version,
            event_type: "not looked at by a fold".to_owned(),
            schema_version: 1,
            occurred_at: Timestamp(self.clock - 5),
            actor: Actor { kind: ActorKind::System, id: "test".to_owned() },
            causation: None,
            correlation: Uuid::nil(),
            command_id: CommandId(Uuid::nil()),
        };
        let recorded = RecordedEvent {
            position: self.position,
            recorded_at: Timestamp(self.clock),
            header,
            payload: Vec::new(),
            crc32c: 0,
        };
        Step { recorded, event }
    }

    fn choose(&mut self) -> (StreamId, Event) {
        for tree in [Tree::Category, Tree::Location] {
            if self.nodes[tree as usize].len() < 3 {
                return self.define(tree);
            }
        }
        let Mix { define, redefine, register, details, rename, relocate, recategorize, close, remove } = self.mix;
        let weights = [define, redefine, register, details, rename, relocate, recategorize, close, remove];
        let mut at = self.random.number() % weights.iter().sum::<u64>();
        let kind = weights.iter().position(|weight| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let tree = *self.random.pick(&[Tree::Category, Tree::Location]);
        match kind {
            Some(0) => self.define(tree),
            Some(1) => self.redefine(tree),
            Some(2) => self.register(),
            _ if self.present.is_empty() => self.register(),
            Some(kind) => {
                let index = self.random.below(self.present.len());
                let id = self.present[index];
                let event = match kind {
                    3 => self.details(),
                    4 => self.rename(id),
                    5 => self.relocate(),
                    6 => self.recategorize(),
                    7 => Event::BusinessClosed(BusinessClosed { reason: None }),
                    _ => {
                        self.present.swap_remove(index);
                        Event::BusinessRemoved(BusinessRemoved { reason: "asked for".to_owned() })
                    }
                };
                (BusinessId(id).into(), event)
            }
            None => unreachable!("one of the weights is hit"),
        }
    }

    fn define(&mut self, tree: Tree) -> (StreamId, Event) {
        let ids = &self.nodes[tree as usize];
        // Depth is at most 6; a parent that is that deep is passed over.
        let parent = self.random.maybe(|_| ()).and_then(|()| {
            let id = *ids.get(self.random.below(ids.len().max(1)))?;
            (self.world.path(tree, id).len() < 6).then_some(id)
        });
        let slug = format!("node-{}", self.position.0 + 1);
        let names = self.names();
        match tree {
            Tree::Category => {
                let id = CategoryId::from_slug(&slug);
                self.nodes[tree as usize].push(id.0);
                (id.into(), Event::CategoryDefined(CategoryDefined { slug, parent: parent.map(CategoryId), names }))
            }
            Tree::Location => {
                let id = LocationId::from_slug(&slug);
                self.nodes[tree as usize].push(id.0);
                let (kind, point) = (*self.random.pick(&KINDS), self.random.maybe(point));
                let parent = parent.map(LocationId);
                (id.into(), Event::LocationDefined(LocationDefined { slug, parent, kind, names, point }))
            }
        }
    }

    fn redefine(&mut self, tree: Tree) -> (StreamId, Event) {
        let id = *self.random.pick(&self.nodes[tree as usize]);
        let node = &self.world.nodes[&(tree, id)];
        let (slug, parent) = (node.slug.clone(), node.parent);
        let names = self.names();
        match tree {
            Tree::Category => {
                let parent = parent.map(CategoryId);
                (CategoryId(id).into(), Event::CategoryDefined(CategoryDefined { slug, parent, names }))
            }
            Tree::Location => {
                let (kind, point) = (*self.random.pick(&KINDS), self.random.maybe(point));
                let parent = parent.map(LocationId);
                (LocationId(id).into(), Event::LocationDefined(LocationDefined { slug, parent, kind, names, point }))
            }
        }
    }

    fn register(&mut self) -> (StreamId, Event) {
        let number = u128::from(self.position.0 + 1);
        let id = BusinessId(Uuid::from_u128(number << 80 | 7 << 76 | 2 << 62 | u128::from(self.random.number() >> 4)));
        self.present.push(id.0);
        let name = self.name();
        let r = &mut self.random;
        let (description, phone, email) = (r.maybe(text), r.maybe(text), r.maybe(text));
        let (website, opening_hours) = (r.maybe(text), r.maybe(text));
        let source = r.maybe(|r| Source {
            system: "osm".to_owned(),
            external_id: format!("node/{number}"),
            licence: r.maybe(text),
            attribution: r.maybe(text),
        });
        let attributes = r.maybe(|r| ("popularity".to_owned(), popularity(r))).into_iter().collect();
        let BusinessRecategorized { primary_category, categories } = self.categories();
        let BusinessRelocated { location, address, point, time_zone } = self.place();
        let registered = BusinessRegistered {
            business_id: id,
            slug: format!("business-{number}"),
            name,
            description,
            primary_category,
            categories,
            location,
            address,
            point,
            time_zone,
            phone,
            email,
            website,
            opening_hours,
            attributes,
            source,
        };
        (id.into(), Event::BusinessRegistered(registered))
    }

    fn details(&mut self) -> Event {
        let r = &mut self.random;
        let mut changed = BusinessDetailsChanged {
            description: r.maybe(text),
            phone: r.maybe(text),
            email: r.maybe(text),
            website: r.maybe(text),
            opening_hours: r.maybe(text),
            ..Default::default()
        };
        if r.one_in(2) {
            changed.attributes_set.insert("popularity".to_owned(), popularity(r));
        } else if r.one_in(2) {
            changed.attributes_removed.push("popularity".to_owned());
        }
        if changed.phone.is_none() && r.one_in(2) {
            changed.removed.push(DetailField::Phone);
        }
        if changed.description.is_none() && r.one_in(2) {
            changed.removed.push(DetailField::Description);
        }
        Event::BusinessDetailsChanged(changed)
    }

    /// A new name, a new slug or a slug that it had before.
    fn rename(&mut self, id: Uuid) -> Event {
        let mut changed = BusinessDetailsChanged { name: Some(self.name()), ..Default::default() };
        let olds: Vec<String> = self.world.businesses[&id].old_slugs.iter().cloned().collect();
        match self.random.below(4) {
            0 => {}
            1 if !olds.is_empty() => changed.slug = Some(self.random.pick(&olds).clone()),
            _ => changed.slug = Some(format!("business-{}", self.position.0 + 1)),
        }
        if changed.slug.is_some() && self.random.one_in(3) {
            changed.name = None;
        }
        Event::BusinessDetailsChanged(changed)
    }

    fn relocate(&mut self) -> Event {
        Event::BusinessRelocated(self.place())
    }

    fn recategorize(&mut self) -> Event {
        Event::BusinessRecategorized(self.categories())
    }

    fn place(&mut self) -> BusinessRelocated {
        let r = &mut self.random;
        let location = if r.one_in(5) { None } else { Some(LocationId(*r.pick(&self.nodes[Tree::Location as usize]))) };
        let address = r.maybe(|r| Address { street: r.maybe(text), locality: Some(text(r)), ..Default::default() });
        BusinessRelocated { location, address, point: r.maybe(point), time_zone: r.maybe(text) }
    }

    fn categories(&mut self) -> BusinessRecategorized {
        let r = &mut self.random;
        let mut categories: Vec<CategoryId> = Vec::new();
        for _ in 0..=r.below(3) {
            let id = CategoryId(*r.pick(&self.nodes[Tree::Category as usize]));
            if !categories.contains(&id) {
                categories.push(id);
            }
        }
        BusinessRecategorized { primary_category: categories[0], categories }
    }

    fn name(&mut self) -> String {
        let count = 1 + self.random.below(3);
        (0..count).map(|_| *self.random.pick(&WORDS)).collect::<Vec<_>>().join(" ")
    }

    fn names(&mut self) -> Names {
        let mut names = Names::from([("en".to_owned(), self.name())]);
        if self.random.one_in(2) {
            names.insert("de".to_owned(), self.name());
        }
        names
    }
}

fn text(random: &mut Random) -> String {
    format!("text \"{}\"", random.number() % 1_000)
}

/// In 64ths of a degree: decimal text gives them back exactly.
fn point(random: &mut Random) -> Point {
    Point { lat: random.below(11_520) as f64 / 64.0 - 90.0, lon: random.below(23_040) as f64 / 64.0 - 180.0 }
}

fn popularity(random: &mut Random) -> String {
    let magnitude = random.below(20);
    (random.number() % (1 << magnitude)).to_string()
}
