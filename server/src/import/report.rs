//! The report: every rejected row and every warning, one JSON object a line, and the counts of all rows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use serde::Serialize;

use super::finding::Finding;
use super::writer::Upserted;

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
    /// Left out because the mapping says so.
    pub skipped: u64,
    /// Rejected, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Warnings, by member and code.
    pub warnings: BTreeMap<String, u64>,
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
        self.accepted() + self.skipped + self.rejected()
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

#[derive(Serialize)]
struct Line<'a> {
    outcome: &'a str,
    row: u64,
    line: u64,
    external_id: Option<&'a str>,
    pointer: &'a str,
    code: &'a str,
    detail: &'a str,
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

    /// A row was accepted.
    pub(super) fn accepted(&self, upserted: Upserted) {
        let counts = &mut self.lock().counts;
        match upserted {
            Upserted::Registered => counts.registered += 1,
            Upserted::Changed => counts.changed += 1,
            Upserted::Unchanged => counts.unchanged += 1,
        }
    }

    /// A row was rejected.
    pub(super) fn rejected(&self, place: &RowPlace, reasons: &[Finding]) {
        let mut state = self.lock();
        let code = reasons.first().map_or("refused", |reason| &reason.code);
        *state.counts.rejected.entry(code.to_owned()).or_default() += 1;
        for reason in reasons {
            state.write("rejected", place, reason);
        }
    }

    /// A row was left out because the mapping says so.
    pub(super) fn skipped(&self, place: &RowPlace, reason: &Finding) {
        let mut state = self.lock();
        state.counts.skipped += 1;
        state.write("skipped", place, reason);
    }

    /// A row is accepted without something.
    pub(super) fn warned(&self, place: &RowPlace, finding: &Finding) {
        let mut state = self.lock();
        *state.counts.warnings.entry(format!("{} {}", finding.pointer, finding.code)).or_default() += 1;
        state.write("warning", place, finding);
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

impl State {
    fn write(&mut self, outcome: &str, place: &RowPlace, finding: &Finding) {
        let line = Line {
            outcome,
            row: place.row,
            line: place.line,
            external_id: place.external_id.as_deref(),
            pointer: &finding.pointer,
            code: &finding.code,
            detail: &finding.detail,
        };
        let mut text = serde_json::to_vec(&line).expect("a line holds only strings and numbers");
        text.push(b'\n');
        if let Err(e) = self.out.write_all(&text) {
            self.failed.get_or_insert(e);
        }
    }
}
