//! Rows of our own making with the dirt that real places have. `tests/fixtures/osm-like.geojson` is what comes out.

use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

const SEED: u64 = 7;

/// City, country, latitude, longitude.
const CITIES: [(&str, &str, f64, f64); 8] = [
    ("Springfield", "US", 39.8017, -89.6437),
    ("Wien", "AT", 48.2085, 16.3721),
    ("München", "DE", 48.1374, 11.5755),
    ("Αθήνα", "GR", 37.9838, 23.7278),
    ("大阪", "JP", 34.6937, 135.5022),
    ("Rennes", "FR", 48.1113, -1.6800),
    ("القاهرة", "EG", 30.0626, 31.2497),
    ("Sydney", "AU", -33.8678, 151.2073),
];

const FIRST: [&str; 12] =
    ["Golden", "Blauer", "Petit", "Alte", "Το Μικρό", "青い", "مقهى", "Grüner", "Old", "Silver", "Ó", "Łódzka"];
const SECOND: [&str; 12] =
    ["Fox", "Anker", "Jardin", "Mühle", "Λιμάνι", "鳥", "النخيل", "Hof", "Mill", "Spoon", "Briain", "Kuchnia"];
const ICONS: [&str; 8] =
    ["restaurant", "cafe", "fast_food", "maki_restaurant-pizza", "pub", "bakery", "ice_cream", "supermarket"];
const CUISINES: [&str; 6] =
    ["pizza;italian", "burger", "coffee_shop;cake", "sushi; japanese", "regional", "Thai;oddity"];
const HOURS: [&str; 5] = ["Mo-Su 11:00-23:00", "24/7", "open", "off", "Tu-Su 12:00-14:30,18:00-22:00"];

/// Rejected rows of the first 500, by code.
pub(crate) const REJECTED: [(&str, u64); 4] =
    [("duplicate_id", 2), ("malformed_feature", 1), ("required", 4), ("too_long", 1)];

/// What is left out of rows of the first 500, by member and code.
pub(crate) const LEFT_OUT: [(&str, u64); 8] = [
    ("/address/country invalid", 1),
    ("/categories unknown_value", 1),
    ("/email invalid", 1),
    ("/opening_hours syntax", 1),
    ("/phone too_long", 1),
    ("/point no_geometry", 1),
    ("/point out_of_range", 1),
    ("/website invalid", 1),
];

/// A collection of this many rows; the first 500 of them hold all the dirt.
pub(crate) fn collection(rows: u64) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut text = String::from("{\"type\":\"FeatureCollection\",\"_timestamp\":\"2026-01-01\",\"features\":[\n");
    for index in 0..rows {
        if index > 0 {
            text.push_str(",\n");
        }
        text.push_str(&feature(index, &mut random).to_string());
    }
    text.push_str("\n]}\n");
    text
}

fn feature(index: u64, random: &mut ChaCha8Rng) -> Value {
    let (city, country, lat, lon) = *CITIES.choose(random).expect("a list of constants");
    let mut properties = Map::new();
    let mut put = |key: &str, value: Value| properties.insert(key.to_owned(), value);
    put("_type", json!(if index.is_multiple_of(5) { "way" } else { "node" }));
    put("_id", json!(1_000 + index));
    put("name", json!(format!("{} {} {index}", pick(&FIRST, random), pick(&SECOND, random))));
    put("icon", json!(pick(&ICONS, random)));
    put("category", json!("vegan_friendly"));
    put("addr_street", json!(format!("Straße {}", random.random_range(1..90))));
    put("addr_city", json!(city));
    put("addr_country", json!(country));
    put("cuisine", json!(pick(&CUISINES, random)));
    put("opening_hours", json!(pick(&HOURS, random)));
    if random.random_ratio(1, 2) {
        put("contact_website", json!(format!("www.place-{index}.example/menu")));
    }
    if random.random_ratio(1, 3) {
        put("contact_phone", json!(format!("+49 30 {index:06};+49 30 0")));
    }
    let offset = |random: &mut ChaCha8Rng| f64::from(random.random_range(-100..100)) / 10_000.0;
    let mut geometry = json!({"type": "Point", "coordinates": [lon + offset(random), lat + offset(random)]});
    match index {
        10 => drop(properties.remove("name")),
        11 => drop(properties.insert("name".into(), json!(" \t "))),
        20 => geometry = Value::Null,
        21 => geometry = json!({"type": "Point", "coordinates": [16.4, 95.0]}),
        // The id of row 29, which is a node.
        30 | 31 => {
            properties.insert("_type".into(), json!("node"));
            properties.insert("_id".into(), json!(1_029));
        }
        40 => drop(properties.insert("name".into(), json!("Very ".repeat(60)))),
        50 => drop(properties.insert("icon".into(), json!("spaceship"))),
        61 => drop(properties.insert("contact_website".into(), json!("not a website"))),
        62 => drop(properties.insert("contact_email".into(), json!("nobody"))),
        63 => drop(properties.insert("contact_phone".into(), json!("0".repeat(41)))),
        64 => drop(properties.insert("opening_hours".into(), json!("Mo-So 9 bis 17 Uhr"))),
        80 => {
            for key in ["contact_website", "contact_phone", "addr_city", "cuisine", "opening_hours"] {
                properties.insert(key.into(), json!(""));
            }
        }
        90 => return json!({"type": "Feature", "geometry": geometry, "properties": null}),
        91 => drop(properties.remove("_id")),
        92 => return json!({"type": "Feature", "geometry": geometry, "properties": "none"}),
        93 => drop(properties.insert("addr_country".into(), json!("Germany"))),
        94 => drop(properties.insert("name".into(), json!("Two\nlines\u{0}and a zero"))),
        _ => {}
    }
    json!({"type": "Feature", "geometry": geometry, "properties": properties})
}

fn pick<'w>(words: &[&'w str], random: &mut ChaCha8Rng) -> &'w str {
    words.choose(random).expect("a list of constants")
}
