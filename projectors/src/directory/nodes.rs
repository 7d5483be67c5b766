//! Categories and locations: looked up for every business event, so what was decoded is kept.

use std::collections::hash_map::Entry;

use events::{LocationKind, Names, Point, Position, Timestamp};
use rustc_hash::FxHashMap;
use uuid::Uuid;
use views::{NodeRow, Ordinal, Row, RowKey, Tree};

use super::render::{Output, corrupt};
use super::shape::{self, poisonous};
use crate::port::{ApplyError, StoreError, StoreReader};

/// Nodes that stay decoded from one batch to the next.
const CACHED_NODES_MAX: usize = 65_536;
/// A node and everything above it.
const DEPTH_MAX: usize = 6;
/// What a decoded node takes in memory, roughly.
const BYTES_PER_NODE: usize = 400;

/// What defines a node, of either tree.
#[derive(Debug)]
pub(super) struct Definition<'a> {
    pub(super) tree: Tree,
    pub(super) id: Uuid,
    /// The id that belongs to the slug.
    pub(super) id_of_slug: Uuid,
    pub(super) slug: &'a str,
    pub(super) parent: Option<Uuid>,
    pub(super) kind: Option<LocationKind>,
    pub(super) names: &'a Names,
    pub(super) point: Option<Point>,
}

/// The nodes that were needed lately, over those in the store.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    ordinals: FxHashMap<(Tree, Uuid), Ordinal>,
    nodes: FxHashMap<Ordinal, Node>,
    marked: Vec<Ordinal>,
    created: Vec<Created>,
}

/// The state of a node is its row; it is not kept twice.
#[derive(Debug)]
struct Node {
    tree: Tree,
    row: NodeRow,
    marked_at: Option<Position>,
}

#[derive(Debug)]
struct Created {
    tree: Tree,
    id: Uuid,
    ordinal: Ordinal,
    at: Position,
}

impl Nodes {
    /// The ordinal of a node; afterwards it and everything above it is in memory.
    pub(super) fn find(
        &mut self,
        store: &dyn StoreReader,
        tree: Tree,
        id: Uuid,
    ) -> Result<Option<Ordinal>, StoreError> {
        if let Some(ordinal) = self.ordinals.get(&(tree, id)) {
            return Ok(Some(*ordinal));
        }
        let Some(bytes) = store.state(&state_key(tree, id))? else { return Ok(None) };
        let ordinal = Ordinal::from_body(&bytes).map_err(corrupt)?;
        self.lineage(store, tree, ordinal)?;
        self.ordinals.insert((tree, id), ordinal);
        Ok(Some(ordinal))
    }

    /// The nodes above a node, from the top down. Afterwards it and they are in memory.
    pub(super) fn lineage(
        &mut self,
        store: &dyn StoreReader,
        tree: Tree,
        ordinal: Ordinal,
    ) -> Result<&[Ordinal], StoreError> {
        if !self.nodes.contains_key(&ordinal) {
            self.load(store, tree, ordinal)?;
            for ancestor in self.nodes[&ordinal].row.ancestors.clone() {
                self.load(store, tree, ancestor)?;
            }
        }
        Ok(&self.nodes[&ordinal].row.ancestors)
    }

    fn load(&mut self, store: &dyn StoreReader, tree: Tree, ordinal: Ordinal) -> Result<(), StoreError> {
        if let Entry::Vacant(vacant) = self.nodes.entry(ordinal) {
            let row =
                store.row(&RowKey::Node(tree, ordinal))?.ok_or_else(|| corrupt(format!("no row of {ordinal:?}")))?;
            let row = NodeRow::from_body(&row.body).map_err(corrupt)?;
            vacant.insert(Node { tree, row, marked_at: None });
        }
        Ok(())
    }

    /// Folds a definition: a new node, or new words for an old one.
    pub(super) fn define(
        &mut self,
        store: &dyn StoreReader,
        definition: &Definition<'_>,
        position: Position,
        recorded_at: Timestamp,
        at: Position,
    ) -> Result<(), ApplyError> {
        shape::check_slug(definition.slug)?;
        shape::check_point(definition.point.as_ref())?;
        let tree = definition.tree;
        let parent = match definition.parent {
            None => None,
            Some(id) => match self.find(store, tree, id)? {
                Some(parent) => Some(parent),
                None => return poisonous(format!("{:?}: its parent {id} is not known", definition.slug)),
            },
        };
        if let Some(ordinal) = self.find(store, tree, definition.id)? {
            let row = &self.nodes[&ordinal].row;
            if row.slug != definition.slug {
                return poisonous(format!("the slug of {:?} is fixed, {:?} is another", row.slug, definition.slug));
            }
            if row.ancestors.last() != parent.as_ref() {
                return poisonous(format!("the parent of {:?} is fixed", row.slug));
            }
            let row = self.mark(ordinal, at);
            row.names.clone_from(definition.names);
            row.kind = definition.kind;
            row.point = definition.point;
            row.updated_at = recorded_at;
            return Ok(());
        }
        if definition.id != definition.id_of_slug {
            return poisonous(format!("{} is not the id that belongs to {:?}", definition.id, definition.slug));
        }
        let mut ancestors = Vec::new();
        if let Some(parent) = parent {
            ancestors.extend(self.lineage(store, tree, parent)?);
            ancestors.push(parent);
        }
        if ancestors.len() >= DEPTH_MAX {
            return poisonous(format!("{:?} lies deeper than {DEPTH_MAX}", definition.slug));
        }
        if let Some(parent) = parent {
            self.mark(parent, at).children += 1;
        }
        let row = NodeRow {
            slug: definition.slug.to_owned(),
            names: definition.names.clone(),
            kind: definition.kind,
            point: definition.point,
            ancestors,
            children: 0,
            businesses: 0,
            updated_at: recorded_at,
        };
        let ordinal = Ordinal(position.0);
        self.ordinals.insert((tree, definition.id), ordinal);
        self.nodes.insert(ordinal, Node { tree, row, marked_at: None });
        self.mark(ordinal, at);
        self.created.push(Created { tree, id: definition.id, ordinal, at });
        Ok(())
    }

    /// A business was filed here (1) or is no longer (-1). The node is in memory: it is in a filing.
    pub(super) fn count(&mut self, ordinal: Ordinal, change: i64, at: Position) {
        let row = self.mark(ordinal, at);
        row.businesses = row.businesses.saturating_add_signed(change);
    }

    fn mark(&mut self, ordinal: Ordinal, at: Position) -> &mut NodeRow {
        let node = self.nodes.get_mut(&ordinal).expect("a node is looked up before it is changed");
        if node.marked_at.replace(at).is_none() {
            self.marked.push(ordinal);
        }
        &mut node.row
    }

    pub(super) fn render(&self, output: &mut Output) {
        for Created { tree, id, ordinal, at } in &self.created {
            let row = &self.nodes[ordinal].row;
            output.state(state_key(*tree, *id), Some(ordinal.to_body()));
            output.row(&RowKey::NodeSlug(*tree, row.slug.clone()), *at, ordinal.to_body());
            let (parent, slug) = (row.ancestors.last().copied(), row.slug.clone());
            output.row(&RowKey::Child { tree: *tree, parent, slug }, *at, ordinal.to_body());
        }
        for ordinal in &self.marked {
            let node = &self.nodes[ordinal];
            if let Some(version) = node.marked_at {
                output.push(
                    RowKey::Node(node.tree, *ordinal).to_bytes(),
                    Some(Row { version, body: node.row.to_body().into() }),
                );
            }
        }
    }

    /// What was rendered is in the store now.
    pub(super) fn settle(&mut self) {
        self.created.clear();
        for ordinal in self.marked.drain(..) {
            if let Some(node) = self.nodes.get_mut(&ordinal) {
                node.marked_at = None;
            }
        }
        if self.nodes.len() > CACHED_NODES_MAX {
            self.nodes.clear();
            self.ordinals.clear();
        }
    }

    pub(super) fn pending_bytes(&self) -> usize {
        (self.marked.len() + self.nodes.len().saturating_sub(CACHED_NODES_MAX)) * BYTES_PER_NODE
    }
}

fn state_key(tree: Tree, id: Uuid) -> Vec<u8> {
    let tag = match tree {
        Tree::Category => b'c',
        Tree::Location => b'l',
    };
    [&[tag], id.as_bytes().as_slice()].concat()
}
