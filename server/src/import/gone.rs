//! What a whole file does not have any more is closed, within its scope and within bounds.

use std::collections::HashSet;
use std::sync::Arc;

use command_api::{SourceBusiness, Standing};
use futures::{StreamExt, TryStreamExt, stream};
use xxhash_rust::xxh3::xxh3_128;

use super::calls::MOST_IDS;
use super::report::Report;
use super::scope::Scope;
use super::writer::{DirectoryWriter, WriteError};

/// The most of the scope's businesses, in percent, that are closed without being allowed to be more.
const MOST_PERCENT: u64 = 5;

/// The ids that stand in a file. Hashes, so that a large file does not fill the memory with its ids.
#[derive(Default)]
pub(super) struct Present {
    accepted: HashSet<u128>,
    /// Of rows that were rejected: they are in the file all the same.
    rejected: HashSet<u128>,
    /// Rows of which nobody knows which business they are about.
    pub unidentified: u64,
}

impl Present {
    /// A row that is taken; `false` when an earlier one had this id.
    pub(super) fn accept(&mut self, external_id: &str) -> bool {
        self.accepted.insert(xxh3_128(external_id.as_bytes()))
    }

    /// A row that is not taken.
    pub(super) fn reject(&mut self, external_id: &str) {
        self.rejected.insert(xxh3_128(external_id.as_bytes()));
    }

    fn has(&self, external_id: &str) -> bool {
        let hash = xxh3_128(external_id.as_bytes());
        self.accepted.contains(&hash) || self.rejected.contains(&hash)
    }
}

/// How the closing of what is gone shall go.
pub(super) struct GoneRules<'a> {
    pub system: &'a str,
    pub scope: &'a Scope,
    pub allow_gone: bool,
    pub concurrency: usize,
    /// Recorded with every closing.
    pub reason: String,
}

/// Closes what is gone. `Some` says why nothing was closed although something is gone.
///
/// # Errors
/// The directory does not answer.
pub(super) async fn close_gone(
    writer: &Arc<dyn DirectoryWriter>,
    report: &Report,
    present: &Present,
    rules: &GoneRules<'_>,
) -> Result<Option<String>, WriteError> {
    let gone = find_gone(writer, present, rules).await?;
    let count = gone.len() as u64;
    let all = count + report.known_in_scope();
    let refusal = if count == 0 || rules.allow_gone {
        None
    } else if present.unidentified > 0 {
        Some(format!(
            "{count} of {all} businesses are not in the file, but {} of its rows cannot be told apart from them; \
             nothing was closed. See the report, then mend the file or use --allow-gone",
            present.unidentified
        ))
    } else if count * 100 > all * MOST_PERCENT {
        Some(format!(
            "{count} of {all} businesses are gone, more than {MOST_PERCENT} %; nothing was closed. If the file is whole, \
             use --allow-gone"
        ))
    } else {
        None
    };
    if refusal.is_some() {
        gone.iter().for_each(|(external_id, _)| report.gone(external_id, "not_closed"));
        return Ok(refusal);
    }
    stream::iter(gone)
        .map(Ok)
        .try_for_each_concurrent(rules.concurrency, async |(external_id, business)| {
            let code = if writer.close(&business, &rules.reason).await? { "closed" } else { "changed_meanwhile" };
            report.gone(&external_id, code);
            Ok(())
        })
        .await?;
    Ok(None)
}

async fn find_gone(
    writer: &Arc<dyn DirectoryWriter>,
    present: &Present,
    rules: &GoneRules<'_>,
) -> Result<Vec<(String, SourceBusiness)>, WriteError> {
    let mut gone = Vec::new();
    let mut after = String::new();
    loop {
        let page = writer.source_ids(rules.system, &after, MOST_IDS).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        after.clone_from(last);
        let missing = page.into_iter().filter(|external_id| !present.has(external_id));
        let found: Vec<Option<(String, SourceBusiness)>> = stream::iter(missing)
            .map(async |external_id: String| {
                let business = writer.source_business(rules.system, &external_id).await?;
                let business =
                    business.filter(|business| business.standing == Standing::Open && rules.scope.has(business));
                Ok(business.map(|business| (external_id, business)))
            })
            .buffered(rules.concurrency)
            .try_collect()
            .await?;
        gone.extend(found.into_iter().flatten());
    }
}
