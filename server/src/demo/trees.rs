//! The two trees of the demo directory. Slugs and parents agree with `mappings/osm-places.toml`.

use events::LocationKind;

/// Slug, slug of the parent, English name, German name, share of the businesses.
pub(super) type CategorySeed = (&'static str, Option<&'static str>, &'static str, &'static str, u32);

/// 40 categories in two levels.
pub(super) const CATEGORIES: [CategorySeed; 40] = [
    ("food-and-drink", None, "Food and drink", "Essen und Trinken", 0),
    ("restaurant", Some("food-and-drink"), "Restaurants", "Restaurants", 18),
    ("fast-food", Some("food-and-drink"), "Fast food", "Schnellimbisse", 8),
    ("cafe", Some("food-and-drink"), "Cafés", "Cafés", 10),
    ("bar", Some("food-and-drink"), "Bars", "Bars", 5),
    ("pub", Some("food-and-drink"), "Pubs", "Kneipen", 4),
    ("ice-cream", Some("food-and-drink"), "Ice cream", "Eisdielen", 2),
    ("bakery", Some("food-and-drink"), "Bakeries", "Bäckereien", 5),
    ("shop", None, "Shops", "Geschäfte", 0),
    ("supermarket", Some("shop"), "Supermarkets", "Supermärkte", 4),
    ("convenience-store", Some("shop"), "Convenience stores", "Kleine Lebensmittelläden", 4),
    ("clothes-shop", Some("shop"), "Clothes", "Kleidung", 4),
    ("gift-shop", Some("shop"), "Gifts", "Geschenke", 2),
    ("bicycle-shop", Some("shop"), "Bicycles", "Fahrräder", 2),
    ("book-shop", Some("shop"), "Books", "Bücher", 2),
    ("lodging", None, "Places to stay", "Unterkünfte", 0),
    ("hotel", Some("lodging"), "Hotels", "Hotels", 4),
    ("hostel", Some("lodging"), "Hostels", "Herbergen", 1),
    ("guest-house", Some("lodging"), "Guest houses", "Pensionen", 2),
    ("service", None, "Services", "Dienstleistungen", 0),
    ("hairdresser", Some("service"), "Hairdressers", "Friseure", 5),
    ("beauty-salon", Some("service"), "Beauty salons", "Kosmetik", 3),
    ("laundry", Some("service"), "Laundries", "Wäschereien", 1),
    ("tailor", Some("service"), "Tailors", "Schneidereien", 1),
    ("fuel-station", Some("service"), "Fuel stations", "Tankstellen", 2),
    ("health", None, "Health", "Gesundheit", 0),
    ("pharmacy", Some("health"), "Pharmacies", "Apotheken", 3),
    ("dentist", Some("health"), "Dentists", "Zahnärzte", 3),
    ("doctor", Some("health"), "Doctors", "Ärzte", 3),
    ("optician", Some("health"), "Opticians", "Optiker", 1),
    ("leisure", None, "Culture and leisure", "Kultur und Freizeit", 0),
    ("cinema", Some("leisure"), "Cinemas", "Kinos", 1),
    ("museum", Some("leisure"), "Museums", "Museen", 1),
    ("theatre", Some("leisure"), "Theatres", "Theater", 1),
    ("library", Some("leisure"), "Libraries", "Bibliotheken", 1),
    ("sports", Some("leisure"), "Sports", "Sport", 2),
    ("education", None, "Education", "Bildung", 0),
    ("school", Some("education"), "Schools", "Schulen", 1),
    ("language-school", Some("education"), "Language schools", "Sprachschulen", 1),
    ("music-school", Some("education"), "Music schools", "Musikschulen", 1),
];

/// A node of the location tree.
pub(super) struct LocationSeed {
    pub(super) slug: &'static str,
    pub(super) parent: Option<&'static str>,
    pub(super) kind: LocationKind,
    /// English, German, and where it differs the local name with its language.
    pub(super) names: (&'static str, &'static str, Option<(&'static str, &'static str)>),
    pub(super) lat: f64,
    pub(super) lon: f64,
    /// Time zone and share of the businesses; cities only.
    pub(super) city: Option<(&'static str, u32)>,
}

type Local = Option<(&'static str, &'static str)>;

const fn country(slug: &'static str, en: &'static str, de: &'static str, local: Local, at: (f64, f64)) -> LocationSeed {
    let names = (en, de, local);
    LocationSeed { slug, parent: None, kind: LocationKind::Country, names, lat: at.0, lon: at.1, city: None }
}

const fn region(
    slug: &'static str,
    parent: &'static str,
    en: &'static str,
    de: &'static str,
    local: Local,
    at: (f64, f64),
) -> LocationSeed {
    let names = (en, de, local);
    LocationSeed { slug, parent: Some(parent), kind: LocationKind::Region, names, lat: at.0, lon: at.1, city: None }
}

const fn city(
    slug: &'static str,
    parent: &'static str,
    names: (&'static str, &'static str, Local),
    at: (f64, f64),
    time_zone: &'static str,
    share: u32,
) -> LocationSeed {
    let city = Some((time_zone, share));
    LocationSeed { slug, parent: Some(parent), kind: LocationKind::City, names, lat: at.0, lon: at.1, city }
}

/// 60 locations in 9 countries. Parents stand first; slugs are those that the gazetteer gives.
#[rustfmt::skip]
pub(super) const LOCATIONS: [LocationSeed; 60] = [
    country("us", "United States", "Vereinigte Staaten", None, (39.8, -98.6)),
    region("us-il", "us", "Illinois", "Illinois", None, (40.0, -89.2)),
    city("us-il-chicago", "us-il", ("Chicago", "Chicago", None), (41.878, -87.630), "America/Chicago", 9),
    city("us-il-springfield", "us-il", ("Springfield", "Springfield", None), (39.782, -89.650), "America/Chicago", 3),
    city("us-il-peoria", "us-il", ("Peoria", "Peoria", None), (40.694, -89.589), "America/Chicago", 1),
    region("us-ca", "us", "California", "Kalifornien", None, (36.8, -119.4)),
    city("us-ca-san-francisco", "us-ca", ("San Francisco", "San Francisco", None), (37.775, -122.419), "America/Los_Angeles", 7),
    city("us-ca-sacramento", "us-ca", ("Sacramento", "Sacramento", None), (38.582, -121.494), "America/Los_Angeles", 3),
    region("us-ny", "us", "New York State", "Bundesstaat New York", None, (42.9, -75.5)),
    city("us-ny-albany", "us-ny", ("Albany", "Albany", None), (42.653, -73.756), "America/New_York", 3),
    city("us-ny-buffalo", "us-ny", ("Buffalo", "Buffalo", None), (42.886, -78.878), "America/New_York", 2),
    country("de", "Germany", "Deutschland", None, (51.2, 10.4)),
    region("de-bavaria", "de", "Bavaria", "Bayern", None, (48.8, 11.5)),
    city("de-bavaria-munich", "de-bavaria", ("Munich", "München", None), (48.137, 11.576), "Europe/Berlin", 8),
    city("de-bavaria-nuernberg", "de-bavaria", ("Nuremberg", "Nürnberg", None), (49.453, 11.077), "Europe/Berlin", 3),
    region("de-saxony", "de", "Saxony", "Sachsen", None, (51.0, 13.4)),
    city("de-saxony-leipzig", "de-saxony", ("Leipzig", "Leipzig", None), (51.340, 12.375), "Europe/Berlin", 3),
    city("de-saxony-dresden", "de-saxony", ("Dresden", "Dresden", None), (51.050, 13.738), "Europe/Berlin", 3),
    country("at", "Austria", "Österreich", None, (47.6, 14.1)),
    region("at-vienna", "at", "Vienna (state)", "Wien (Land)", None, (48.2, 16.4)),
    city("at-vienna-vienna", "at-vienna", ("Vienna", "Wien", None), (48.208, 16.373), "Europe/Vienna", 6),
    region("at-tyrol", "at", "Tyrol", "Tirol", None, (47.2, 11.4)),
    city("at-tyrol-innsbruck", "at-tyrol", ("Innsbruck", "Innsbruck", None), (47.269, 11.404), "Europe/Vienna", 2),
    country("fr", "France", "Frankreich", Some(("fr", "France")), (46.6, 2.4)),
    region("fr-brittany", "fr", "Brittany", "Bretagne", Some(("fr", "Bretagne")), (48.2, -2.9)),
    city("fr-brittany-rennes", "fr-brittany", ("Rennes", "Rennes", None), (48.117, -1.678), "Europe/Paris", 3),
    city("fr-brittany-brest", "fr-brittany", ("Brest", "Brest", None), (48.390, -4.486), "Europe/Paris", 2),
    region("fr-languedoc-roussillon", "fr", "Languedoc-Roussillon", "Languedoc-Roussillon", None, (43.7, 3.2)),
    city("fr-languedoc-roussillon-montpellier", "fr-languedoc-roussillon", ("Montpellier", "Montpellier", None), (43.611, 3.877), "Europe/Paris", 4),
    city("fr-languedoc-roussillon-nimes", "fr-languedoc-roussillon", ("Nîmes", "Nîmes", None), (43.837, 4.360), "Europe/Paris", 3),
    country("es", "Spain", "Spanien", Some(("es", "España")), (40.0, -3.7)),
    region("es-catalonia", "es", "Catalonia", "Katalonien", Some(("es", "Cataluña")), (41.8, 1.5)),
    city("es-catalonia-barcelona", "es-catalonia", ("Barcelona", "Barcelona", None), (41.3887, 2.1585), "Europe/Madrid", 6),
    city("es-catalonia-girona", "es-catalonia", ("Girona", "Girona", Some(("es", "Gerona"))), (41.983, 2.824), "Europe/Madrid", 1),
    region("es-andalusia", "es", "Andalusia", "Andalusien", Some(("es", "Andalucía")), (37.4, -4.7)),
    city("es-andalusia-sevilla", "es-andalusia", ("Seville", "Sevilla", Some(("es", "Sevilla"))), (37.389, -5.984), "Europe/Madrid", 3),
    city("es-andalusia-granada", "es-andalusia", ("Granada", "Granada", None), (37.177, -3.599), "Europe/Madrid", 2),
    country("gr", "Greece", "Griechenland", Some(("el", "Ελλάδα")), (39.1, 22.9)),
    region("gr-attica", "gr", "Attica", "Attika", Some(("el", "Αττική")), (38.0, 23.7)),
    city("gr-attica-athens", "gr-attica", ("Athens", "Athen", Some(("el", "Αθήνα"))), (37.984, 23.728), "Europe/Athens", 4),
    city("gr-attica-piraeus", "gr-attica", ("Piraeus", "Piräus", Some(("el", "Πειραιάς"))), (37.943, 23.647), "Europe/Athens", 1),
    region("gr-crete", "gr", "Crete", "Kreta", Some(("el", "Κρήτη")), (35.2, 24.9)),
    city("gr-crete-irakleion", "gr-crete", ("Heraklion", "Iraklio", Some(("el", "Ηράκλειο"))), (35.339, 25.133), "Europe/Athens", 2),
    country("jp", "Japan", "Japan", Some(("ja", "日本")), (36.2, 138.3)),
    region("jp-osaka", "jp", "Osaka Prefecture", "Präfektur Osaka", Some(("ja", "大阪府")), (34.6, 135.5)),
    city("jp-osaka-osaka-shi", "jp-osaka", ("Osaka", "Osaka", Some(("ja", "大阪"))), (34.694, 135.502), "Asia/Tokyo", 5),
    region("jp-kyoto", "jp", "Kyoto Prefecture", "Präfektur Kyoto", Some(("ja", "京都府")), (35.2, 135.5)),
    city("jp-kyoto-kyoto", "jp-kyoto", ("Kyoto", "Kyoto", Some(("ja", "京都"))), (35.012, 135.768), "Asia/Tokyo", 4),
    region("jp-hokkaido", "jp", "Hokkaido", "Hokkaidō", Some(("ja", "北海道")), (43.4, 142.9)),
    city("jp-hokkaido-sapporo", "jp-hokkaido", ("Sapporo", "Sapporo", Some(("ja", "札幌"))), (43.062, 141.354), "Asia/Tokyo", 3),
    country("ge", "Georgia", "Georgien", Some(("ka", "საქართველო")), (42.2, 43.5)),
    region("ge-t-bilisi", "ge", "Tbilisi (region)", "Tiflis (Region)", Some(("ka", "თბილისი")), (41.7, 44.8)),
    city("ge-t-bilisi-tbilisi", "ge-t-bilisi", ("Tbilisi", "Tiflis", Some(("ka", "თბილისი"))), (41.717, 44.783), "Asia/Tbilisi", 2),
    region("ge-aj", "ge", "Adjara", "Adscharien", Some(("ka", "აჭარა")), (41.6, 42.1)),
    city("ge-aj-batumi", "ge-aj", ("Batumi", "Batumi", Some(("ka", "ბათუმი"))), (41.642, 41.634), "Asia/Tbilisi", 1),
    country("eg", "Egypt", "Ägypten", Some(("ar", "مصر")), (26.8, 30.8)),
    region("eg-muhafazat-al-qahirah", "eg", "Cairo Governorate", "Gouvernement Kairo", Some(("ar", "محافظة القاهرة")), (30.0, 31.5)),
    city("eg-muhafazat-al-qahirah-cairo", "eg-muhafazat-al-qahirah", ("Cairo", "Kairo", Some(("ar", "القاهرة"))), (30.044, 31.236), "Africa/Cairo", 4),
    region("eg-alexandria", "eg", "Alexandria Governorate", "Gouvernement Alexandria", Some(("ar", "محافظة الإسكندرية")), (30.9, 29.8)),
    city("eg-alexandria-alexandria", "eg-alexandria", ("Alexandria", "Alexandria", Some(("ar", "الإسكندرية"))), (31.200, 29.919), "Africa/Cairo", 2),
];
