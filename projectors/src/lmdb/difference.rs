//! What two stores do not have in common, row by row.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use events::Position;
use serde::{Deserialize, Serialize};

use super::environment::{RawDatabase, engine_error};
use super::store::{LmdbProjectionStore, checkpoint_position};
use crate::port::StoreError;

const OPERATION: &str = "compare two stores";
/// Rows that are named; the others are counted.
const EXAMPLES_MAX: usize = 20;
/// Rows between two questions whether to go on.
const ROWS_PER_QUESTION: u64 = 4_096;

/// Rows of a kind, or entries of fold state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compared {
    /// The same in both.
    pub equal: u64,
    /// In both, with other bytes or another version.
    pub changed: u64,
    /// Only in the second.
    pub added: u64,
    /// Only in the first.
    pub removed: u64,
}

/// How the second of two stores differs from the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Difference {
    /// How far the first had come.
    pub first_position: u64,
    /// How far the second had come.
    pub second_position: u64,
    /// Rows by kind: `page`, `card`, `reference`, `node`, `slug`, `child`, `list`.
    pub rows: BTreeMap<String, Compared>,
    /// The fold's own state.
    pub state: Compared,
    /// Some of the rows that differ, in words.
    pub examples: Vec<String>,
}

impl Compared {
    /// How many differ.
    pub fn differing(&self) -> u64 {
        self.changed + self.added + self.removed
    }
}

impl Difference {
    /// How many rows and entries of state differ.
    pub fn count(&self) -> u64 {
        self.rows.values().map(Compared::differing).sum::<u64>() + self.state.differing()
    }

    /// How many rows are the same.
    pub fn rows_equal(&self) -> u64 {
        self.rows.values().map(|compared| compared.equal).sum()
    }

    /// Compares what two stores hold when this is called. `begun` hears when both are held fast: what is written from
    /// then on is not seen. `None` if `goes_on` said no.
    ///
    /// Neither store may be read by the callbacks: a thread has one read transaction.
    pub fn between(
        first: &LmdbProjectionStore,
        second: &LmdbProjectionStore,
        begun: impl FnOnce(),
        mut goes_on: impl FnMut() -> bool,
    ) -> Result<Option<Self>, StoreError> {
        let (first, second) = (first.environment(), second.environment());
        let (first_txn, second_txn) = (first.read(OPERATION)?, second.read(OPERATION)?);
        begun();
        let position = |found: Option<Position>| found.map_or(0, |position| position.0);
        let mut difference = Self {
            first_position: position(checkpoint_position(&first, &first_txn)?),
            second_position: position(checkpoint_position(&second, &second_txn)?),
            ..Self::default()
        };
        let mut seen = 0_u64;
        let mut goes_on = || {
            seen += 1;
            !seen.is_multiple_of(ROWS_PER_QUESTION) || goes_on()
        };
        let rows = (entries(first.rows, &first_txn)?, entries(second.rows, &second_txn)?);
        let finished = merge(rows.0, rows.1, |key, values| {
            difference.take_row(key, &values);
            goes_on()
        })?;
        if !finished {
            return Ok(None);
        }
        let state = (entries(first.state, &first_txn)?, entries(second.state, &second_txn)?);
        let finished = merge(state.0, state.1, |key, values| {
            difference.state.count(&values);
            if !matches!(values, Values::Both(first, second) if first == second) {
                difference.example(format!("state {} differs", key.escape_ascii()));
            }
            goes_on()
        })?;
        Ok(finished.then_some(difference))
    }

    fn take_row(&mut self, key: &[u8], values: &Values<'_>) {
        let kind = kind_of(key);
        match self.rows.get_mut(kind) {
            Some(compared) => compared.count(values),
            None => self.rows.entry(kind.to_owned()).or_default().count(values),
        }
        let name = || key.escape_ascii();
        match values {
            Values::Both(first, second) if first == second => {}
            Values::Both(first, second) => match (version_of(first), version_of(second)) {
                (first, second) if first != second => {
                    self.example(format!("row {} is of {first} and should be of {second}", name()));
                }
                _ => self.example(format!("row {} has other bytes", name())),
            },
            Values::First => self.example(format!("row {} should not be there", name())),
            Values::Second => self.example(format!("row {} is missing", name())),
        }
    }

    fn example(&mut self, words: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(words);
        }
    }
}

impl Compared {
    fn count(&mut self, values: &Values<'_>) {
        *match values {
            Values::Both(first, second) if first == second => &mut self.equal,
            Values::Both(..) => &mut self.changed,
            Values::First => &mut self.removed,
            Values::Second => &mut self.added,
        } += 1;
    }
}

/// What two stores have under a key.
enum Values<'v> {
    Both(&'v [u8], &'v [u8]),
    First,
    Second,
}

type Entry<'t> = Result<(&'t [u8], &'t [u8]), StoreError>;

fn entries<'t>(
    database: RawDatabase,
    txn: &'t heed::RoTxn<'_>,
) -> Result<impl Iterator<Item = Entry<'t>> + use<'t>, StoreError> {
    let entries = database.iter(txn).map_err(|e| engine_error(OPERATION, e))?;
    Ok(entries.map(|entry| entry.map_err(|e| engine_error(OPERATION, e))))
}

/// Calls back with every key of two sorted runs until it is told to stop; whether it came to the end.
fn merge<'t>(
    mut first: impl Iterator<Item = Entry<'t>>,
    mut second: impl Iterator<Item = Entry<'t>>,
    mut each: impl FnMut(&[u8], Values<'_>) -> bool,
) -> Result<bool, StoreError> {
    let (mut a, mut b) = (first.next().transpose()?, second.next().transpose()?);
    loop {
        let order = match (a, b) {
            (None, None) => return Ok(true),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let goes_on = match (order, a, b) {
            (Ordering::Less, Some((key, _)), _) => each(key, Values::First),
            (Ordering::Greater, _, Some((key, _))) => each(key, Values::Second),
            (_, Some((key, a)), Some((_, b))) => each(key, Values::Both(a, b)),
            _ => return Ok(true),
        };
        if !goes_on {
            return Ok(false);
        }
        if order.is_le() {
            a = first.next().transpose()?;
        }
        if order.is_ge() {
            b = second.next().transpose()?;
        }
    }
}

/// A row begins with its version.
fn version_of(value: &[u8]) -> u64 {
    value.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn kind_of(key: &[u8]) -> &'static str {
    match key.first() {
        Some(b'r') => "reference",
        Some(b'p') => "page",
        Some(b'c') => "card",
        Some(b'n') => "node",
        Some(b's') => "slug",
        Some(b'h') => "child",
        Some(b'l') => "list",
        _ => "other",
    }
}
