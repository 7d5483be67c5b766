//! Where rendered rows are collected.

use events::Position;
use views::{Row, RowKey};

use crate::port::{Changes, StoreError};

/// Changes in the making.
#[derive(Debug, Default)]
pub(super) struct Output {
    changes: Changes,
}

impl Output {
    /// Makes room.
    pub(super) fn reserve(&mut self, states: usize, rows: usize) {
        self.changes.state.reserve(states);
        self.changes.rows.reserve(rows);
    }

    pub(super) fn state(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.changes.state.push((key, value));
    }

    pub(super) fn row(&mut self, key: &RowKey, version: Position, body: Vec<u8>) {
        self.push(key.to_bytes(), Some(Row { version, body: body.into() }));
    }

    pub(super) fn push(&mut self, key: Vec<u8>, row: Option<Row>) {
        self.changes.rows.push((key, row));
    }

    /// A row that came and went: whether it was ever stored is a matter of where batches end.
    pub(super) fn passed(&mut self, key: Vec<u8>) {
        self.changes.passed.push(key);
    }

    /// Adds what was rendered elsewhere.
    pub(super) fn append(&mut self, mut other: Self) {
        self.changes.state.append(&mut other.changes.state);
        self.changes.rows.append(&mut other.changes.rows);
        self.changes.passed.append(&mut other.changes.passed);
    }

    /// In order of keys. Most of it comes in long sorted runs already, which a stable sort only has to merge.
    pub(super) fn finish(mut self) -> Changes {
        self.changes.state.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.changes.rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.changes.passed.sort_unstable();
        debug_assert!(self.changes.state.windows(2).all(|pair| pair[0].0 < pair[1].0), "each key once");
        debug_assert!(self.changes.rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "each key once");
        self.changes
    }
}

/// What is read from the store was written by this version of the fold: it cannot be anything else.
#[expect(clippy::needless_pass_by_value, reason = "map_err hands errors over")]
pub(super) fn corrupt(reason: impl ToString) -> StoreError {
    StoreError::Corrupt { operation: "fold the directory", reason: reason.to_string() }
}
