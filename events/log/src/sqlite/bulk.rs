//! Statements over many rows: one round trip to the engine's thread instead of one for each row.
//!
//! The number of rows is a power of two, so that few texts exist and each stays prepared.

use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Sqlite};

/// The most rows in one statement; 1024 arguments at 16 columns, of 32,766 that SQLite takes.
const MAX_ROWS: usize = 64;

/// Before and after the rows of a look at claims: number, kind and value. CROSS JOIN keeps the order of the tables, so
/// that each wanted row is one look into the index.
pub(super) const FIND_CLAIMS_OF: (&str, &str) = (
    "WITH wanted (n, kind, value) AS (",
    ") SELECT n, c.stream_kind, c.stream_id
       FROM wanted CROSS JOIN claims c ON c.kind = wanted.kind AND c.value = wanted.value",
);
const SIZES: usize = MAX_ROWS.ilog2() as usize + 1;

/// One statement, for each number of rows.
pub(super) struct Bulk {
    texts: [Arc<str>; SIZES],
    columns: usize,
}

/// The arguments of one statement, in order.
#[derive(Default)]
pub(super) struct Row(SqliteArguments);

impl Row {
    /// The next argument.
    pub(super) fn bind<'t, T: sqlx::Encode<'t, Sqlite> + sqlx::Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        self.0.add(value).expect("numbers, text and bytes always encode");
        self
    }
}

impl Bulk {
    /// `before VALUES (?, …), … after`, with this many columns in each row.
    pub(super) fn new(before: &str, columns: usize, after: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        let texts = std::array::from_fn(|size| {
            format!("{before} VALUES {} {after}", vec![row.as_str(); 1 << size].join(", ")).into()
        });
        Self { texts, columns }
    }

    /// Stores all rows.
    pub(super) async fn execute<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&mut Row, &T),
    ) -> Result<(), sqlx::Error> {
        let mut rest = rows;
        while !rest.is_empty() {
            let size = rest.len().min(MAX_ROWS).ilog2() as usize;
            let (these, later) = rest.split_at(1 << size);
            let arguments = self.arguments(these, &bind);
            sqlx::query_with(AssertSqlSafe(Arc::clone(&self.texts[size])), arguments.0)
                .execute(&mut *connection)
                .await?;
            rest = later;
        }
        Ok(())
    }

    /// Asks about all rows. The last statement is filled up with rows of nulls, which match nothing.
    pub(super) async fn fetch<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&mut Row, &T),
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::new();
        for these in rows.chunks(MAX_ROWS) {
            let size = these.len().next_power_of_two().ilog2() as usize;
            let mut arguments = self.arguments(these, &bind);
            for _ in 0..((1 << size) - these.len()) * self.columns {
                arguments.bind(None::<i64>);
            }
            found.extend(
                sqlx::query_with(AssertSqlSafe(Arc::clone(&self.texts[size])), arguments.0)
                    .fetch_all(&mut *connection)
                    .await?,
            );
        }
        Ok(found)
    }

    fn arguments<T>(&self, rows: &[T], bind: impl Fn(&mut Row, &T)) -> Row {
        let mut arguments = Row::default();
        arguments.0.reserve(rows.len().next_power_of_two() * self.columns, 0);
        for row in rows {
            bind(&mut arguments, row);
        }
        arguments
    }
}
