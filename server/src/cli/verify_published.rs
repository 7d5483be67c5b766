//! `lawless views verify --published`: whether what query processes read is what the views of this folder are.

use crate::config::Config;
#[cfg(not(feature = "distributed"))]
use crate::exit::Refusal;

/// This program has no such store.
///
/// # Errors
/// Always.
#[cfg(not(feature = "distributed"))]
pub async fn verify_published(_: &Config, _: bool) -> anyhow::Result<()> {
    Err(Refusal::not_built_in().into())
}

/// Compares every row of this folder with the published one. With `repair`, what differs is written anew.
///
/// # Errors
/// Rows differ and were not written anew, or a store cannot be read.
#[cfg(feature = "distributed")]
pub async fn verify_published(config: &Config, repair: bool) -> anyhow::Result<()> {
    compare::run(config, repair).await
}

#[cfg(feature = "distributed")]
mod compare {
    use std::sync::Arc;

    use anyhow::{Context, bail, ensure};
    use events::Position;
    use projectors::{ChangedFrom, Generations, LmdbProjectionStore, ProjectionStore, StoreOptions};
    use views::PublishedRow;
    use views::cql::StoredRow;

    use super::super::say;
    use super::super::verify::{open, progress, show};
    use crate::config::Config;
    use crate::engine::DIRECTORY_GROUP;
    use crate::exit::Refusal;

    /// Rows that are compared at once.
    const PAGE: usize = 1_024;
    /// Differences that are kept to be shown; the rest is counted.
    const EXAMPLES_MAX: usize = 100;

    /// What was found.
    #[derive(Default)]
    struct Found {
        same: u64,
        /// What this folder does not know about yet.
        newer: u64,
        /// What nobody has published yet.
        due: u64,
        differ: u64,
        written: u64,
        examples: Vec<String>,
    }

    /// How a published row stands to the one of this folder.
    #[derive(Debug, PartialEq, Eq)]
    enum Standing {
        Same,
        Newer,
        Due,
        Missing,
        Differs,
    }

    impl Standing {
        /// `known` is the position up to which this folder is right, `published` the one up to which rows are published.
        fn of(row: &PublishedRow, stored: Option<&StoredRow>, known: Position, published: Position) -> Self {
            match stored {
                // A removed row need not be there, and versions of removed rows differ between folders.
                None if row.body.is_none() => Self::Same,
                Some(stored) if stored.body == row.body => Self::Same,
                Some(stored) if stored.version > known => Self::Newer,
                _ if row.version > published => Self::Due,
                None => Self::Missing,
                Some(_) => Self::Differs,
            }
        }
    }

    pub(super) async fn run(config: &Config, repair: bool) -> anyhow::Result<()> {
        if !config.cql.is_set() {
            return Err(Refusal::Configuration("cql.contact_points says where rows are published".to_owned()).into());
        }
        let engine = open(config).await?;
        let journal_id = engine.journal.id();
        let serving = Generations::of(&engine.folder.views_folder(), DIRECTORY_GROUP).serving_folder()?;
        let Some(folder) = serving.filter(|folder| folder.is_dir()) else {
            bail!("there are no views in this folder; `lawless projectors` makes them")
        };
        let options =
            StoreOptions { map_bytes: config.views.map_gib << 30, index_versions: true, ..StoreOptions::default() };
        let store = Arc::new(LmdbProjectionStore::open(&folder, &options)?);
        ensure!(store.is_indexed(), "these views were made without a CQL store; the server makes them anew");
        let Some(checkpoint) = store.checkpoint()? else { bail!("the views are empty; the server fills them") };
        ensure!(checkpoint.journal_id == journal_id, "the views of this folder are of another journal");
        let audit = crate::cql::audit(&config.cql, journal_id, checkpoint.projection_version).await?;
        let (known, published) = (checkpoint.position, audit.publication().position);
        let bar = progress(known);
        let mut found = Found::default();
        let mut from = Some(ChangedFrom::above(Position::ZERO));
        while let Some(begin) = from.take() {
            let reading = store.clone();
            let read = tokio::task::spawn_blocking(move || reading.changed_rows(&begin, PAGE, |_, _| true));
            let page = read.await.context("reading the views")??;
            let stored = audit.stored(&page.rows).await?;
            for (row, stored) in page.rows.iter().zip(&stored) {
                let standing = Standing::of(row, stored.as_ref(), known, published);
                found.take(row, stored.as_ref(), &standing);
                let wrong = matches!(standing, Standing::Missing | Standing::Differs);
                if repair && wrong && audit.write_anew(row, stored.as_ref(), known).await? {
                    found.written += 1;
                }
            }
            if let Some(last) = page.rows.last() {
                bar.set_position(last.version.0);
            }
            from = page.more;
        }
        bar.finish_and_clear();
        engine.close().await;
        found.tell(repair, known, published)
    }

    impl Found {
        fn take(&mut self, row: &PublishedRow, stored: Option<&StoredRow>, standing: &Standing) {
            let count = match standing {
                Standing::Same => &mut self.same,
                Standing::Newer => &mut self.newer,
                Standing::Due => &mut self.due,
                Standing::Missing | Standing::Differs => &mut self.differ,
            };
            *count += 1;
            if self.examples.len() == EXAMPLES_MAX {
                return;
            }
            let name = row.key.escape_ascii();
            match (standing, stored) {
                (Standing::Missing, _) => self.examples.push(format!("row {name} is missing")),
                (Standing::Differs, Some(stored)) if row.body.is_none() => {
                    self.examples.push(format!("row {name} of {} should not be there", stored.version));
                }
                (Standing::Differs, Some(stored)) => {
                    let (is, should) = (stored.version, row.version);
                    self.examples.push(format!("row {name} of {is} is not what it is at {should}"));
                }
                _ => {}
            }
        }

        fn tell(&self, repair: bool, known: Position, published: Position) -> anyhow::Result<()> {
            show(&self.examples);
            let Self { same, newer, due, differ, written, .. } = self;
            if *newer + *due > 0 {
                say(format!(
                    "not compared: {newer} rows newer than this folder, which is at {known}, and {due} that are not \
                     published yet, which is done up to {published}"
                ));
            }
            if repair && *differ > 0 {
                say(format!("{written} rows were written anew"));
                ensure!(
                    written == differ,
                    "{} rows cannot be written anew: somebody wrote them by a clock's time, later than any position; drop \
                     the table, or publish another version",
                    differ - written
                );
            }
            ensure!(repair || *differ == 0, "{differ} rows differ; `--repair` writes them anew");
            say(format!("{same} rows at event {known} are published as they are in this folder"));
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use bytes::Bytes;

        use super::*;

        fn row(version: u64, body: Option<&'static str>) -> PublishedRow {
            let body = body.map(|body| Bytes::from_static(body.as_bytes()));
            PublishedRow { key: vec![b'n'], version: Position(version), body }
        }

        /// A row that is not there, or not yet, is told from one that is wrong.
        #[test]
        fn only_what_should_be_there_is_missing() {
            let standing = |row: &PublishedRow, published| Standing::of(row, None, Position(20), Position(published));
            assert_eq!(standing(&row(10, Some("a")), 10), Standing::Missing);
            assert_eq!(standing(&row(10, Some("a")), 9), Standing::Due);
            assert_eq!(standing(&row(10, None), 20), Standing::Same);
        }
    }
}
