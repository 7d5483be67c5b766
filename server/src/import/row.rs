//! A feature becomes the facts of a business, by the rules of a mapping.

use std::collections::BTreeMap;

use command_api::{Attributes, GivenAddress, GivenPoint, GivenSource, RegisterBusiness};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::mapping::{Cleaning, Mapping, MemberRule};

/// The most categories that a business has.
const MAX_CATEGORIES: usize = 5;

/// A feature, as far as the import looks into it.
#[derive(Debug, Deserialize)]
struct Feature {
    #[serde(default)]
    geometry: Option<Geometry>,
    #[serde(default)]
    properties: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct Geometry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    coordinates: Value,
}

/// Something about a row that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What it is about, a JSON pointer into the command.
    pub pointer: String,
    /// What is wrong, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl Finding {
    /// A finding.
    pub(super) fn new(pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), code: code.to_owned(), detail: detail.into() }
    }
}

/// What became of a feature.
#[derive(Debug)]
pub(super) struct Row {
    /// The facts, complete but for the location.
    pub business: RegisterBusiness,
    /// What was left out, and why.
    pub warnings: Vec<Finding>,
}

/// A feature that cannot become a business.
#[derive(Debug)]
pub(super) struct RejectedRow {
    /// Its id in the source, if it has one.
    pub external_id: Option<String>,
    /// Why not.
    pub reason: Finding,
}

/// Applies the rules to a feature's text.
///
/// # Errors
/// Something required is missing.
pub(super) fn map_feature(mapping: &Mapping, text: &str) -> Result<Row, RejectedRow> {
    let feature: Feature = serde_json::from_str(text)
        .map_err(|e| RejectedRow { external_id: None, reason: Finding::new("", "malformed_feature", e.to_string()) })?;
    let properties = feature.properties.unwrap_or_default();
    let external_id = fill_template(&mapping.source.external_id, &properties).ok_or_else(|| RejectedRow {
        external_id: None,
        reason: Finding::new("/source/external_id", "required", "the feature has no id"),
    })?;
    let reject = |reason| RejectedRow { external_id: Some(external_id.clone()), reason };

    let mut warnings = Vec::new();
    let mut members = BTreeMap::new();
    for (pointer, rule) in &mapping.members {
        if let Some(value) = member_value(mapping, pointer, rule, &properties, &mut warnings) {
            members.insert(pointer.as_str(), value);
        }
    }
    let name =
        members.remove("/name").ok_or_else(|| reject(Finding::new("/name", "required", "the feature has no name")))?;
    let (categories, rest) = categories_of(mapping, &properties, &mut warnings).map_err(reject)?;
    if let Some((pointer, tokens)) = rest {
        members.insert(pointer, tokens);
    }
    let mut take = |pointer: &str| members.remove(pointer);
    let address = GivenAddress {
        street: take("/address/street"),
        locality: take("/address/locality"),
        region: take("/address/region"),
        postcode: take("/address/postcode"),
        country: take("/address/country"),
    };
    let business = RegisterBusiness {
        slug: take("/slug"),
        name,
        description: take("/description"),
        categories,
        primary_category: None,
        location: take("/location"),
        address: (address != GivenAddress::default()).then_some(address),
        point: point_of(feature.geometry, &mut warnings),
        time_zone: take("/time_zone"),
        phone: take("/phone"),
        email: take("/email"),
        website: take("/website"),
        opening_hours: take("/opening_hours"),
        attributes: Attributes(
            members
                .into_iter()
                .filter_map(|(pointer, value)| Some((pointer.strip_prefix("/attributes/")?.to_owned(), value)))
                .collect(),
        ),
        source: Some(GivenSource {
            system: mapping.source.system.clone(),
            external_id: external_id.clone(),
            licence: mapping.source.licence.clone(),
            attribution: mapping.source.attribution.clone(),
        }),
    };
    Ok(Row { business, warnings })
}

fn member_value(
    mapping: &Mapping,
    pointer: &str,
    rule: &MemberRule,
    properties: &Map<String, Value>,
    warnings: &mut Vec<Finding>,
) -> Option<String> {
    let mut value = match (&rule.from, &rule.template, &rule.constant) {
        (Some(from), _, _) => property(properties, from)?,
        (_, Some(template), _) => fill_template(template, properties)?,
        (_, _, constant) => constant.clone()?,
    };
    if let Some((first, _)) = rule.first_of.as_ref().and_then(|separator| value.split_once(separator.as_str())) {
        value = tidy(first);
    }
    if value.is_empty() || rule.ignore.contains(&value) {
        return None;
    }
    for cleaning in &rule.clean {
        value = clean(*cleaning, value);
    }
    let Some(lookup) = &rule.lookup else { return Some(value) };
    let found = mapping.lookups.get(lookup).and_then(|table| table.get(&value));
    match found.and_then(|found| found.as_slice().first()) {
        Some(found) => Some(found.clone()),
        None => {
            warnings.push(Finding::new(pointer, "unknown_value", format!("{value:?} is not in lookup {lookup:?}")));
            None
        }
    }
}

fn clean(cleaning: Cleaning, value: String) -> String {
    match cleaning {
        Cleaning::UpperCase => value.to_uppercase(),
        Cleaning::LowerCase => value.to_lowercase(),
        Cleaning::Website if value.contains("://") => value,
        Cleaning::Website => format!("https://{}", value.trim_start_matches('/')),
    }
}

/// The rest of the tokens, and the member that gets them.
type Rest<'m> = Option<(&'m str, String)>;

fn categories_of<'m>(
    mapping: &'m Mapping,
    properties: &Map<String, Value>,
    warnings: &mut Vec<Finding>,
) -> Result<(Vec<String>, Rest<'m>), Finding> {
    let rules = &mapping.categories;
    let kind = property(properties, &rules.from).unwrap_or_default();
    let mut categories = match (mapping.lookups[&rules.lookup].get(&kind), &rules.otherwise) {
        (Some(found), _) => found.as_slice().to_vec(),
        (None, Some(otherwise)) => {
            let detail = format!("{} {kind:?} is unknown; filed under {otherwise:?}", rules.from);
            warnings.push(Finding::new("/categories", "unknown_value", detail));
            vec![otherwise.clone()]
        }
        (None, None) => {
            return Err(Finding::new("/categories", "unknown_value", format!("{} {kind:?} is unknown", rules.from)));
        }
    };
    let Some(more) = &rules.more else { return Ok((categories, None)) };
    let Some(tokens) = property(properties, &more.from) else { return Ok((categories, None)) };
    let table = &mapping.lookups[&more.lookup];
    let mut added = 0;
    let mut rest: Vec<String> = Vec::new();
    for token in tokens.split(more.split.as_str()).map(|token| tidy(token).to_lowercase()) {
        if token.is_empty() {
            continue;
        }
        let known = table.get(&token).and_then(|found| found.as_slice().first());
        match known {
            Some(category) if categories.contains(category) => {}
            Some(category) if added < more.at_most && categories.len() < MAX_CATEGORIES => {
                added += 1;
                categories.push(category.clone());
            }
            _ if rest.contains(&token) => {}
            _ => rest.push(token),
        }
    }
    let rest = more.rest.as_deref().filter(|_| !rest.is_empty()).map(|pointer| (pointer, rest.join(&more.split)));
    Ok((categories, rest))
}

/// Coordinates are optional: what is wrong with them is warned about, and the business goes without.
fn point_of(geometry: Option<Geometry>, warnings: &mut Vec<Finding>) -> Option<GivenPoint> {
    let Some(geometry) = geometry else {
        warnings.push(Finding::new("/point", "no_geometry", "the feature has no geometry"));
        return None;
    };
    let number = |i: usize| geometry.coordinates.get(i).and_then(Value::as_f64);
    let (Some(lon), Some(lat)) = (number(0), number(1)) else {
        warnings.push(Finding::new("/point", "not_a_point", format!("a {} is not a point", geometry.kind)));
        return None;
    };
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
        warnings.push(Finding::new("/point", "out_of_range", format!("{lat}, {lon} is not on the earth")));
        return None;
    }
    Some(GivenPoint { lat, lon })
}

/// A property as text; absent when it is missing, empty, or neither text nor number nor boolean.
fn property(properties: &Map<String, Value>, name: &str) -> Option<String> {
    let value = if name.starts_with('/') { pointed_at(properties, name)? } else { properties.get(name)? };
    let text = match value {
        Value::String(text) => tidy(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// RFC 6901, from the properties down.
fn pointed_at<'p>(properties: &'p Map<String, Value>, pointer: &str) -> Option<&'p Value> {
    let mut parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let first = properties.get(&parts.next()?)?;
    parts.try_fold(first, |at, part| match at {
        Value::Object(map) => map.get(&part),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// `{a}/{b}` with properties put in; `None` when one is absent.
fn fill_template(template: &str, properties: &Map<String, Value>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&property(properties, name)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// Trimmed, white space in single blanks, no control characters.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    tidy
}

/// Takes an optional member out of a business. `false`: it is required, or there is nothing to take out.
pub(super) fn leave_out(business: &mut RegisterBusiness, pointer: &str) -> bool {
    fn taken<T>(member: &mut Option<T>) -> bool {
        member.take().is_some()
    }
    if let Some(key) = pointer.strip_prefix("/attributes/") {
        let key = key.replace("~1", "/").replace("~0", "~");
        return business.attributes.0.remove(&key).is_some();
    }
    if let (Some(part), Some(address)) = (pointer.strip_prefix("/address/"), &mut business.address) {
        return match part {
            "street" => taken(&mut address.street),
            "locality" => taken(&mut address.locality),
            "region" => taken(&mut address.region),
            "postcode" => taken(&mut address.postcode),
            "country" => taken(&mut address.country),
            _ => false,
        };
    }
    match pointer.split('/').nth(1) {
        Some("slug") => taken(&mut business.slug),
        Some("description") => taken(&mut business.description),
        Some("location") => taken(&mut business.location),
        Some("point") => taken(&mut business.point),
        Some("time_zone") => taken(&mut business.time_zone),
        Some("phone") => taken(&mut business.phone),
        Some("email") => taken(&mut business.email),
        Some("website") => taken(&mut business.website),
        Some("opening_hours") => taken(&mut business.opening_hours),
        _ => false,
    }
}
