//! The hash of all rows of a fixed log.

use contracts::directory::{Generator, Mix};
use std::path::Path;

use projectors::DIRECTORY_VERSION;
use xxhash_rust::xxh3::Xxh3;

use crate::laws::rebuilt;

#[test]
fn other_rows_mean_another_version() {
    let (steps, _) = Generator::log(1, Mix::BUSY, 1_500);
    let (more, _) = Generator::log(2, Mix::CROWDED, 3_000);
    let mut hash = Xxh3::new();
    for log in [steps, more] {
        for (key, row) in rebuilt(&log).rows {
            for part in [&key[..], &row.version.0.to_be_bytes(), &row.body] {
                hash.update(&(part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
    }
    let hash = format!("{:032x}\n", hash.digest128());
    let name = format!("directory.v{DIRECTORY_VERSION}.hash");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(&name);
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        hash, committed,
        "The rows of the fixed log are not those of tests/fixtures/{name}. If that was not meant, mend the fold. If \
         it was, raise DIRECTORY_VERSION, so that stores are rebuilt, and commit the left hash as the file of the new \
         version. Never change the file of a version that was released."
    );
}
