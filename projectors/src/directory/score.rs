//! The score of the order `best`. `docs/ranking.md` says the formula.

use super::business::Business;

/// The attribute that carries the given popularity, as integer text.
const POPULARITY: &str = "popularity";
const POPULARITY_MAX: u64 = 1_000_000;
const POPULARITY_POINTS: u64 = 600;
/// Points that make one step of the score: a popularity moves a business only when it changes by about 1.6 times.
const POINTS_PER_STEP: u64 = 20;
/// Fractional bits of the logarithm.
const FRACTION_BITS: u32 = 8;

/// 0 to 50; a matter of integers only, so that every replica agrees.
pub(super) fn score(business: &Business) -> u16 {
    let points = completeness(business) + popularity(business);
    u16::try_from(points / POINTS_PER_STEP).expect("at most 1,000 points")
}

/// Points for each fact that is known, 400 in all.
fn completeness(business: &Business) -> u64 {
    let street = business.address.as_ref().is_some_and(|address| address.street.is_some());
    [
        (business.description.is_some(), 60),
        (business.location.is_some(), 60),
        (street, 60),
        (business.point.is_some(), 60),
        (business.website.is_some(), 50),
        (business.opening_hours.is_some(), 50),
        (business.phone.is_some(), 40),
        (business.email.is_some(), 20),
    ]
    .into_iter()
    .filter(|(known, _)| *known)
    .map(|(_, points)| points)
    .sum()
}

fn popularity(business: &Business) -> u64 {
    let given = business.attributes.get(POPULARITY).and_then(|text| text.parse::<u64>().ok());
    let given = given.filter(|popularity| *popularity <= POPULARITY_MAX).unwrap_or(0);
    POPULARITY_POINTS * logarithm(given + 1) / logarithm(POPULARITY_MAX + 1)
}

/// log2 in 256ths, linear between powers of two: as monotone as the real one, without floats. `n` is at least 1.
fn logarithm(n: u64) -> u64 {
    let whole = n.ilog2();
    let mantissa = (n << FRACTION_BITS) >> whole;
    (u64::from(whole) << FRACTION_BITS) + mantissa - (1 << FRACTION_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn popular(text: &str) -> Business {
        let mut business = Business::default();
        business.attributes.insert(POPULARITY.to_owned(), text.to_owned());
        business
    }

    #[test]
    fn facts_and_popularity_add_up() {
        assert_eq!(score(&Business::default()), 0);
        assert_eq!(score(&popular("1000000")), 30);
        let mut full = popular("1000000");
        let text = || Some("x".to_owned());
        full.description = text();
        full.phone = text();
        full.email = text();
        full.website = text();
        full.opening_hours = text();
        full.location = Some(views::Ordinal(1));
        full.point = Some(events::Point { lat: 0.0, lon: 0.0 });
        full.address = Some(events::Address { street: text(), ..Default::default() });
        assert_eq!(score(&full), 50);
    }

    #[test]
    fn the_example_of_the_page_holds() {
        let mut business = popular("900");
        business.location = Some(views::Ordinal(1));
        business.point = Some(events::Point { lat: 0.0, lon: 0.0 });
        business.phone = Some("+1".to_owned());
        assert_eq!((completeness(&business), logarithm(901), popularity(&business)), (160, 2_498, 294));
        assert_eq!(score(&business), 22);
    }

    #[test]
    fn popularity_grows_and_nonsense_counts_as_none() {
        let points: Vec<u64> = (0..2_000).map(|n| popularity(&popular(&n.to_string()))).collect();
        assert!(points.is_sorted());
        for nonsense in ["", "-1", "1.5", "many", "1000001", "99999999999999999999999", " 7"] {
            assert_eq!(popularity(&popular(nonsense)), 0, "{nonsense:?}");
        }
    }
}
