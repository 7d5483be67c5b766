//! Rows say what a plain reading of the events says.

use contracts::directory::{Generator, Mix, Random, World};
use std::collections::BTreeMap;

use events::Event;
use projectors::DirectoryProjection;
use views::{
    BlockEnd, BusinessCard, BusinessPage, EntryKey, Hole, ListId, NamedNode, NodeRow, Ordinal, Partition, Piece,
    PlacedNode, ReferenceRow, Row, RowKey, Sort, Template, Tree, choose_name, follow_chain, is_boundary,
};

use crate::laws::fold;
use crate::memory_store::{MemoryStore, Rows};

fn body(rows: &Rows, key: &RowKey) -> Vec<u8> {
    rows.get(&key.to_bytes()).unwrap_or_else(|| panic!("no row {key:?}")).body.to_vec()
}

fn node(rows: &Rows, tree: Tree, ordinal: Ordinal) -> NodeRow {
    NodeRow::from_body(&body(rows, &RowKey::Node(tree, ordinal))).unwrap()
}

fn named(node: &NodeRow) -> NamedNode {
    NamedNode { slug: node.slug.clone(), name: choose_name(&node.names, None).to_owned() }
}

/// The document as a reader gets it.
fn filled(rows: &Rows, key: &RowKey) -> String {
    let body = body(rows, key);
    let template = Template::from_body(&body).unwrap();
    let pieces = template.pieces.iter().map(|piece| match piece {
        Piece::Json(json) => json.to_string(),
        Piece::Hole(Hole::Node(tree, ordinal)) => serde_json::to_string(&named(&node(rows, *tree, *ordinal))).unwrap(),
        Piece::Hole(Hole::Place(ordinal)) => {
            let place = node(rows, Tree::Location, *ordinal);
            let path = place.ancestors.iter().map(|above| named(&node(rows, Tree::Location, *above))).collect();
            let NamedNode { slug, name } = named(&place);
            serde_json::to_string(&PlacedNode { slug, name, path }).unwrap()
        }
    });
    pieces.collect()
}

/// Rows of a partition of keys, with what follows the prefix.
fn within<'r>(rows: &'r Rows, prefix: &[u8]) -> Vec<(&'r [u8], &'r Row)> {
    rows.range(prefix.to_vec()..).map_while(|(key, row)| Some((key.strip_prefix(prefix)?, row))).collect()
}

/// Reads a list as readers do, and checks where its blocks end.
fn read_list(rows: &Rows, list: ListId) -> Vec<EntryKey> {
    let blocks: Vec<_> = within(rows, &Partition::List(list).prefix())
        .into_iter()
        .map(|(end, row)| {
            (BlockEnd::from_bytes(end).unwrap(), row.version, views::Block::from_body(&row.body).unwrap())
        })
        .collect();
    let count = blocks.len();
    let chain = follow_chain(blocks, None).unwrap();
    assert_eq!(chain.len(), count, "every block of {list:?} is in the chain");
    assert_eq!(chain.last().unwrap().0, BlockEnd::Tail, "{list:?} has a last block");
    for (end, block) in &chain {
        let inner = match end {
            BlockEnd::Entry(end) => {
                let (last, inner) = block.entries.split_last().unwrap();
                assert!(last == end && is_boundary(end), "a block of {list:?} ends at its boundary");
                inner
            }
            BlockEnd::Tail => &block.entries,
        };
        assert!(!inner.iter().any(is_boundary), "no boundary lies inside a block of {list:?}");
    }
    chain.into_iter().flat_map(|(_, block)| block.entries).collect()
}

fn check_lists(rows: &Rows, world: &World) {
    let expected = world.lists();
    for ((category, location, sort), entries) in &expected {
        let list = ListId { category: *category, location: *location, sort: *sort };
        assert_eq!(read_list(rows, list), *entries, "{list:?}");
    }
    let blocks = within(rows, b"l").len();
    let counted: usize = expected
        .keys()
        .map(|(category, location, sort)| ListId { category: *category, location: *location, sort: *sort })
        .map(|list| within(rows, &Partition::List(list).prefix()).len())
        .sum();
    assert_eq!(blocks, counted, "an empty list has no rows");
}

fn check_nodes(rows: &Rows, world: &World) {
    let mut children: BTreeMap<Vec<u8>, Ordinal> = BTreeMap::new();
    let mut slugs: BTreeMap<Vec<u8>, Ordinal> = BTreeMap::new();
    for ((tree, id), expected) in &world.nodes {
        assert_eq!(node(rows, *tree, expected.ordinal), world.node(*tree, *id));
        let parent = expected.parent.map(|parent| world.nodes[&(*tree, parent)].ordinal);
        let slug = expected.slug.clone();
        slugs.insert(RowKey::NodeSlug(*tree, slug.clone()).to_bytes(), expected.ordinal);
        children.insert(RowKey::Child { tree: *tree, parent, slug }.to_bytes(), expected.ordinal);
    }
    for (prefix, expected) in [(b"h", children), (b"s", slugs)] {
        let found: BTreeMap<_, _> = rows
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, row)| (key.clone(), Ordinal::from_body(&row.body).unwrap()))
            .collect();
        assert_eq!(found, expected);
    }
    assert_eq!(within(rows, b"n").len(), world.nodes.len());
}

fn check_businesses(rows: &Rows, world: &World) {
    let mut present = 0;
    for business in world.businesses.values().filter(|business| business.status.is_some()) {
        present += 1;
        let page: BusinessPage = serde_json::from_str(&filled(rows, &RowKey::Page(business.ordinal))).unwrap();
        assert_eq!(page, world.page(business));
        let card: BusinessCard = serde_json::from_str(&filled(rows, &RowKey::Card(business.ordinal))).unwrap();
        assert_eq!(card, world.card(business));
    }
    assert_eq!(within(rows, b"p").len(), present, "a removed business has no page");
    assert_eq!(within(rows, b"c").len(), present, "a removed business has no card");
    let references: BTreeMap<String, ReferenceRow> = within(rows, b"r")
        .into_iter()
        .map(|(text, row)| (String::from_utf8(text.to_vec()).unwrap(), ReferenceRow::from_body(&row.body).unwrap()))
        .collect();
    assert_eq!(references, world.references());
}

#[test]
fn every_row_says_what_the_events_say() {
    for seed in 200..206 {
        let mut generator = Generator::new(seed, Mix::BUSY);
        let (mut projection, mut store) = (DirectoryProjection::default(), MemoryStore::default());
        for _ in 0..8 {
            let steps: Vec<_> = (0..60).map(|_| generator.step()).collect();
            fold(&mut projection, &mut store, &steps);
            check_lists(&store.rows, &generator.world);
            check_nodes(&store.rows, &generator.world);
            check_businesses(&store.rows, &generator.world);
        }
    }
}

#[test]
fn long_lists_are_right_while_their_blocks_split_and_merge() {
    let mut generator = Generator::new(300, Mix::CROWDED);
    let mut random = Random(300);
    let (mut projection, mut store) = (DirectoryProjection::default(), MemoryStore::default());
    let all = ListId { category: None, location: None, sort: Sort::Name };
    let (mut split, mut merged, mut longest) = (0, 0, 0);
    let mut ends = Vec::new();
    let mut steps = Vec::new();
    for _ in 0..40 {
        let batch: Vec<_> = (0..1 + random.below(600)).map(|_| generator.step()).collect();
        fold(&mut projection, &mut store, &batch);
        steps.extend(batch);
        check_lists(&store.rows, &generator.world);
        let now: Vec<Vec<u8>> =
            within(&store.rows, &Partition::List(all).prefix()).into_iter().map(|(end, _)| end.to_vec()).collect();
        split += now.iter().filter(|end| !ends.contains(*end)).count();
        merged += ends.iter().filter(|end| !now.contains(end)).count();
        ends = now;
        longest = longest.max(read_list(&store.rows, all).len());
    }
    assert!(longest > 3_000 && split > 40 && merged > 20, "{longest} entries, {split} splits, {merged} merges");

    let (mut one_by_one, mut live) = (DirectoryProjection::default(), MemoryStore::default());
    for step in &steps {
        fold(&mut one_by_one, &mut live, std::slice::from_ref(step));
    }
    assert!(live.rows == store.rows, "one event at a time gives the same rows");
    assert!(crate::laws::rebuilt(&steps).rows == store.rows, "a rebuild gives the same rows");
}

#[test]
fn a_list_that_empties_loses_its_rows() {
    let mut generator = Generator::new(1, Mix { details: 0, rename: 0, relocate: 0, recategorize: 0, ..Mix::BUSY });
    let (mut projection, mut store) = (DirectoryProjection::default(), MemoryStore::default());
    let steps: Vec<_> = (0..400).map(|_| generator.step()).collect();
    fold(&mut projection, &mut store, &steps);
    let open: Vec<_> = generator.world.businesses.values().filter(|b| b.status.is_some()).cloned().collect();
    assert!(open.len() > 100);
    let closings: Vec<_> = open
        .iter()
        .map(|business| generator.record(business.facts.business_id.into(), Event::BusinessClosed(Default::default())))
        .collect();
    for batch in closings.chunks(30) {
        assert!(!within(&store.rows, b"l").is_empty());
        fold(&mut projection, &mut store, batch);
    }
    assert_eq!(within(&store.rows, b"l").len(), 0);
    assert_eq!(within(&store.rows, b"p").len(), open.len(), "pages stay");
    assert!(within(&store.rows, b"n").iter().all(|(_, row)| NodeRow::from_body(&row.body).unwrap().businesses == 0));
}
