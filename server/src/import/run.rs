//! An import: reads rows, makes what they need, gives them to the directory, takes down what became of each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use command_api::{DefineCategory, DefineLocation, GivenLocationKind, LocalizedNames, Places, RegisterBusiness};
use events::{LocationKind, Point};
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use super::finding::{Finding, leave_out};
use super::gone::{GoneRules, Present, close_gone};
use super::mapping::Mapping;
use super::progress::ImportProgress;
use super::raw_row::RawRow;
use super::reading::Reading;
use super::report::{Report, RowPlace};
use super::row::{Row, map_row};
use super::scope::Scope;
use super::writer::{DirectoryWriter, WriteError};
use crate::signals::stopped;

/// How often members of one row may be left out because the directory refuses them.
const LEAVE_OUT_ROUNDS: usize = 4;

/// Why an import ended before its file did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// It did not: every row is accounted for.
    Whole,
    /// A signal came.
    Interrupted,
    /// The directory could not take rows any more.
    Unavailable(String),
    /// The rest of the file cannot be read.
    Unreadable(String),
    /// Every row is accounted for; what is gone was not closed.
    GoneRefused(String),
}

/// What an import is asked to do.
#[derive(Debug, Clone)]
pub(super) struct Plan<'a> {
    pub reading: Reading,
    pub mapping: &'a Mapping,
    /// What the file is whole in.
    pub scope: Option<Scope>,
    pub allow_gone: bool,
    /// Rows at once.
    pub concurrency: usize,
}

struct Import {
    writer: Arc<dyn DirectoryWriter>,
    places: Arc<Places>,
    report: Arc<Report>,
    /// Locations made or found, each once, however many rows wait for it.
    locations: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
    scope: Option<Scope>,
}

/// Imports a file. Rows that were given to the directory are always finished, also when the import ends early.
///
/// # Errors
/// The file cannot be opened, a category not be defined, or the report not be written.
pub(super) async fn import_file(
    plan: &Plan<'_>,
    writer: Arc<dyn DirectoryWriter>,
    places: Arc<Places>,
    report: Arc<Report>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> anyhow::Result<Ended> {
    let mapping = plan.mapping;
    let progress = ImportProgress::start();
    let mut rows = plan.reading.clone().start(progress.bar())?;
    let import = Arc::new(Import { writer, places, report, locations: Mutex::default(), scope: plan.scope.clone() });
    // What is wrong with the file as a whole is told before anything is made for its rows.
    let mut next = rows.next().await;
    if next.is_some() {
        import.define_categories(mapping).await?;
    }

    let places_left = Arc::new(Semaphore::new(plan.concurrency));
    let mut present = Present::default();
    let mut tasks: JoinSet<Result<(), String>> = JoinSet::new();
    let mut ended = Ended::Whole;
    while let Some(row) = next {
        progress.row(&import.report);
        if let Some((place, row)) = import.prepare(mapping, row, &mut present) {
            let permit = places_left.clone().acquire_owned().await.context("the semaphore is never closed")?;
            let import = import.clone();
            tasks.spawn(async move {
                let taken = import.take(&place, row).await;
                drop(permit);
                taken
            });
            if let Some(reason) = first_failure(&mut tasks) {
                ended = Ended::Unavailable(reason);
                break;
            }
        }
        next = tokio::select! {
            biased;
            () = stopped(&mut stop) => {
                ended = Ended::Interrupted;
                break;
            }
            row = rows.next() => row,
        };
    }
    while let Some(done) = tasks.join_next().await {
        if let Err(reason) = done.context("a row's task panicked")? {
            ended = Ended::Unavailable(reason);
        }
    }
    if let (Ended::Whole, Err(e)) = (&ended, rows.end().await) {
        ended = Ended::Unreadable(format!("{e:#}"));
    }
    // What is gone is only known once all is read.
    if let (Ended::Whole, Some(scope)) = (&ended, &plan.scope) {
        let rules = GoneRules {
            system: &mapping.source.system,
            scope,
            allow_gone: plan.allow_gone,
            concurrency: plan.concurrency,
            reason: format!("no longer in the data of {}", mapping.source.system),
        };
        progress.look_for_gone();
        ended = match close_gone(&import.writer, &import.report, &present, &rules).await {
            Ok(None) => Ended::Whole,
            Ok(Some(refusal)) => Ended::GoneRefused(refusal),
            Err(e) => Ended::Unavailable(e.to_string()),
        };
    }
    progress.finish(&import.report);
    import.report.finish()?;
    Ok(ended)
}

fn first_failure(tasks: &mut JoinSet<Result<(), String>>) -> Option<String> {
    while let Some(done) = tasks.try_join_next() {
        match done {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Some(reason),
            Err(e) => return Some(format!("a row's task panicked: {e}")),
        }
    }
    None
}

impl Import {
    async fn define_categories(&self, mapping: &Mapping) -> anyhow::Result<()> {
        for node in &mapping.category {
            let body = DefineCategory { parent: node.parent.clone(), names: LocalizedNames(node.names.clone()) };
            self.writer
                .ensure_category(&node.slug, body)
                .await
                .with_context(|| format!("category {:?} of the mapping cannot be defined", node.slug))?;
        }
        Ok(())
    }

    /// In the order of the file, so that of two rows with one id always the first counts.
    fn prepare(&self, mapping: &Mapping, row: RawRow, present: &mut Present) -> Option<(RowPlace, Row)> {
        let mut place = RowPlace { row: row.number, line: row.line, external_id: None };
        let row = match map_row(mapping, row.content) {
            Ok(row) => row,
            Err(refused) => {
                if refused.is_skipped {
                    place.external_id = refused.external_id;
                    self.report.skipped(&place, &refused.reason);
                    return None;
                }
                match &refused.external_id {
                    Some(external_id) => present.reject(external_id),
                    // A row that says that it has no id is no business that was ever taken.
                    None => present.unidentified += u64::from(refused.reason.pointer.is_empty()),
                }
                place.external_id = refused.external_id;
                self.report.rejected(&place, &[refused.reason]);
                return None;
            }
        };
        let external_id = row.business.source.as_ref().map(|source| source.external_id.clone()).unwrap_or_default();
        let is_first = present.accept(&external_id);
        place.external_id = Some(external_id);
        if !is_first {
            let reason = Finding::new("/source/external_id", "duplicate_id", "an earlier row of the file has this id");
            self.report.rejected(&place, &[reason]);
            return None;
        }
        for warning in &row.warnings {
            self.report.warned(&place, warning);
        }
        if self.scope.as_ref().is_some_and(|scope| !scope.has_row(&row.business)) {
            let detail = "the row is outside of the scope that the file is said to be whole in";
            self.report.warned(&place, &Finding::new("", "outside_scope", detail));
        }
        Some((place, row))
    }

    /// Gives a row to the directory. An error ends the import: the directory does not answer.
    async fn take(&self, place: &RowPlace, row: Row) -> Result<(), String> {
        let mut business = row.business;
        self.ensure_location(&business, place).await?;
        for _ in 0..LEAVE_OUT_ROUNDS {
            let refused = match self.writer.upsert(&business).await {
                Ok(upserted) => {
                    let is_in_scope = self.scope.as_ref().is_some_and(|scope| scope.has_row(&business));
                    self.report.upserted(place, &upserted, is_in_scope);
                    return Ok(());
                }
                Err(WriteError::Unavailable(reason)) => return Err(reason),
                Err(WriteError::Refused(refused)) => refused,
            };
            // Optional members that the directory refuses are left out; anything else rejects the row.
            let mut lighter = business.clone();
            if refused.is_empty() || !refused.iter().all(|finding| leave_out_once(&mut lighter, &business, finding)) {
                self.report.rejected(place, &refused);
                return Ok(());
            }
            for finding in &refused {
                self.report.warned(place, finding);
            }
            business = lighter;
        }
        self.report.rejected(place, &[Finding::new("", "refused", "too many members had to be left out")]);
        Ok(())
    }

    /// Makes the locations that the business's point lies in, from the outermost in.
    async fn ensure_location(&self, business: &RegisterBusiness, place: &RowPlace) -> Result<(), String> {
        let (Some(point), None) = (business.point, &business.location) else { return Ok(()) };
        let mut parent: Option<String> = None;
        for node in self.places.chain_of_point(Point::from(point)) {
            let cell = {
                let mut locations = self.locations.lock().expect("nothing panics while it holds the map");
                locations.entry(node.slug.clone()).or_default().clone()
            };
            let body = DefineLocation {
                parent: parent.replace(node.slug.clone()),
                kind: given_kind(node.kind),
                names: LocalizedNames([("en".to_owned(), node.name)].into()),
                point: None,
            };
            let ensured =
                cell.get_or_try_init(async || self.writer.ensure_location(&node.slug, body).await.map(|_| ())).await;
            match ensured {
                Ok(_) => {}
                Err(WriteError::Unavailable(reason)) => return Err(reason),
                // The business is filed as far in as locations reach.
                Err(WriteError::Refused(findings)) => {
                    for finding in findings {
                        self.report.warned(place, &Finding::new("/location", &finding.code, finding.detail));
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Two findings may name the same member: the second finds it gone already.
fn leave_out_once(lighter: &mut RegisterBusiness, whole: &RegisterBusiness, finding: &Finding) -> bool {
    leave_out(lighter, &finding.pointer) || leave_out(&mut whole.clone(), &finding.pointer)
}

fn given_kind(kind: LocationKind) -> GivenLocationKind {
    match kind {
        LocationKind::Country => GivenLocationKind::Country,
        LocationKind::Region => GivenLocationKind::Region,
        LocationKind::County => GivenLocationKind::County,
        LocationKind::City => GivenLocationKind::City,
        LocationKind::District => GivenLocationKind::District,
    }
}
