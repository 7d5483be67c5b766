//! Makes up the businesses of the demo directory. The same number and seed always give the same directory.

use std::collections::BTreeMap;

use command_api::{
    Attributes, ChangeBusinessDetails, CloseBusiness, DefineCategory, DefineLocation, GivenAddress, GivenLocationKind,
    GivenPoint, LocalizedNames, RecategorizeBusiness, RegisterBusiness,
};
use events::LocationKind;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::trees::{CATEGORIES, CategorySeed, LOCATIONS, LocationSeed};
use super::words::{ATTRIBUTES, DESCRIPTIONS_BEGIN, DESCRIPTIONS_END, KINDS, LANGUAGES, Language, OPENING_HOURS};

/// Above this number names repeat so often that slugs are given, not found.
const DERIVED_SLUGS: u64 = 5_000;

/// A made-up directory of a certain size.
#[derive(Debug, Clone)]
pub struct DemoDirectory {
    businesses: u64,
    seed: u64,
    /// Multiplier of the permutation index -> rank; coprime to the number of businesses.
    stride: u64,
}

/// What happens to a business after it was registered.
#[derive(Debug, Clone, PartialEq)]
pub enum FollowUp {
    /// Its details change.
    Change(ChangeBusinessDetails),
    /// It is filed anew.
    Recategorize(RecategorizeBusiness),
    /// It closes.
    Close(CloseBusiness),
}

impl DemoDirectory {
    /// A directory of this many businesses; another seed is another directory.
    pub fn new(businesses: u64, seed: u64) -> Self {
        let size = businesses.max(1);
        let mut stride = size / 2 + size / 7 + 1;
        while greatest_common_divisor(stride, size) != 1 {
            stride += 1;
        }
        Self { businesses, seed, stride }
    }

    /// How many businesses it has.
    pub fn businesses(&self) -> u64 {
        self.businesses
    }

    /// Its categories, parents first: slug and definition.
    pub fn categories(&self) -> impl Iterator<Item = (&'static str, DefineCategory)> {
        CATEGORIES.iter().map(|(slug, parent, en, de, _)| {
            let names = LocalizedNames(names(en, de, None));
            (*slug, DefineCategory { parent: parent.map(str::to_owned), names })
        })
    }

    /// Its locations, parents first: slug and definition.
    pub fn locations(&self) -> impl Iterator<Item = (&'static str, DefineLocation)> {
        LOCATIONS.iter().map(|seed| {
            let kind = match seed.kind {
                LocationKind::Country => GivenLocationKind::Country,
                LocationKind::Region => GivenLocationKind::Region,
                LocationKind::County => GivenLocationKind::County,
                LocationKind::City => GivenLocationKind::City,
                LocationKind::District => GivenLocationKind::District,
            };
            let definition = DefineLocation {
                parent: seed.parent.map(str::to_owned),
                kind,
                names: LocalizedNames(names(seed.names.0, seed.names.1, seed.names.2)),
                point: Some(GivenPoint { lat: seed.lat, lon: seed.lon }),
            };
            (seed.slug, definition)
        })
    }

    /// The business of this index, from 0.
    pub fn business(&self, index: u64) -> RegisterBusiness {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(index);
        let category = weighted(&CATEGORIES, |(.., share)| *share, &mut random);
        let city = weighted(&LOCATIONS, |seed| seed.city.map_or(0, |(_, share)| share), &mut random);
        let language = language_of(city);
        let time_zone = city.city.map(|(zone, _)| zone.to_owned());
        let name = name_of(language, category, &mut random);
        let street = format!("{} {}", pick(language.streets, &mut random), random.random_range(1..200));
        let mut categories = vec![category.0.to_owned()];
        if random.random_ratio(1, 6) {
            let second = weighted(
                &CATEGORIES,
                |(_, parent, .., share)| if *parent == category.1 { *share } else { 0 },
                &mut random,
            );
            if second.0 != category.0 {
                categories.push(second.0.to_owned());
            }
        }
        let website = format!("https://{}-{index}.example/", category.0);
        RegisterBusiness {
            slug: (index >= DERIVED_SLUGS).then(|| format!("{}-{}-{index}", category.0, city.slug)),
            name,
            description: random.random_ratio(3, 5).then(|| {
                format!("{}, {}", pick(&DESCRIPTIONS_BEGIN, &mut random), pick(&DESCRIPTIONS_END, &mut random))
            }),
            categories,
            primary_category: None,
            location: Some(city.slug.to_owned()),
            address: Some(address_of(city, street, &mut random)),
            point: random
                .random_ratio(9, 10)
                .then(|| GivenPoint { lat: jitter(city.lat, &mut random), lon: jitter(city.lon, &mut random) }),
            time_zone,
            phone: random.random_ratio(4, 5).then(|| phone_of(&mut random)),
            email: random.random_ratio(1, 4).then(|| format!("hello@{}-{index}.example", category.0)),
            website: random.random_ratio(3, 5).then_some(website),
            opening_hours: random.random_ratio(2, 3).then(|| pick(&OPENING_HOURS, &mut random).to_owned()),
            attributes: self.attributes_of(index, &mut random),
            source: None,
        }
    }

    /// What happens to the business of this index later; nothing to most.
    pub fn follow_up(&self, index: u64) -> Option<FollowUp> {
        match index % 100 {
            7 | 57 => Some(FollowUp::Close(CloseBusiness { reason: Some("the lease ended".to_owned()) })),
            3 | 28 | 53 | 78 => Some(FollowUp::Change(ChangeBusinessDetails {
                phone: Some(Some(format!("+49 30 5550{:04}", index % 10_000))),
                opening_hours: Some(Some("Mo-Sa 10:00-19:00".to_owned())),
                ..ChangeBusinessDetails::default()
            })),
            11 => {
                let mut categories = self.business(index).categories;
                categories.retain(|slug| slug != "gift-shop");
                categories.insert(0, "gift-shop".to_owned());
                Some(FollowUp::Recategorize(RecategorizeBusiness { categories, primary_category: None }))
            }
            _ => None,
        }
    }

    fn attributes_of(&self, index: u64, random: &mut ChaCha8Rng) -> Attributes {
        let mut attributes = BTreeMap::new();
        for (key, values) in ATTRIBUTES {
            if random.random_ratio(2, 5) {
                attributes.insert(key.to_owned(), pick(values, random).to_owned());
            }
        }
        attributes.insert("popularity".to_owned(), self.popularity(index).to_string());
        Attributes(attributes)
    }

    /// 0 to 1,000,000. A few are known to everyone, most to few: weight (rank + 20)^-1.04.
    fn popularity(&self, index: u64) -> u64 {
        let rank = u128::from(index) * u128::from(self.stride) % u128::from(self.businesses.max(1));
        let weight = ((rank as f64 + 20.0) / 20.0).powf(-1.04);
        (weight * 1_000_000.0).round() as u64
    }
}

fn names(en: &str, de: &str, local: Option<(&str, &str)>) -> BTreeMap<String, String> {
    [("en", en), ("de", de)].into_iter().chain(local).map(|(tag, name)| (tag.to_owned(), name.to_owned())).collect()
}

fn language_of(city: &LocationSeed) -> &'static Language {
    let country = city.slug.split('-').next().unwrap_or_default();
    LANGUAGES.iter().find(|language| language.countries.contains(&country)).unwrap_or(&LANGUAGES[0])
}

fn name_of(language: &Language, category: &CategorySeed, random: &mut ChaCha8Rng) -> String {
    let top = category.1.unwrap_or(category.0);
    let kind = KINDS.iter().position(|kind| *kind == top).map_or("", |i| language.kinds[i]);
    let owner = pick(language.owners, random);
    let thing = pick(language.things, random);
    let blank = if language.joined { "" } else { " " };
    match random.random_range(0..4) {
        0 => format!("{owner}{blank}{kind}"),
        1 => format!("{thing}{blank}{kind}"),
        2 => thing.to_owned(),
        _ => format!("{thing}{blank}{owner}"),
    }
}

fn address_of(city: &LocationSeed, street: String, random: &mut ChaCha8Rng) -> GivenAddress {
    let region = LOCATIONS.iter().find(|seed| Some(seed.slug) == city.parent);
    GivenAddress {
        street: Some(street),
        locality: Some(city.names.0.to_owned()),
        region: region.map(|region| region.names.0.to_owned()),
        postcode: random.random_ratio(4, 5).then(|| format!("{:05}", random.random_range(1_000..99_999))),
        country: city.slug.get(..2).map(str::to_uppercase),
    }
}

fn phone_of(random: &mut ChaCha8Rng) -> String {
    format!("+1 {} 555 01{:02}", random.random_range(201..990), random.random_range(0..100))
}

/// About four kilometres around.
fn jitter(degrees: f64, random: &mut ChaCha8Rng) -> f64 {
    ((degrees + random.random_range(-0.04..0.04)) * 1e5).round() / 1e5
}

fn pick<'w>(words: &[&'w str], random: &mut ChaCha8Rng) -> &'w str {
    words.choose(random).expect("no word list is empty")
}

fn weighted<'a, T>(items: &'a [T], share: impl Fn(&T) -> u32, random: &mut ChaCha8Rng) -> &'a T {
    let total: u32 = items.iter().map(&share).sum();
    let mut left = random.random_range(0..total);
    for item in items {
        match left.checked_sub(share(item)) {
            Some(rest) => left = rest,
            None => return item,
        }
    }
    unreachable!("the number drawn is below the sum of shares")
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use command_api::Command;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_directory_and_another_another() {
        let one = DemoDirectory::new(100, 1);
        assert_eq!(one.business(17), DemoDirectory::new(100, 1).business(17));
        assert_ne!(one.business(17), DemoDirectory::new(100, 2).business(17));
    }

    #[test]
    fn every_command_of_it_is_valid() {
        let demo = DemoDirectory::new(6_000, 1);
        for (slug, body) in demo.categories() {
            Command::DefineCategory(slug.to_owned(), body).validate().unwrap();
        }
        for (slug, body) in demo.locations() {
            Command::DefineLocation(slug.to_owned(), body).validate().unwrap();
        }
        for index in 0..demo.businesses() {
            let business = demo.business(index);
            Command::RegisterBusiness(Box::new(business.clone()))
                .validate()
                .unwrap_or_else(|e| panic!("{business:?}: {e:?}"));
            if let Some(FollowUp::Recategorize(body)) = demo.follow_up(index) {
                assert!(body.categories.len() <= 5);
            }
        }
    }

    /// So that a business registered with a point in one of these cities is filed there.
    #[test]
    fn its_cities_are_where_the_gazetteer_has_them() {
        let places = command_api::Places::new();
        let mut wrong = Vec::new();
        for city in LOCATIONS.iter().filter(|location| location.city.is_some()) {
            let chain = places.chain_of_point(events::Point { lat: city.lat, lon: city.lon });
            let slugs: Vec<_> = chain.iter().map(|node| node.slug.as_str()).collect();
            let region = LOCATIONS.iter().find(|location| Some(location.slug) == city.parent).unwrap();
            if slugs != [region.parent.unwrap(), region.slug, city.slug] {
                wrong.push((city.slug, slugs.join(" ")));
            }
        }
        assert_eq!(wrong, []);
    }

    #[test]
    fn it_has_40_categories_60_locations_several_scripts_and_one_of_each_popularity_rank() {
        let demo = DemoDirectory::new(5_000, 1);
        assert_eq!((demo.categories().count(), demo.locations().count()), (40, 60));
        let businesses: Vec<_> = (0..5_000).map(|index| demo.business(index)).collect();
        let in_script = |range: std::ops::RangeInclusive<char>| {
            businesses.iter().filter(|b| b.name.chars().any(|c| range.contains(&c))).count()
        };
        assert!(in_script('\u{3040}'..='\u{9fff}') > 100, "Japanese");
        assert!(in_script('\u{370}'..='\u{3ff}') > 100, "Greek");
        assert!(in_script('\u{600}'..='\u{6ff}') > 100, "Arabic");
        let popularity: Vec<u64> = businesses.iter().map(|b| b.attributes.0["popularity"].parse().unwrap()).collect();
        assert_eq!(popularity.iter().max(), Some(&1_000_000));
        assert!(popularity.iter().collect::<BTreeSet<_>>().len() > 2_000, "a curve, not a step");
    }
}
