//! Moving the journal of a data folder into PostgreSQL, and comparing two journals.

mod compare;
#[cfg(feature = "distributed")]
mod fill;
#[cfg(feature = "distributed")]
mod run;

pub(crate) use compare::{Compared, compare};
#[cfg(feature = "distributed")]
use fill::{Rows, fill};
#[cfg(feature = "distributed")]
pub(crate) use run::move_journal;
