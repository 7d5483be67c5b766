//! The report: what became of every row that is not as it was, one JSON object a line, and the counts of all rows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use command_api::Standing;
use serde::Serialize;

use super::calls::Upserted;
use super::finding::Finding;

/// Where a row stands in the file, and what it is called there.
#[derive(Debug, Clone)]
pub(super) struct RowPlace {
    /// Its number, from 1; the header of a CSV file is none.
    pub row: u64,
    /// Line on which it begins, from 1; in JSON arrays the line on which it ends.
    pub line: u64,
    /// Its id in the source.
    pub external_id: Option<String>,
}

/// Rows by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// New businesses.
    pub registered: u64,
    /// Known ones of which facts differed.
    pub changed: u64,
    /// Known ones, just so.
    pub unchanged: u64,
    /// Rows of businesses that are not there any more, by why.
    pub left: BTreeMap<&'static str, u64>,
    /// Left out because the mapping says so.
    pub skipped: u64,
    /// Rejected, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Warnings, by member and code.
    pub warnings: BTreeMap<String, u64>,
    /// Members that an admin changed and the file says otherwise.
    pub kept: u64,
    /// Businesses that the file does not have any more, by what was done.
    pub gone: BTreeMap<&'static str, u64>,
    /// Known businesses of the scope that are in the file.
    known_in_scope: u64,
}

impl Counts {
    /// Rows that the directory now has.
    pub(super) fn accepted(&self) -> u64 {
        self.registered + self.changed + self.unchanged
    }

    /// Rows that it does not have.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All rows.
    pub(super) fn rows(&self) -> u64 {
        self.accepted() + self.left.values().sum::<u64>() + self.skipped + self.rejected()
    }
}

/// Takes down what becomes of every row.
pub(super) struct Report {
    file: PathBuf,
    state: Mutex<State>,
}

struct State {
    out: BufWriter<File>,
    counts: Counts,
    failed: Option<std::io::Error>,
}

#[derive(Default, Serialize)]
struct Line<'a> {
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(outcome: &'a str, place: &'a RowPlace) -> Self {
        let external_id = place.external_id.as_deref();
        Self { outcome, row: Some(place.row), line: Some(place.line), external_id, ..Self::default() }
    }

    fn with(self, finding: &'a Finding) -> Self {
        let Finding { pointer, code, detail } = finding;
        Self { pointer: Some(pointer), code: Some(code), detail: Some(detail), ..self }
    }
}

impl Report {
    /// Begins a report; one that is there is replaced.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(super) fn create(file: &Path) -> anyhow::Result<Self> {
        let out = File::create(file).with_context(|| format!("the report {} cannot be written", file.display()))?;
        let state = State { out: BufWriter::new(out), counts: Counts::default(), failed: None };
        Ok(Self { file: file.to_owned(), state: Mutex::new(state) })
    }

    /// A row was accepted, or left because its business is not there any more.
    pub(super) fn upserted(&self, place: &RowPlace, upserted: &Upserted, is_in_scope: bool) {
        let mut state = self.lock();
        match upserted {
            Upserted::Registered => {
                state.counts.registered += 1;
                state.write(&Line::of("new", place));
            }
            Upserted::Known { changed, kept } => {
                state.counts.known_in_scope += u64::from(is_in_scope);
                state.counts.kept += kept.len() as u64;
                if changed.is_empty() {
                    state.counts.unchanged += 1;
                } else {
                    state.counts.changed += 1;
                    state.write(&Line { members: Some(changed), ..Line::of("changed", place) });
                }
                if !kept.is_empty() {
                    let detail = Some("an admin changed them since; the file says otherwise");
                    state.write(&Line { members: Some(kept), detail, ..Line::of("kept", place) });
                }
            }
            Upserted::Left(standing) => {
                let (code, detail) = left(*standing);
                *state.counts.left.entry(code).or_default() += 1;
                state.write(&Line { code: Some(code), detail: Some(detail), ..Line::of("left", place) });
            }
        }
    }

    /// A business that the file does not have any more.
    pub(super) fn gone(&self, external_id: &str, code: &'static str) {
        let mut state = self.lock();
        *state.counts.gone.entry(code).or_default() += 1;
        let line = Line { outcome: "gone", external_id: Some(external_id), code: Some(code), ..Line::default() };
        state.write(&line);
    }

    /// A row was rejected.
    pub(super) fn rejected(&self, place: &RowPlace, reasons: &[Finding]) {
        let mut state = self.lock();
        let code = reasons.first().map_or("refused", |reason| &reason.code);
        *state.counts.rejected.entry(code.to_owned()).or_default() += 1;
        for reason in reasons {
            state.write(&Line::of("rejected", place).with(reason));
        }
    }

    /// A row was left out because the mapping says so.
    pub(super) fn skipped(&self, place: &RowPlace, reason: &Finding) {
        let mut state = self.lock();
        state.counts.skipped += 1;
        state.write(&Line::of("skipped", place).with(reason));
    }

    /// A row is accepted without something.
    pub(super) fn warned(&self, place: &RowPlace, finding: &Finding) {
        let mut state = self.lock();
        *state.counts.warnings.entry(format!("{} {}", finding.pointer, finding.code)).or_default() += 1;
        state.write(&Line::of("warning", place).with(finding));
    }

    /// Businesses of the scope that were known and are in the file.
    pub(super) fn known_in_scope(&self) -> u64 {
        self.lock().counts.known_in_scope
    }

    /// The counts so far.
    pub(super) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// Writes the rest out.
    ///
    /// # Errors
    /// Something could not be written, now or earlier.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        let mut state = self.lock();
        let flushed = state.out.flush();
        match state.failed.take() {
            Some(earlier) => Err(earlier),
            None => flushed,
        }
        .with_context(|| format!("the report {} cannot be written", self.file.display()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the report")
    }
}

/// Why a business stays as it is.
fn left(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Gone => ("back_after_gone", "it was closed when its source did not have it; nothing opens it again"),
        Standing::Removed => ("business_removed", "an admin removed the business; it stays so"),
        Standing::Closed | Standing::Open => ("business_closed", "an admin closed the business; it stays so"),
    }
}

impl State {
    fn write(&mut self, line: &Line<'_>) {
        let mut text = serde_json::to_vec(line).expect("a line holds only strings and numbers");
        text.push(b'\n');
        if let Err(e) = self.out.write_all(&text) {
            self.failed.get_or_insert(e);
        }
    }
}
