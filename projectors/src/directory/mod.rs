//! The directory: pages, cards, references, both trees and the ranked lists.

mod blocks;
mod business;
mod businesses;
mod documents;
mod filing;
mod lists;
mod nodes;
mod render;
mod score;
mod shape;

use std::cell::OnceCell;

use events::{
    BusinessId, BusinessRegistered, CategoryDefined, CategoryId, Event, LocationDefined, LocationId, Position,
    RecordedEvent, StreamKind, StreamVersion,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use views::{BusinessStatus, Ordinal, ReferenceRow, Tree};

use self::business::Business;
use self::businesses::{Businesses, Record};
use self::filing::Filing;
use self::lists::Lists;
use self::nodes::{Definition, Nodes};
use self::render::Output;
use self::shape::poisonous;
use crate::port::{ApplyError, Changes, Projection, StoreError, StoreReader};

/// Names the rules of [`DirectoryProjection`]. Whatever changes a row of an old log needs another version.
pub const DIRECTORY_VERSION: u32 = 1;

/// Pending memory from which on rendering is worth a second thread.
const PARALLEL_BYTES: usize = 8 << 20;

/// Threads that render beside the one that folds.
const RENDER_THREADS: usize = 2;

/// Folds every event into the rows of `views`.
///
/// What was rendered must be committed before the next event is applied; after a failed commit the same changes are
/// committed again, or the projection is made anew.
#[derive(Debug, Default)]
pub struct DirectoryProjection {
    businesses: Businesses,
    nodes: Nodes,
    lists: Lists,
    /// Made by the first batch that is worth it. Not shared with other projections: its threads have the priority of
    /// the thread that folds.
    render_threads: OnceCell<Option<ThreadPool>>,
}

impl Projection for DirectoryProjection {
    fn version(&self) -> u32 {
        DIRECTORY_VERSION
    }

    fn apply(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        payload: Event,
        at: Position,
    ) -> Result<(), ApplyError> {
        match payload {
            Event::BusinessRegistered(registered) => self.register(store, event, registered, at),
            Event::BusinessDetailsChanged(changed) => {
                if let Some(slug) = &changed.slug {
                    shape::check_slug(slug)?;
                }
                self.change(store, event, at, |business| business.change(&changed))
            }
            Event::BusinessRelocated(relocated) => {
                shape::check_point(relocated.point.as_ref())?;
                let location = self.location(store, relocated.location)?;
                self.change(store, event, at, |business| {
                    business.location = location;
                    business.address = shape::known_address(relocated.address);
                    business.point = relocated.point;
                    business.time_zone = relocated.time_zone;
                })
            }
            Event::BusinessRecategorized(filed) => {
                let categories = self.categories(store, filed.primary_category, &filed.categories)?;
                self.change(store, event, at, |business| business.categories = categories)
            }
            Event::BusinessClosed(_) => {
                self.change(store, event, at, |business| business.status = BusinessStatus::Closed)
            }
            Event::BusinessRemoved(_) => self.remove(store, event, at),
            Event::CategoryDefined(defined) => self.define_category(store, event, &defined, at),
            Event::LocationDefined(defined) => self.define_location(store, event, &defined, at),
            // The runner follows decisions of operators.
            Event::ParkedEventSkipped(_) => Ok(()),
        }
    }

    fn render(&mut self, store: &dyn StoreReader) -> Result<Changes, StoreError> {
        let worth_it = self.pending_bytes() >= PARALLEL_BYTES;
        let output = match worth_it.then(|| self.render_threads()).flatten() {
            Some(threads) => self.render_in_parallel(threads, store)?,
            None => {
                let mut output = Output::default();
                self.businesses.render_documents(&mut output);
                self.businesses.render_state(&mut output);
                self.lists.render(store, &mut output)?;
                self.nodes.render(&mut output);
                output
            }
        };
        self.lists.settle();
        self.nodes.settle();
        self.businesses.settle();
        Ok(output.finish())
    }

    fn pending_bytes(&self) -> usize {
        self.lists.pending_bytes() + self.nodes.pending_bytes() + self.businesses.pending_bytes()
    }
}

impl DirectoryProjection {
    /// Absent where no thread can be made.
    fn render_threads(&self) -> Option<&ThreadPool> {
        let make = || {
            let threads = ThreadPoolBuilder::new().num_threads(RENDER_THREADS);
            threads.thread_name(|number| format!("render-{number}")).build().ok()
        };
        self.render_threads.get_or_init(make).as_ref()
    }

    /// Documents, state and lists share nothing but what they read.
    fn render_in_parallel(&self, threads: &ThreadPool, store: &dyn StoreReader) -> Result<Output, StoreError> {
        let Self { businesses, nodes, lists, .. } = self;
        let (mut documents, mut state, mut output) = (Output::default(), Output::default(), Output::default());
        threads.in_place_scope(|scope| {
            scope.spawn(|_| businesses.render_documents(&mut documents));
            scope.spawn(|_| businesses.render_state(&mut state));
            // Only this part needs the store, which belongs to this thread.
            nodes.render(&mut output);
            lists.render(store, &mut output)
        })?;
        output.append(state);
        output.append(documents);
        Ok(output)
    }

    fn register(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        registered: BusinessRegistered,
        at: Position,
    ) -> Result<(), ApplyError> {
        let id = registered.business_id;
        shape::check_stream(event, id.into())?;
        shape::check_slug(&registered.slug)?;
        shape::check_point(registered.point.as_ref())?;
        let categories = self.categories(store, registered.primary_category, &registered.categories)?;
        let location = self.location(store, registered.location)?;
        // A journal gives each version of a stream once: nothing can be stored before the first. Looking is for the
        // rest of them.
        if event.header.version != StreamVersion(1) && self.businesses.find(store, id)?.is_some() {
            return poisonous(format!("business {id} is registered already"));
        }
        let ordinal = Ordinal(event.position.0);
        let mut business = Business::register(ordinal, event.recorded_at, registered, categories, location);
        business.version = event.header.version;
        let filing = self.filing(store, &business)?;

        self.file(None, filing.as_ref(), at);
        self.businesses.refer(id.to_string(), ReferenceRow::Business(ordinal), at);
        self.businesses.refer(business.slug.clone(), ReferenceRow::Business(ordinal), at);
        self.businesses.put(id, business, true, at);
        Ok(())
    }

    /// Everything that can fail comes before the first thing that leaves a trace.
    fn change(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        at: Position,
        change: impl FnOnce(&mut Business),
    ) -> Result<(), ApplyError> {
        let (id, before) = self.present(store, event)?;
        let mut after = before.clone();
        change(&mut after);
        after.version = event.header.version;
        after.updated_at = event.recorded_at;
        let card_changed = !after.has_card_of(&before);
        if card_changed {
            after.card_updated_at = event.recorded_at;
        }
        let filed_before = self.filing(store, &before)?;
        let filed_after = self.filing(store, &after)?;

        self.file(filed_before.as_ref(), filed_after.as_ref(), at);
        if after.slug != before.slug {
            for old in &after.old_slugs {
                self.businesses.refer(old.clone(), ReferenceRow::Moved { slug: after.slug.clone() }, at);
            }
            self.businesses.refer(after.slug.clone(), ReferenceRow::Business(after.ordinal), at);
        }
        self.businesses.put(id, after, card_changed, at);
        Ok(())
    }

    fn remove(&mut self, store: &dyn StoreReader, event: &RecordedEvent, at: Position) -> Result<(), ApplyError> {
        let (id, business) = self.present(store, event)?;
        let filed = self.filing(store, &business)?;

        self.file(filed.as_ref(), None, at);
        for text in business.old_slugs.into_iter().chain([business.slug, id.to_string()]) {
            self.businesses.refer(text, ReferenceRow::Removed, at);
        }
        self.businesses.remove(id, business.ordinal, at);
        Ok(())
    }

    fn define_category(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        defined: &CategoryDefined,
        at: Position,
    ) -> Result<(), ApplyError> {
        let id = CategoryId(event.header.stream.id);
        shape::check_stream(event, id.into())?;
        let definition = Definition {
            tree: Tree::Category,
            id: id.0,
            id_of_slug: CategoryId::from_slug(&defined.slug).0,
            slug: &defined.slug,
            parent: defined.parent.map(|parent| parent.0),
            kind: None,
            names: &defined.names,
            point: None,
        };
        self.nodes.define(store, &definition, event.position, event.recorded_at, at)
    }

    fn define_location(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
        defined: &LocationDefined,
        at: Position,
    ) -> Result<(), ApplyError> {
        let id = LocationId(event.header.stream.id);
        shape::check_stream(event, id.into())?;
        let definition = Definition {
            tree: Tree::Location,
            id: id.0,
            id_of_slug: LocationId::from_slug(&defined.slug).0,
            slug: &defined.slug,
            parent: defined.parent.map(|parent| parent.0),
            kind: Some(defined.kind),
            names: &defined.names,
            point: defined.point,
        };
        self.nodes.define(store, &definition, event.position, event.recorded_at, at)
    }

    /// The business that an event is about; it must be there.
    fn present(
        &mut self,
        store: &dyn StoreReader,
        event: &RecordedEvent,
    ) -> Result<(BusinessId, Business), ApplyError> {
        let stream = event.header.stream;
        if stream.kind != StreamKind::Business {
            return poisonous(format!("the payload is about a business, the stream is {stream}"));
        }
        let id = BusinessId(stream.id);
        match self.businesses.find(store, id)? {
            Some(Record::Present(business)) => Ok((id, (**business).clone())),
            Some(Record::Removed(_)) => poisonous(format!("business {id} was removed")),
            None => poisonous(format!("business {id} was never registered")),
        }
    }

    /// The primary category first, each once.
    fn categories(
        &mut self,
        store: &dyn StoreReader,
        primary: CategoryId,
        all: &[CategoryId],
    ) -> Result<Vec<Ordinal>, ApplyError> {
        let mut categories = Vec::with_capacity(all.len());
        for id in [&primary].into_iter().chain(all) {
            match self.nodes.find(store, Tree::Category, id.0)? {
                Some(ordinal) if categories.contains(&ordinal) => {}
                Some(ordinal) => categories.push(ordinal),
                None => return poisonous(format!("category {id} is not known")),
            }
        }
        Ok(categories)
    }

    fn location(
        &mut self,
        store: &dyn StoreReader,
        location: Option<LocationId>,
    ) -> Result<Option<Ordinal>, ApplyError> {
        let Some(id) = location else { return Ok(None) };
        match self.nodes.find(store, Tree::Location, id.0)? {
            Some(ordinal) => Ok(Some(ordinal)),
            None => poisonous(format!("location {id} is not known")),
        }
    }

    fn filing(&mut self, store: &dyn StoreReader, business: &Business) -> Result<Option<Filing>, StoreError> {
        Filing::of(business, score::score(business), &mut self.nodes, store)
    }

    /// Lists and counts follow from where the business is filed.
    fn file(&mut self, before: Option<&Filing>, after: Option<&Filing>, at: Position) {
        if before == after {
            return;
        }
        for (here, other, change) in [(before, after, -1), (after, before, 1)] {
            for node in here.into_iter().flat_map(Filing::nodes) {
                if !other.is_some_and(|other| other.counts_in(node)) {
                    self.nodes.count(node, change, at);
                }
            }
        }
        self.lists.refile(before, after, at);
    }
}
