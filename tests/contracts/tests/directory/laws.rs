//! What holds for every log: rows are a matter of the log alone.

use contracts::directory::{Generator, Mix, Random, Step};
use std::collections::HashMap;

use events::{BusinessDetailsChanged, Event, Position};
use projectors::{DirectoryProjection, Projection, StoreReader};
use views::{EntryKey, fold_name, is_boundary};

use crate::memory_store::{MemoryStore, Rows, differing, is_at};

/// Folds events and renders once.
pub(crate) fn fold(projection: &mut DirectoryProjection, store: &mut MemoryStore, steps: &[Step]) {
    for step in steps {
        projection.apply(store, &step.recorded, step.event.clone(), step.recorded.position).unwrap();
    }
    let changes = projection.render(store).unwrap();
    store.write(&changes);
}

pub(crate) fn rebuilt(steps: &[Step]) -> MemoryStore {
    let mut store = MemoryStore::default();
    fold(&mut DirectoryProjection::default(), &mut store, steps);
    store
}

#[test]
fn rendering_everything_after_each_event_changes_marked_rows_only() {
    for seed in 0..12 {
        let (steps, _) = Generator::log(seed, Mix::BUSY, 160);
        let (mut projection, mut live) = (DirectoryProjection::default(), MemoryStore::default());
        let mut before = Rows::new();
        for (count, step) in (1..).zip(&steps) {
            fold(&mut projection, &mut live, std::slice::from_ref(step));
            let everything = rebuilt(&steps[..count]);
            let at = step.recorded.position;
            for (key, row) in &everything.rows {
                if before.get(key).is_none_or(|old| old.body != row.body) {
                    assert!(is_at(live.rows.get(key), at), "{}: not marked by {:?}", key.escape_ascii(), step.event);
                }
            }
            assert_eq!(differing(&live.rows, &everything.rows), [""; 0], "seed {seed}, {at}, {:?}", step.event);
            assert_eq!(live.state, everything.state);
            before.clone_from(&live.rows);
        }
    }
}

#[test]
fn only_what_an_event_can_change_is_marked() {
    let (steps, _) = Generator::log(77, Mix::BUSY, 1_500);
    let (mut projection, mut live) = (DirectoryProjection::default(), MemoryStore::default());
    let mut before = Rows::new();
    let (mut marked, mut changed) = (0, 0);
    for step in &steps {
        fold(&mut projection, &mut live, std::slice::from_ref(step));
        for (key, row) in live.rows.iter().filter(|(_, row)| row.version == step.recorded.position) {
            marked += 1;
            changed += usize::from(before.get(key).is_none_or(|old| old.body != row.body));
        }
        before.clone_from(&live.rows);
    }
    // A business may be given the name that it has, and the like; hardly anything else is written in vain.
    assert!(changed * 100 > marked * 97, "{changed} of {marked} marked rows changed");
}

#[test]
fn the_size_of_batches_does_not_show() {
    for seed in 100..112 {
        let (steps, _) = Generator::log(seed, Mix::BUSY, 600);
        let mut live_rows: HashMap<Position, Rows> = HashMap::new();
        let (mut projection, mut live) = (DirectoryProjection::default(), MemoryStore::default());
        for step in &steps {
            fold(&mut projection, &mut live, std::slice::from_ref(step));
            live_rows.insert(step.recorded.position, live.rows.clone());
        }
        let mut random = Random(seed);
        let (mut projection, mut batched) = (DirectoryProjection::default(), MemoryStore::default());
        let mut rest = steps.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at((1 + random.below(80)).min(rest.len()));
            rest = after;
            // A restart between batches does not show either.
            if random.below(2) == 0 {
                projection = DirectoryProjection::default();
            }
            fold(&mut projection, &mut batched, batch);
            let at = batch.last().unwrap().recorded.position;
            assert_eq!(differing(&live_rows[&at], &batched.rows), [""; 0], "seed {seed}, {at}");
        }
        assert_eq!(batched.state, live.state);
    }
}

#[test]
fn an_end_of_a_block_that_goes_and_comes_back_in_one_batch_marks_both_blocks() {
    let mut generator = Generator::new(3, Mix { close: 0, remove: 0, ..Mix::BUSY });
    let mut steps: Vec<Step> = (0..1_500).map(|_| generator.step()).collect();
    let start = steps.len();
    let ends = generator
        .world
        .businesses
        .values()
        .filter(|business| is_boundary(&EntryKey::name(&fold_name(&business.facts.name), business.ordinal)));
    let ends: Vec<_> = ends.map(|business| (business.facts.business_id, business.facts.name.clone())).collect();
    assert!(!ends.is_empty());
    for (id, name) in ends {
        for name in ["Somewhere else".to_owned(), name] {
            let event = BusinessDetailsChanged { name: Some(name), ..Default::default() };
            steps.push(generator.record(id.into(), Event::BusinessDetailsChanged(event)));
        }
    }
    let (mut projection, mut live) = (DirectoryProjection::default(), rebuilt(&steps[..start]));
    for step in &steps[start..] {
        fold(&mut projection, &mut live, std::slice::from_ref(step));
    }
    let (mut projection, mut batched) = (DirectoryProjection::default(), rebuilt(&steps[..start]));
    fold(&mut projection, &mut batched, &steps[start..]);
    assert_eq!(differing(&live.rows, &batched.rows), [""; 0]);
}

#[test]
fn a_released_event_marks_at_the_position_that_released_it() {
    let (steps, _) = Generator::log(5, Mix::BUSY, 80);
    let mut store = MemoryStore::default();
    let mut projection = DirectoryProjection::default();
    fold(&mut projection, &mut store, &steps[..79]);
    let released = Position(500);
    projection.apply(&store, &steps[79].recorded, steps[79].event.clone(), released).unwrap();
    let changes = projection.render(&store).unwrap();
    assert!(!changes.rows.is_empty());
    assert!(changes.rows.iter().filter_map(|(_, row)| row.as_ref()).all(|row| row.version == released));
}

#[test]
fn pending_memory_grows_with_events_and_is_gone_when_rendered() {
    let (steps, _) = Generator::log(6, Mix::BUSY, 1_000);
    let mut projection = DirectoryProjection::default();
    let store = MemoryStore::default();
    let mut last = projection.pending_bytes();
    assert_eq!(last, 0);
    for batch in steps.chunks(100) {
        for step in batch {
            projection.apply(&store, &step.recorded, step.event.clone(), step.recorded.position).unwrap();
        }
        assert!(projection.pending_bytes() > last + 100 * 200);
        last = projection.pending_bytes();
    }
    projection.render(&store).unwrap();
    assert_eq!(projection.pending_bytes(), 0);
    assert!(projection.render(&store as &dyn StoreReader).unwrap().rows.is_empty(), "nothing is rendered twice");
}
