//! Commits batch after batch to a local store and says so after each, until it is killed: `store_writer FOLDER SEED`.
//!
//! Ends with 2 when the store is in use and with 3 when it is full.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use contracts::store_model::batch;
use projectors::{LmdbProjectionStore, ProjectionStore, StoreError, StoreOptions};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            match error.downcast_ref::<StoreError>() {
                Some(StoreError::InUse { .. }) => ExitCode::from(2),
                Some(StoreError::Full { .. }) => ExitCode::from(3),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(seed)) = (arguments.next(), arguments.next()) else {
        return Err("usage: store_writer FOLDER SEED".into());
    };
    let seed = seed.parse()?;
    let options = StoreOptions { map_bytes: 256 << 20, ..StoreOptions::default() };
    let store = LmdbProjectionStore::open(Path::new(&folder), &options)?;
    let mut number = store.checkpoint()?.map_or(0, |checkpoint| checkpoint.position.0);
    let mut told = std::io::stdout().lock();
    loop {
        number += 1;
        let (changes, checkpoint) = batch(seed, number);
        store.commit(&changes, &checkpoint)?;
        writeln!(told, "commit {number}")?;
        told.flush()?;
    }
}
