//! A file of places into an empty folder, the whole process from its start to its end. About 2 minutes.
//!
//! The control is the journal alone with the same events: what the import could reach if reading the file, deciding
//! and folding cost nothing.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use event_log::{Journal, SqliteJournal, SqliteJournalOptions};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::demo_folder::read_journal;
use crate::made_up::place;
use crate::process::{ended_programs_cpu_seconds, run_command};
use crate::refill::{append_all, append_of};
use crate::{Bound, Measurement, Settings, interleave};

/// Measures.
pub async fn run(settings: &Settings) -> anyhow::Result<Vec<Measurement>> {
    let places = if settings.quick { 1_000 } else { 50_000 };
    std::fs::create_dir_all(&settings.cache).context("making the cache folder")?;
    let work = tempfile::tempdir_in(&settings.cache).context("a folder")?;
    let file = work.path().join("places.json");
    write_places(&file, places)?;

    // Not counted, and not thrown away either: its events are what the control appends.
    let first = work.path().join("first");
    import(&file, &first).await?;
    let events = read_journal(&first).await?;

    let mut runs = 0;
    let cpu_before = ended_programs_cpu_seconds()?;
    let subject = async || {
        runs += 1;
        let data = work.path().join(format!("import-{runs}"));
        let took = import(&file, &data).await?;
        std::fs::remove_dir_all(&data).context("removing an imported folder")?;
        Ok(places as f64 / took.as_secs_f64())
    };
    let control = async || {
        let folder = tempfile::tempdir_in(&settings.cache).context("a folder")?;
        let opened = SqliteJournal::open(folder.path().join("journal.sqlite"), SqliteJournalOptions::default()).await?;
        let appends = events.iter().map(|event| append_of(event, 0)).collect::<anyhow::Result<Vec<_>>>()?;
        let journal: Arc<dyn Journal> = Arc::new(opened.clone());
        let started = Instant::now();
        append_all(&journal, appends).await?;
        let took = started.elapsed();
        opened.close().await;
        Ok(places as f64 / took.as_secs_f64())
    };
    let whole = interleave(1, subject, control).await?.measurement("import/whole-process", "businesses/s");
    let cpu = ended_programs_cpu_seconds()? - cpu_before;
    let per_cpu = (runs * places) as f64 / cpu;
    Ok(vec![
        whole.must(Bound::value_at_least(3_000.0)).goal(Bound::value_at_least(10_000.0)),
        Measurement::new("import/per-cpu-second", per_cpu, "businesses/CPU-s"),
    ])
}

/// Imports a file into a fresh folder with the product; how long the process took.
async fn import(file: &Path, data: &Path) -> anyhow::Result<Duration> {
    let (mapping, report) = (mapping()?, data.with_extension("report.ndjson"));
    let arguments = [
        OsStr::new("import"),
        file.as_os_str(),
        OsStr::new("--mapping"),
        mapping.as_os_str(),
        OsStr::new("--report"),
        report.as_os_str(),
    ];
    run_command(data, &arguments).await
}

/// The mapping that is shipped, in the workspace that this program was built from.
fn mapping() -> anyhow::Result<PathBuf> {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mappings/osm-places.toml");
    ensure!(mapping.is_file(), "there is no {}", mapping.display());
    Ok(mapping)
}

/// A GeoJSON file of made-up places.
fn write_places(path: &Path, places: usize) -> anyhow::Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut file = BufWriter::new(File::create(path).with_context(|| format!("making {}", path.display()))?);
    file.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
    for number in 0..places {
        let comma = if number == 0 { "\n" } else { ",\n" };
        write!(file, "{comma}{}", place(&mut rng, number + 1))?;
    }
    file.write_all(b"\n]}\n")?;
    file.flush().context("writing the places")
}
