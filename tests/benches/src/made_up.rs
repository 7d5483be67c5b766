//! Made-up businesses, from a seed: the same ones every time.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

const FIRST: [&str; 24] = [
    "Amber", "Brass", "Cedar", "Crooked", "Dusty", "Eastern", "Fabulous", "Gilded", "Hidden", "Honest", "Iron",
    "Jolly", "Little", "Lucky", "Midnight", "Nordic", "Old", "Plum", "Quiet", "Rusty", "Salty", "Twin", "Velvet",
    "Wild",
];
const SECOND: [&str; 28] = [
    "Anchor", "Badger", "Barrel", "Bison", "Cactus", "Canoe", "Comet", "Fiddle", "Fox", "Garden", "Hammer", "Harbour",
    "Kettle", "Lantern", "Magpie", "Meadow", "Olive", "Onion", "Pepper", "Pigeon", "Radish", "Spoon", "Teapot",
    "Thistle", "Trumpet", "Walnut", "Weasel", "Windmill",
];
const STREETS: [&str; 12] = [
    "Baker's Row",
    "Bridge Street",
    "Canal Lane",
    "Chapel Hill",
    "Dock Road",
    "Elm Avenue",
    "Ferry Street",
    "Market Square",
    "Mill Lane",
    "Orchard Way",
    "Station Road",
    "Tanner Street",
];
/// City, country, latitude, longitude.
const CITIES: [(&str, &str, f64, f64); 20] = [
    ("Berlin", "DE", 52.52, 13.40),
    ("Hamburg", "DE", 53.55, 9.99),
    ("München", "DE", 48.14, 11.58),
    ("Köln", "DE", 50.94, 6.96),
    ("London", "GB", 51.51, -0.13),
    ("Leeds", "GB", 53.80, -1.55),
    ("Paris", "FR", 48.86, 2.35),
    ("Lyon", "FR", 45.76, 4.84),
    ("Roma", "IT", 41.89, 12.48),
    ("Torino", "IT", 45.07, 7.69),
    ("Madrid", "ES", 40.42, -3.70),
    ("Amsterdam", "NL", 52.37, 4.90),
    ("Wien", "AT", 48.21, 16.37),
    ("Praha", "CZ", 50.08, 14.44),
    ("New York", "US", 40.71, -74.01),
    ("Chicago", "US", 41.88, -87.63),
    ("Portland", "US", 45.52, -122.68),
    ("Toronto", "CA", 43.65, -79.38),
    ("東京", "JP", 35.68, 139.69),
    ("Sydney", "AU", -33.87, 151.21),
];
const HOURS: [&str; 5] =
    ["Mo-Su 11:00-23:00", "Mo-Fr 08:00-18:00; Sa 09:00-14:00", "Tu-Su 17:00-24:00", "24/7", "Mo-Sa 12:00-22:00"];
const ICONS: [&str; 6] = ["restaurant", "fast_food", "cafe", "maki_restaurant-pizza", "pub", "bakery"];
const CUISINES: [&str; 8] =
    ["pizza", "burger;fries", "indian", "vietnamese;noodle", "coffee_shop", "kebab", "italian;pizza", "dumplings"];

fn one_of<'a, T>(rng: &mut ChaCha8Rng, list: &'a [T]) -> &'a T {
    &list[rng.random_range(0..list.len())]
}

/// A business to be made up in two shapes.
struct MadeUp {
    name: String,
    street: String,
    city: &'static (&'static str, &'static str, f64, f64),
    lat: f64,
    lon: f64,
    phone: String,
    website: String,
    hours: &'static str,
}

impl MadeUp {
    fn new(rng: &mut ChaCha8Rng, number: usize) -> Self {
        let (first, second) = (one_of(rng, &FIRST), one_of(rng, &SECOND));
        let city = one_of(rng, &CITIES);
        let shift = |rng: &mut ChaCha8Rng| f64::from(rng.random_range(-40_000..40_000)) / 1e6;
        Self {
            name: format!("{first} {second} {}", number % 977),
            street: format!("{} {}", one_of(rng, &STREETS), rng.random_range(1..200)),
            lat: city.2 + shift(rng),
            lon: city.3 + shift(rng),
            phone: format!("+49 30 {:07}", number % 10_000_000),
            website: format!("https://{}-{}-{number}.example/", first.to_lowercase(), second.to_lowercase()),
            hours: HOURS[rng.random_range(0..HOURS.len())],
            city,
        }
    }
}

/// The body of a command that registers a business in these categories.
pub(crate) fn registration(rng: &mut ChaCha8Rng, number: usize, categories: &[String]) -> Value {
    let made_up = MadeUp::new(rng, number);
    json!({
        "name": made_up.name,
        "categories": [one_of(rng, categories)],
        "address": {"street": made_up.street, "locality": made_up.city.0, "country": made_up.city.1},
        "point": {"lat": made_up.lat, "lon": made_up.lon},
        "phone": made_up.phone,
        "website": made_up.website,
        "opening_hours": made_up.hours,
    })
}

/// A GeoJSON feature with the properties of places from OpenStreetMap, filled about as often as there.
pub(crate) fn place(rng: &mut ChaCha8Rng, number: usize) -> Value {
    let made_up = MadeUp::new(rng, number);
    let mut properties = Map::new();
    let mut fill = |share: f64, members: &[(&str, Value)]| {
        if rng.random_bool(share) {
            properties.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
    };
    fill(1.0, &[("_type", json!("node")), ("_id", json!(number)), ("name", json!(made_up.name))]);
    fill(0.66, &[("opening_hours", json!(made_up.hours))]);
    fill(0.62, &[("addr_street", json!(made_up.street))]);
    fill(0.52, &[("addr_city", json!(made_up.city.0)), ("addr_postcode", json!(format!("{:05}", number % 99_999)))]);
    fill(0.19, &[("addr_country", json!(made_up.city.1))]);
    fill(0.48, &[("contact_phone", json!(made_up.phone))]);
    fill(0.49, &[("contact_website", json!(made_up.website))]);
    fill(0.14, &[("contact_email", json!(format!("hello{number}@bench.example")))]);
    let (icon, cuisine) = (*one_of(rng, &ICONS), *one_of(rng, &CUISINES));
    properties.insert("icon".to_owned(), json!(icon));
    properties.insert("category".to_owned(), json!("vegan_friendly"));
    if rng.random_bool(0.66) {
        properties.insert("cuisine".to_owned(), json!(cuisine));
    }
    let geometry = json!({"type": "Point", "coordinates": [made_up.lon, made_up.lat]});
    json!({"type": "Feature", "geometry": geometry, "properties": properties})
}
