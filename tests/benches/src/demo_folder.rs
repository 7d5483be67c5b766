//! A data folder with the demo directory in it, made once and kept.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, ensure};
use event_log::{EventFeed, SqliteJournal, SqliteJournalOptions};
use events::{BusinessId, Codec, Event, Position, RecordedEvent};

use crate::Settings;
use crate::process::run_command;

/// Events that are read at once.
const PAGE: usize = 4_096;

/// A filled data folder that no server holds.
pub(crate) struct DemoFolder {
    /// The folder around the data folder.
    pub(crate) path: PathBuf,
    /// Businesses in it.
    pub(crate) businesses: usize,
}

impl DemoFolder {
    /// The demo directory of this product's binary. Another build makes another one.
    pub(crate) async fn prepare(settings: &Settings) -> anyhow::Result<Self> {
        let businesses: usize = if settings.quick { 2_000 } else { 100_000 };
        let demo = Self { path: settings.cache.join(format!("demo-{businesses}")), businesses };
        let stamp_file = demo.path.join("stamp");
        let stamp = stamp_of(&it::lawless()?)?;
        if std::fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
            return Ok(demo);
        }
        remove_folder(&demo.path)?;
        std::fs::create_dir_all(&demo.path).context("making the cache folder")?;
        let count = businesses.to_string();
        let arguments = ["demo", "--businesses", &count, "--seed", "1"].map(OsStr::new);
        let took = run_command(&demo.data(), &arguments).await.context("filling the demo folder")?;
        eprintln!("  {businesses} demo businesses made in {:.1} s", took.as_secs_f64());
        std::fs::write(&stamp_file, stamp).context("remembering the demo folder")?;
        Ok(demo)
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// A copy that may be changed; it goes when it is dropped.
    pub(crate) fn copy(&self) -> anyhow::Result<tempfile::TempDir> {
        let copy = tempfile::tempdir_in(self.path.parent().unwrap_or(Path::new("."))).context("a folder")?;
        copy_folder(&self.data(), &copy.path().join("data"))?;
        Ok(copy)
    }

    /// All events of its journal.
    pub(crate) async fn events(&self) -> anyhow::Result<Vec<RecordedEvent>> {
        read_journal(&self.data()).await
    }

    /// Its open businesses, about in the order in which they were registered, and the slugs of its categories.
    pub(crate) async fn directory(&self) -> anyhow::Result<Directory> {
        let mut directory = Directory { businesses: Vec::with_capacity(self.businesses), categories: Vec::new() };
        let mut closed = HashSet::new();
        for event in self.events().await? {
            match decode(&event)? {
                Event::BusinessRegistered(registered) => directory.businesses.push(registered.business_id),
                Event::BusinessClosed(_) | Event::BusinessRemoved(_) => {
                    closed.insert(BusinessId(event.header.stream.id));
                }
                Event::CategoryDefined(category) => directory.categories.push(category.slug),
                _ => {}
            }
        }
        ensure!(directory.businesses.len() == self.businesses, "the demo has another number of businesses");
        directory.businesses.retain(|id| !closed.contains(id));
        Ok(directory)
    }
}

/// What there is to be read.
pub(crate) struct Directory {
    /// Ids of open businesses.
    pub(crate) businesses: Vec<BusinessId>,
    /// Slugs of categories.
    pub(crate) categories: Vec<String>,
}

/// All events of the journal of a data folder that no server holds.
pub(crate) async fn read_journal(data: &Path) -> anyhow::Result<Vec<RecordedEvent>> {
    let journal = SqliteJournal::open(data.join("journal.sqlite"), SqliteJournalOptions::default()).await?;
    let (feed, mut events) = (journal.feed(), Vec::<RecordedEvent>::new());
    loop {
        let after = events.last().map_or(Position::ZERO, |event| event.position);
        let page = feed.read(after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    journal.close().await;
    ensure!(!events.is_empty(), "the journal in {} is empty", data.display());
    Ok(events)
}

/// Decodes an event that this build wrote.
pub(crate) fn decode(event: &RecordedEvent) -> anyhow::Result<Event> {
    let header = &event.header;
    Ok(Codec::shared().decode(&header.event_type, header.schema_version, &event.payload)?)
}

/// Another build of the product may fill the folder differently.
fn stamp_of(binary: &Path) -> anyhow::Result<String> {
    let metadata = std::fs::metadata(binary).context("looking at the product's binary")?;
    let modified = metadata.modified().context("its time")?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} bytes, {} ns\n", metadata.len(), modified.as_nanos()))
}

/// Removes a folder and what is in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).with_context(|| format!("copying to {}", target.display()))?;
        }
    }
    Ok(())
}

/// Bytes that a folder takes on the disk.
pub(crate) fn disk_bytes(path: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    if !metadata.is_dir() {
        return Ok(metadata.blocks() * 512);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("reading {}", path.display()))?;
    entries.map(|entry| disk_bytes(&entry?.path())).sum()
}
