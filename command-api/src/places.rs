//! Where on earth: the offline gazetteer (GeoNames) and the time zone map.
//!
//! Both are loaded once, when first needed: tens of megabytes that a restart must not wait for.

use std::collections::HashMap;
use std::sync::OnceLock;

use events::{Address, LocationKind, Point};
use reverse_geocoder::ReverseGeocoder;
use tzf_rs::DefaultFinder;

use crate::domain::slug::{slugify, with_suffix};

/// A point this far from every city of the gazetteer lies in none of them; mostly it lies in the sea.
const FARTHEST_CITY_KM: f64 = 200.0;
const EARTH_RADIUS_KM: f64 = 6_371.0;

/// A location that a point or an address lies in, whether or not the directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceNode {
    /// Its slug, for example `us-il-springfield`.
    pub slug: String,
    /// Its name in English or the local language, as the gazetteer or the address has it.
    pub name: String,
    /// What it is.
    pub kind: LocationKind,
}

/// The gazetteer and the time zones.
#[derive(Default)]
pub struct Places {
    cities: OnceLock<ReverseGeocoder>,
    time_zones: OnceLock<DefaultFinder>,
    regions: OnceLock<HashMap<String, &'static str>>,
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Places").field("loaded", &self.is_loaded()).finish()
    }
}

impl Places {
    /// Nothing is loaded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether answers come without loading first.
    pub fn is_loaded(&self) -> bool {
        self.cities.get().is_some() && self.time_zones.get().is_some() && self.regions.get().is_some()
    }

    /// Loads everything; about 0.2 s of work, the first time.
    pub fn load(&self) {
        self.cities();
        self.time_zones();
        self.regions();
    }

    fn cities(&self) -> &ReverseGeocoder {
        self.cities.get_or_init(ReverseGeocoder::new)
    }

    fn time_zones(&self) -> &DefaultFinder {
        self.time_zones.get_or_init(DefaultFinder::new)
    }

    /// ISO 3166-2 codes by `us/illinois`.
    fn regions(&self) -> &HashMap<String, &'static str> {
        self.regions.get_or_init(|| {
            let subdivisions = rust_iso3166::iso3166_2::SUBDIVISION_COUNTRY_MAP.entries();
            subdivisions
                .flat_map(|(country, regions)| regions.iter().map(move |region| (country, region)))
                .map(|(country, region)| (region_key(country, region.name), region.code))
                .collect()
        })
    }

    /// The IANA time zone of a point.
    pub fn time_zone(&self, point: Point) -> Option<&str> {
        Some(self.time_zones().get_tz_name(point.lon, point.lat)).filter(|name| !name.is_empty())
    }

    /// Whether this is the name of a time zone that a point can have.
    pub fn is_time_zone(&self, name: &str) -> bool {
        name == "UTC" || self.time_zones().timezonenames().contains(&name)
    }

    /// Country, region and city of a point, the outermost first. Empty far from every city.
    pub fn chain_of_point(&self, point: Point) -> Vec<PlaceNode> {
        let found = self.cities().search((point.lat, point.lon));
        // The distance is a squared chord of the unit sphere.
        if found.distance.sqrt() * EARTH_RADIUS_KM > FARTHEST_CITY_KM {
            return Vec::new();
        }
        let city = found.record;
        self.chain(&city.cc, Some(&city.admin1), Some(&city.name))
    }

    /// Country, region and city of an address, the outermost first. Empty without a country.
    pub fn chain_of_address(&self, address: &Address) -> Vec<PlaceNode> {
        match &address.country {
            Some(country) => self.chain(country, address.region.as_deref(), address.locality.as_deref()),
            None => Vec::new(),
        }
    }

    fn chain(&self, country: &str, region: Option<&str>, city: Option<&str>) -> Vec<PlaceNode> {
        let country_slug = country.to_lowercase();
        let country_name = rust_iso3166::from_alpha2(country).map_or(country, |known| known.name);
        let mut chain =
            vec![PlaceNode { slug: country_slug.clone(), name: country_name.to_owned(), kind: LocationKind::Country }];
        let mut slug = country_slug;
        if let Some(region) = region.filter(|region| !slugify(region).is_empty()) {
            let (part, name) = self.region(country, region);
            slug = with_suffix(&slug, &part);
            chain.push(PlaceNode { slug: slug.clone(), name, kind: LocationKind::Region });
        }
        if let Some(city) = city {
            let part = slugify(city);
            if !part.is_empty() {
                slug = with_suffix(&slug, &part);
                chain.push(PlaceNode { slug, name: city.to_owned(), kind: LocationKind::City });
            }
        }
        chain
    }

    /// The slug part and the name of a region given by its code or its name.
    fn region(&self, country: &str, region: &str) -> (String, String) {
        if let Some(known) = rust_iso3166::iso3166_2::from_code(&format!("{country}-{}", region.to_uppercase())) {
            return (code_or_name(known.code, known.name), known.name.to_owned());
        }
        match self.regions().get(&region_key(country, region)) {
            Some(code) => (code_or_name(code, region), region.to_owned()),
            None => (slugify(region), region.to_owned()),
        }
    }
}

fn region_key(country: &str, region: &str) -> String {
    format!("{country}/{}", slugify(region))
}

/// `il` of `US-IL`; numbers (`AT-9`) say nothing to people, so the name stands in for them.
fn code_or_name(code: &str, name: &str) -> String {
    match code.split_once('-') {
        Some((_, part)) if part.bytes().all(|b| b.is_ascii_alphabetic()) => part.to_lowercase(),
        _ => slugify(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slugs(chain: &[PlaceNode]) -> Vec<&str> {
        chain.iter().map(|node| node.slug.as_str()).collect()
    }

    #[test]
    fn a_point_lies_in_its_country_region_and_city_and_has_a_time_zone() {
        let places = Places::new();
        assert!(!places.is_loaded(), "nothing is loaded before it is needed");
        let springfield = Point { lat: 39.80172, lon: -89.64371 };
        let chain = places.chain_of_point(springfield);
        assert_eq!(slugs(&chain), ["us", "us-il", "us-il-springfield"]);
        let names: Vec<_> = chain.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["United States of America", "Illinois", "Springfield"]);
        assert_eq!(places.time_zone(springfield), Some("America/Chicago"));
        assert!(places.is_time_zone("America/Chicago") && !places.is_time_zone("Mars/Olympus"));
        assert_eq!(places.chain_of_point(Point { lat: -48.876, lon: -123.393 }), [], "no city in the open sea");
    }

    #[test]
    fn an_address_leads_to_the_same_slugs_as_its_point() {
        let places = Places::new();
        let chain = |region: Option<&str>| {
            places.chain_of_address(&Address {
                country: Some("US".to_owned()),
                region: region.map(str::to_owned),
                locality: Some("Springfield".to_owned()),
                ..Address::default()
            })
        };
        for region in ["IL", "il", "Illinois", "illinois"] {
            assert_eq!(slugs(&chain(Some(region))), ["us", "us-il", "us-il-springfield"], "{region}");
        }
        assert_eq!(slugs(&chain(Some("Narnia"))), ["us", "us-narnia", "us-narnia-springfield"]);
        assert_eq!(slugs(&chain(None)), ["us", "us-springfield"]);
        assert_eq!(places.chain_of_address(&Address::default()), []);
    }
}
