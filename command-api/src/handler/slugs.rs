//! Slugs that nobody chose: derived from the name, made unique by the city, then by a number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use event_log::{Claim, ClaimKind, Journal, JournalError};
use events::StreamId;
use quick_cache::sync::Cache;
use rand::RngExt;

use crate::domain::slug::{is_reserved, slugify, with_suffix};

/// The first number that is appended.
const FIRST_NUMBER: u64 = 2;
/// From this conflict on the remembered numbers are distrusted: another process may be far ahead.
const DISTRUST_NUMBERS_AFTER: usize = 3;
/// The exponent of four of how many numbers are left out at most.
const MOST_LEFT_OUT_LOG4: usize = 4;
/// How many doublings the search for a free number goes: two million businesses of one name in one city.
const DOUBLINGS: u32 = 21;

/// The slugs that a name can have before numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlugCandidates {
    /// The best first; never empty, never reserved.
    pub(super) plain: Vec<String>,
    /// What numbers are appended to.
    stem: String,
}

impl SlugCandidates {
    /// From the name, and the city.
    pub(super) fn of(name: &str, city: Option<&str>, category_slug: &str) -> Self {
        let base = base_slug(name, category_slug);
        let city = city.map(slugify).filter(|city| !city.is_empty() && !ends_with_part(&base, city));
        let with_city = city.map(|city| with_suffix(&base, &city));
        let stem = with_city.clone().unwrap_or_else(|| base.clone());
        let plain = [Some(base), with_city].into_iter().flatten().filter(|slug| !is_reserved(slug)).collect();
        Self { plain, stem }
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.plain.iter().map(|slug| slug_claim(slug))
    }
}

/// What every slug of a business of this name begins with; a name without letters takes the category's.
pub(crate) fn base_slug(name: &str, category_slug: &str) -> String {
    let candidates = [name, category_slug].into_iter().map(slugify);
    candidates.into_iter().find(|slug| !slug.is_empty()).unwrap_or_else(|| "business".to_owned())
}

fn ends_with_part(slug: &str, part: &str) -> bool {
    slug.strip_suffix(part).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
}

pub(super) fn slug_claim(slug: &str) -> Claim {
    Claim { kind: ClaimKind::BusinessSlug, value: slug.to_owned() }
}

/// The last number handed out for a name, so that the thousandth business of a chain costs what the third does.
pub(super) struct SlugNumbers {
    journal: Arc<dyn Journal>,
    last: Cache<String, Arc<AtomicU64>>,
}

impl SlugNumbers {
    pub(super) fn new(journal: Arc<dyn Journal>, cached: usize) -> Self {
        Self { journal, last: Cache::new(cached) }
    }

    /// The first candidate that nobody has, given who has the plain ones.
    ///
    /// `conflicts` is how often others were faster so far. From the third time on the remembered numbers are
    /// distrusted, for another process may be far ahead. Processes that number one name at once would then go on
    /// finding the same: after that each leaves out a random few, of four times as many each time.
    pub(super) async fn choose(
        &self,
        candidates: &SlugCandidates,
        owners: &[Option<StreamId>],
        conflicts: usize,
    ) -> Result<String, JournalError> {
        let free = candidates.plain.iter().zip(owners).find(|(_, owner)| owner.is_none());
        if let Some((slug, _)) = free {
            return Ok(slug.clone());
        }
        let stem = &candidates.stem;
        if conflicts >= DISTRUST_NUMBERS_AFTER {
            self.last.remove(stem);
        }
        let counter = match self.last.get(stem) {
            Some(counter) => counter,
            None => {
                let free = self.find_free_number(stem).await?;
                let counter = Arc::new(AtomicU64::new(free - 1));
                self.last
                    .get_or_insert_with::<_, std::convert::Infallible>(stem, || Ok(counter))
                    .unwrap_or_else(|e| match e {})
            }
        };
        // Handed out, not only looked at: of many at once each gets its own. A number that is not used is a gap.
        let fours = conflicts.saturating_sub(DISTRUST_NUMBERS_AFTER).min(MOST_LEFT_OUT_LOG4);
        let left_out = rand::rng().random_range(0..1 << (2 * fours));
        let number = counter.fetch_add(1 + left_out, Ordering::Relaxed) + 1 + left_out;
        Ok(with_suffix(stem, &number.to_string()))
    }

    /// Numbers are handed out upwards: gallops to a free one, then halves the way back to the last taken.
    async fn find_free_number(&self, stem: &str) -> Result<u64, JournalError> {
        let claim = |number: u64| slug_claim(&with_suffix(stem, &number.to_string()));
        let steps: Vec<u64> = (0..DOUBLINGS).map(|doubling| FIRST_NUMBER - 1 + (1 << doubling)).collect();
        let claims: Vec<Claim> = steps.iter().map(|number| claim(*number)).collect();
        let owners = self.journal.find_claims(&claims).await?;
        let first_free = owners.iter().position(Option::is_none).unwrap_or(steps.len() - 1);
        let mut free = steps[first_free];
        let mut taken = if first_free == 0 { FIRST_NUMBER - 1 } else { steps[first_free - 1] };
        while free - taken > 1 {
            let middle = taken + (free - taken) / 2;
            match self.journal.find_claims(&[claim(middle)]).await?.first() {
                Some(Some(_)) => taken = middle,
                _ => free = middle,
            }
        }
        Ok(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_a_slug_then_one_with_its_city() {
        let plain = |name, city, category| SlugCandidates::of(name, city, category).plain;
        assert_eq!(plain("Subway", Some("Springfield"), "food"), ["subway", "subway-springfield"]);
        assert_eq!(plain("Subway", None, "food"), ["subway"]);
        assert_eq!(plain("Subway Springfield", Some("Springfield"), "food"), ["subway-springfield"]);
        assert_eq!(plain("!!!", Some("Bonn"), "food"), ["food", "food-bonn"]);
        assert_eq!(plain("!!!", None, ""), ["business"]);
        assert_eq!(plain("Search", Some("Bonn"), "food"), ["search-bonn"], "a reserved word is never derived");
        assert!(plain("01902d3e-7a1b-7c3d-8e4f-0123456789ab", None, "food").is_empty(), "nor is an id");
    }
}
