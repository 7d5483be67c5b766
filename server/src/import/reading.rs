//! Reads a file on a thread of its own, a bounded number of rows ahead.

use std::io::BufRead;
use std::thread::JoinHandle;

use indicatif::ProgressBar;
use tokio::sync::mpsc;

use super::csv_rows::read_csv;
use super::file_rules::RowFormat;
use super::json_rows::{Rows, read_json};
use super::ndjson_rows::read_ndjson;
use super::raw_row::{RawRow, RowSink};
use super::source_file::{SourceFile, UnpackLimits};

/// Rows that are read ahead.
const ROWS_AHEAD: usize = 256;

/// What is read, and how.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The file.
    pub file: SourceFile,
    /// What is in it.
    pub format: RowFormat,
    /// The fields that it must have, where a file says which it has.
    pub wanted: Vec<String>,
    /// Bytes of a row.
    pub max_row_bytes: usize,
    /// What it may unpack to.
    pub unpack: UnpackLimits,
}

/// Rows as they come, and the thread that reads them.
pub(super) struct RowsAhead {
    rows: mpsc::Receiver<RawRow>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Reading {
    /// Begins to read. The bar counts what was read.
    ///
    /// # Errors
    /// No thread can be made.
    pub(super) fn start(self, bar: ProgressBar) -> anyhow::Result<RowsAhead> {
        let (sender, rows) = mpsc::channel(ROWS_AHEAD);
        let thread = std::thread::Builder::new().name("import-read".to_owned()).spawn(move || {
            let mut sink = |row| sender.blocking_send(row).is_ok();
            self.file.read(self.unpack, &bar, |reader| self.rows(reader, &mut sink))
        })?;
        Ok(RowsAhead { rows, thread })
    }

    fn rows(&self, reader: &mut dyn BufRead, sink: &mut dyn RowSink) -> anyhow::Result<()> {
        let max = self.max_row_bytes;
        match &self.format {
            RowFormat::GeoJson => read_json(reader, Rows::Features, max, sink)?,
            RowFormat::Json(array) => read_json(reader, Rows::Array(array), max, sink)?,
            RowFormat::NdJson => read_ndjson(reader, max, sink)?,
            RowFormat::Csv(shape) => read_csv(reader, *shape, &self.wanted, max, sink)?,
        }
        Ok(())
    }
}

impl RowsAhead {
    /// The next row; `None` at the end, whatever the reason. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<RawRow> {
        self.rows.recv().await
    }

    /// Why it ended. Reads no further than it has.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        // The thread notices at its next row.
        drop(self.rows);
        let thread = self.thread;
        tokio::task::spawn_blocking(move || thread.join())
            .await?
            .map_err(|_| anyhow::anyhow!("the thread that reads the file panicked"))?
    }
}
