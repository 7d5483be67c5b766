//! How fast a rebuild folds and renders. The figure that counts is measured on a release build.
//!
//! What is measured is the time on the processor: tests share the machine.

use contracts::directory::{Generator, Mix};
use projectors::{DirectoryProjection, Projection};

use crate::memory_store::MemoryStore;

/// Pending bytes at which this measurement renders.
const PENDING_BYTES_MAX: usize = 256 << 20;
/// Far below what is asked for (50,000), as tests are built for speed of building; a quadratic fold falls below it.
const EVENTS_PER_SECOND_MIN: f64 = 2_000.0;

#[test]
fn a_rebuild_is_fast() {
    let long = std::env::var_os("LAWLESS_LONG").is_some();
    let mut generator = Generator::new(1, Mix::TREES);
    let mut steps: Vec<_> = (0..100).map(|_| generator.step()).collect();
    generator.mix = Mix::UPKEEP;
    let count = if long { 1_000_000 } else { 30_000 };
    steps.extend((0..count).map(|_| generator.step()));

    let (mut projection, mut store) = (DirectoryProjection::default(), MemoryStore::default());
    let (mut applying, mut rendering) = (0.0, 0.0);
    let mut rows = 0;
    let mut rest = steps.as_slice();
    while !rest.is_empty() {
        let started = processor_seconds();
        let mut folded = 0;
        while folded < rest.len() && projection.pending_bytes() < PENDING_BYTES_MAX {
            let step = &rest[folded];
            projection.apply(&store, &step.recorded, step.event.clone(), step.recorded.position).unwrap();
            folded += 1;
        }
        rest = &rest[folded..];
        applying += processor_seconds() - started;
        let started = processor_seconds();
        let changes = projection.render(&store).unwrap();
        rendering += processor_seconds() - started;
        rows += changes.rows.len();
        store.write(&changes);
    }
    let rate = steps.len() as f64 / (applying + rendering);
    println!("{} events, {rows} rows: {rate:.0}/s (apply {applying:.2} s, render {rendering:.2} s)", steps.len());
    assert!(rate > EVENTS_PER_SECOND_MIN, "{rate:.0} events/s");
}

/// Of this thread. Linux, `proc(5)`.
fn processor_seconds() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    times.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
