//! Random commands against the real directory and against a naive one. Journal, handler, fold, store and queries are
//! the ones of the product, in this process; the naive one keeps everything in plain maps and does everything anew.
#![allow(clippy::unwrap_used)]

mod compare;
mod directory;
mod generate;
mod judge;
mod past;
mod show;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use command_api::Places;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::compare::Comparison;
use crate::directory::Directory;
use crate::generate::Generator;
use crate::world::World;

/// Commands of a case.
const COMMANDS: usize = 200;
/// Cases of the full run.
const CASES_LONG: u64 = 256;
/// A short run makes at least so many cases, and more while there is time.
const CASES_MIN: u64 = 16;
/// How long a short run goes on.
const SHORT_RUN: Duration = Duration::from_secs(45);
/// Commands between two comparisons.
const BATCH_MAX: usize = 20;

#[test]
fn random_commands_leave_what_a_naive_directory_shows() {
    let places = Arc::new(Places::new());
    places.load();
    // `LAWLESS_MODEL_SEED=<seed>` repeats the one case that a failure names.
    if let Ok(seed) = std::env::var("LAWLESS_MODEL_SEED") {
        run_case(seed.parse().unwrap(), &places);
        return;
    }
    let long = std::env::var_os("LAWLESS_LONG").is_some();
    let (base, started): (u64, _) = (rand::rng().random(), Instant::now());
    let mut cases = 0;
    while if long { cases < CASES_LONG } else { cases < CASES_MIN || started.elapsed() < SHORT_RUN } {
        run_case(base.wrapping_add(cases), &places);
        cases += 1;
    }
    println!("{cases} cases of {COMMANDS} commands");
}

fn run_case(seed: u64, places: &Arc<Places>) {
    // Said before anything can fail: libtest shows it with the failure.
    println!("LAWLESS_MODEL_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(case(seed, places.clone()));
}

async fn case(seed: u64, places: Arc<Places>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), places.clone()).await;
    let mut directory = Directory::default();
    let mut generator = Generator::default();
    let mut done = 0;
    while done < COMMANDS {
        // Now and then the views stand still meanwhile, and everything is folded as one batch at the end.
        let follows = rng.random_bool(0.7);
        if !follows {
            world.stop_views().await;
        }
        for _ in 0..rng.random_range(1..=BATCH_MAX).min(COMMANDS - done) {
            let asked = generator.next(&directory, &mut rng);
            let judged = judge::judge(&directory, &asked);
            let answer = world.execute(&asked).await;
            judge::settle(&mut directory, &mut world, &asked, judged, answer).await;
            done += 1;
        }
        if !follows {
            world.start_views().await;
        }
        if rng.random_bool(0.1) {
            world = world.reopen(folder.path(), places.clone()).await;
        }
        let mut comparison = Comparison::new(&directory, &world, &mut rng);
        if done < COMMANDS {
            comparison.some().await;
        } else {
            comparison.everything().await;
        }
        directory.touched.clear();
    }
    world.close().await;
}
