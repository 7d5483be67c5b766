//! Random commands: mostly sound ones, with everything in between that clients send.

use command_api::{
    AttributeChanges, Attributes, ChangeBusinessDetails, CloseBusiness, Command, DefineCategory, DefineLocation,
    GivenAddress, GivenLocationKind, GivenPoint, GivenSource, LocalizedNames, Precondition, RecategorizeBusiness,
    RegisterBusiness, RelocateBusiness, RemoveBusiness,
};
use events::{BusinessId, StreamVersion};
use rand::RngExt;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::directory::{Directory, Tree};

/// Few names, so that slugs and places in lists collide.
const NAMES: [&str; 12] = [
    "Blue Door",
    "blue door",
    "Café Zoë",
    "CAFE ZOE",
    "梵",
    "!!!",
    "Ärger",
    "A",
    "Corner House",
    "Corner  House",
    "Æon & Söhne",
    "Zum 3. Hirsch",
];
const SLUGS: [&str; 8] = ["blue-door", "blue-door-2", "zoë", "corner-house", "the-one", "梵", "x", "zum-hirsch"];
const CITIES: [&str; 3] = ["Springfield", "Bonn", "São Paulo"];
const LANGUAGES: [&str; 4] = ["en", "de", "fr", "pt-BR"];
const ZONES: [&str; 3] = ["UTC", "Europe/Berlin", "America/Chicago"];
/// Opening hours that are sound, plain and strange ones; `show.rs` knows what they mean.
pub(crate) const HOURS: [&str; 6] = [
    "Mo-Su 14:00-02:00",
    "24/7",
    "\"by appointment\"",
    "Mo-Fr 09:00-17:00; PH,Sa off \"Ruhetag\" || unknown",
    "Apr-Oct sunrise-sunset; week 50-52 Mo[1] 10:00+;",
    "2026 Dec 24-2027 Jan 6 off, easter -2 days 10:00-12:00/30",
];
/// Opening hours that are not.
const UNSOUND_HOURS: [&str; 6] = ["9-17", "Mo-Fr 09:00-", "week 40-10", "Mo; ; Tu", "always", "Mo-Fr 25:00-26:00"];
/// Nodes that a tree may come to have.
const NODES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
/// Ids in the one source.
const SOURCE_IDS: u32 = 25;

/// A command and what is said with it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) command: Command,
    pub(crate) key: Option<String>,
    pub(crate) if_match: Option<Precondition>,
    /// It must be refused for its shape alone.
    pub(crate) is_invalid: bool,
}

/// Makes commands.
#[derive(Default)]
pub(crate) struct Generator {
    keys: u64,
}

impl Generator {
    /// The next command for a directory in this state.
    pub(crate) fn next(&mut self, directory: &Directory, rng: &mut ChaCha8Rng) -> Asked {
        if !directory.keys.is_empty() && rng.random_bool(0.06) {
            return again(directory, rng);
        }
        let mut asked = Asked { command: command(directory, rng), key: None, if_match: None, is_invalid: false };
        if rng.random_bool(0.5) {
            self.keys += 1;
            asked.key = Some(format!("key-{}", self.keys));
        }
        if let Some(id) = subject(&asked.command)
            && let Some(index) = directory.find(id.0)
            && rng.random_bool(0.3)
        {
            let version = directory.businesses[index].version;
            let version = if rng.random_bool(0.7) { version } else { version.saturating_sub(1) };
            asked.if_match = Some(Precondition::Version(StreamVersion(version)));
        }
        if rng.random_bool(0.05) {
            spoil(&mut asked.command, rng);
            asked.is_invalid = true;
        }
        asked
    }
}

/// A key that was used: with the same command, with another, or under another condition.
fn again(directory: &Directory, rng: &mut ChaCha8Rng) -> Asked {
    let keys: Vec<_> = directory.keys.keys().collect();
    let key = (*keys.choose(rng).unwrap()).clone();
    let remembered = &directory.keys[&key];
    let command = if rng.random_bool(0.7) {
        remembered.command.clone()
    } else {
        Command::DefineCategory("a".to_owned(), DefineCategory { parent: None, names: names(rng) })
    };
    let if_match = if rng.random_bool(0.8) { remembered.if_match } else { Some(Precondition::Exists) };
    Asked { command, key: Some(key), if_match, is_invalid: false }
}

fn subject(command: &Command) -> Option<BusinessId> {
    match command {
        Command::ChangeBusinessDetails(id, _)
        | Command::RelocateBusiness(id, _)
        | Command::RecategorizeBusiness(id, _)
        | Command::CloseBusiness(id, _)
        | Command::RemoveBusiness(id, _) => Some(*id),
        _ => None,
    }
}

fn command(directory: &Directory, rng: &mut ChaCha8Rng) -> Command {
    // Without categories nothing can be registered.
    if directory.categories.len() < 2 || rng.random_bool(0.08) {
        let slug = (*NODES.choose(rng).unwrap()).to_owned();
        let parent = parent(directory, Tree::Categories, &slug, rng);
        return Command::DefineCategory(slug, DefineCategory { parent, names: names(rng) });
    }
    if directory.locations.len() < 2 || rng.random_bool(0.06) {
        let slug = (*NODES.choose(rng).unwrap()).to_owned();
        let parent = parent(directory, Tree::Locations, &slug, rng);
        let kind = [GivenLocationKind::Country, GivenLocationKind::City][rng.random_range(0..2)];
        let point = maybe(rng, 0.3, point);
        return Command::DefineLocation(slug, DefineLocation { parent, kind, names: names(rng), point });
    }
    if directory.businesses.is_empty() || rng.random_bool(0.4) {
        let upsert = rng.random_bool(0.35);
        let body = Box::new(business(directory, upsert, rng));
        return if upsert { Command::UpsertBusinessFromSource(body) } else { Command::RegisterBusiness(body) };
    }
    let id = match rng.random_bool(0.97) {
        true => directory.businesses[rng.random_range(0..directory.businesses.len())].id,
        false => Uuid::from_u128(rng.random()),
    };
    about(directory, BusinessId(id), rng)
}

fn about(directory: &Directory, id: BusinessId, rng: &mut ChaCha8Rng) -> Command {
    match rng.random_range(0..100) {
        0..45 => Command::ChangeBusinessDetails(id, Box::new(change(rng))),
        45..63 => {
            let body = RelocateBusiness {
                location: maybe(rng, 0.8, |rng| node(directory, Tree::Locations, rng)),
                address: None,
                point: maybe(rng, 0.5, point),
                time_zone: None,
            };
            let address = maybe(rng, 0.5, |rng| address(body.location.is_some(), rng));
            // With a point and no time zone the directory would find one out; that is not modelled.
            let time_zone = maybe(rng, if body.point.is_some() { 1.0 } else { 0.3 }, zone);
            Command::RelocateBusiness(id, Box::new(RelocateBusiness { address, time_zone, ..body }))
        }
        63..80 => {
            let categories = categories(directory, rng);
            let primary_category = maybe(rng, 0.4, |rng| categories.choose(rng).unwrap().clone());
            Command::RecategorizeBusiness(id, RecategorizeBusiness { categories, primary_category })
        }
        80..92 => Command::CloseBusiness(id, CloseBusiness { reason: maybe(rng, 0.5, text) }),
        _ => Command::RemoveBusiness(id, RemoveBusiness { reason: text(rng) }),
    }
}

fn business(directory: &Directory, with_source: bool, rng: &mut ChaCha8Rng) -> RegisterBusiness {
    let categories = categories(directory, rng);
    let location = maybe(rng, 0.7, |rng| node(directory, Tree::Locations, rng));
    let point = maybe(rng, 0.5, point);
    RegisterBusiness {
        slug: maybe(rng, 0.15, slug),
        name: (*NAMES.choose(rng).unwrap()).to_owned(),
        description: maybe(rng, 0.5, text),
        primary_category: maybe(rng, 0.3, |rng| categories.choose(rng).unwrap().clone()),
        categories,
        address: maybe(rng, 0.5, |rng| address(location.is_some(), rng)),
        location,
        time_zone: maybe(rng, if point.is_some() { 1.0 } else { 0.2 }, zone),
        point,
        phone: maybe(rng, 0.5, |_| "+1 217 555 0113".to_owned()),
        email: maybe(rng, 0.3, |_| "moe@moes.example".to_owned()),
        website: maybe(rng, 0.4, |_| "https://moes.example/".to_owned()),
        opening_hours: maybe(rng, 0.4, |rng| (*HOURS.choose(rng).unwrap()).to_owned()),
        attributes: Attributes(attributes(rng).into_iter().filter_map(|(key, value)| Some((key, value?))).collect()),
        source: (with_source || rng.random_bool(0.1)).then(|| GivenSource {
            system: "test".to_owned(),
            external_id: rng.random_range(0..SOURCE_IDS).to_string(),
            licence: maybe(rng, 0.5, |_| "ODbL-1.0".to_owned()),
            attribution: maybe(rng, 0.5, text),
        }),
    }
}

fn change(rng: &mut ChaCha8Rng) -> ChangeBusinessDetails {
    let hours = *HOURS.choose(rng).unwrap();
    let removable =
        |rng: &mut ChaCha8Rng, value: &str| maybe(rng, 0.25, |rng| rng.random_bool(0.6).then(|| value.to_owned()));
    ChangeBusinessDetails {
        slug: maybe(rng, 0.25, slug),
        name: maybe(rng, 0.4, |rng| (*NAMES.choose(rng).unwrap()).to_owned()),
        description: removable(rng, "Two \"lines\"\nof it"),
        phone: removable(rng, "+49 228 0"),
        email: removable(rng, "a@b.example"),
        website: removable(rng, "http://b.example/?q=%20"),
        opening_hours: removable(rng, hours),
        attributes: AttributeChanges(attributes(rng).into_iter().collect()),
    }
}

fn attributes(rng: &mut ChaCha8Rng) -> Vec<(String, Option<String>)> {
    let mut attributes = Vec::new();
    if rng.random_bool(0.4) {
        let popularity: u64 = 10_u64.pow(rng.random_range(0..7)) - u64::from(rng.random_bool(0.5));
        attributes.push(("popularity".to_owned(), Some(popularity.to_string())));
    }
    if rng.random_bool(0.3) {
        attributes.push(("wheelchair".to_owned(), rng.random_bool(0.6).then(|| text(rng))));
    }
    attributes
}

fn names(rng: &mut ChaCha8Rng) -> LocalizedNames {
    let first = *LANGUAGES.choose(rng).unwrap();
    let mut names = LocalizedNames::default();
    for language in LANGUAGES {
        if language == first || rng.random_bool(0.4) {
            names.0.insert(language.to_owned(), text(rng));
        }
    }
    names
}

/// A parent that a node has or may get; now and then another.
fn parent(directory: &Directory, tree: Tree, slug: &str, rng: &mut ChaCha8Rng) -> Option<String> {
    match directory.tree(tree).get(slug) {
        Some(known) if rng.random_bool(0.9) => known.parent.clone(),
        _ => maybe(rng, 0.75, |rng| node(directory, tree, rng)),
    }
    .filter(|parent| parent != slug)
}

/// A node that there is; now and then one that there may not be.
fn node(directory: &Directory, tree: Tree, rng: &mut ChaCha8Rng) -> String {
    let known: Vec<_> = directory.tree(tree).keys().collect();
    match known.choose(rng) {
        // Deep trees are of interest: the newest nodes are the deepest more often than not.
        Some(slug) if rng.random_bool(0.97) => (*slug).clone(),
        _ => (*NODES.choose(rng).unwrap()).to_owned(),
    }
}

fn categories(directory: &Directory, rng: &mut ChaCha8Rng) -> Vec<String> {
    let mut categories = Vec::new();
    for _ in 0..rng.random_range(1..=4) {
        let slug = node(directory, Tree::Categories, rng);
        if !categories.contains(&slug) {
            categories.push(slug);
        }
    }
    categories
}

fn address(located: bool, rng: &mut ChaCha8Rng) -> GivenAddress {
    GivenAddress {
        street: Some(text(rng)),
        locality: maybe(rng, 0.6, |rng| (*CITIES.choose(rng).unwrap()).to_owned()),
        postcode: maybe(rng, 0.3, |_| "62701".to_owned()),
        // Without a location the directory would look for one in the country; that is not modelled.
        country: located.then(|| "US".to_owned()),
        ..GivenAddress::default()
    }
}

fn point(rng: &mut ChaCha8Rng) -> GivenPoint {
    GivenPoint {
        lat: f64::from(rng.random_range(-900..=900)) / 10.0,
        lon: f64::from(rng.random_range(-1800..=1800)) / 10.0,
    }
}

fn zone(rng: &mut ChaCha8Rng) -> String {
    (*ZONES.choose(rng).unwrap()).to_owned()
}

fn slug(rng: &mut ChaCha8Rng) -> String {
    (*SLUGS.choose(rng).unwrap()).to_owned()
}

fn unsound_hours(rng: &mut ChaCha8Rng) -> String {
    (*UNSOUND_HOURS.choose(rng).unwrap()).to_owned()
}

fn text(rng: &mut ChaCha8Rng) -> String {
    format!("text {}", rng.random_range(0..20))
}

fn maybe<T>(rng: &mut ChaCha8Rng, probability: f64, make: impl FnOnce(&mut ChaCha8Rng) -> T) -> Option<T> {
    rng.random_bool(probability).then(|| make(rng))
}

/// Makes a command one that must be refused for its shape.
fn spoil(command: &mut Command, rng: &mut ChaCha8Rng) {
    match command {
        Command::RegisterBusiness(body) | Command::UpsertBusinessFromSource(body) => match rng.random_range(0..6) {
            0 => body.name = " ".to_owned(),
            1 => body.categories.clear(),
            2 => body.slug = Some("Not A Slug".to_owned()),
            3 => body.point = Some(GivenPoint { lat: 91.0, lon: 0.0 }),
            4 => body.opening_hours = Some(unsound_hours(rng)),
            _ => body.website = Some("ftp://b.example/".to_owned()),
        },
        Command::ChangeBusinessDetails(_, body) => match rng.random_range(0..2) {
            0 => body.name = Some("x".repeat(201)),
            _ => body.opening_hours = Some(Some(unsound_hours(rng))),
        },
        Command::RelocateBusiness(_, body) => body.time_zone = Some("not a zone".to_owned()),
        Command::RecategorizeBusiness(_, body) => body.categories = vec!["a".to_owned(); 2],
        Command::CloseBusiness(_, body) => body.reason = Some(String::new()),
        Command::RemoveBusiness(_, body) => body.reason = String::new(),
        Command::DefineCategory(_, body) => body.names.0.clear(),
        Command::DefineLocation(slug, _) => *slug = "Upper".to_owned(),
    }
}
