//! A row becomes the facts of a business, by the rules of a mapping.

use std::collections::BTreeMap;

use command_api::{Attributes, GivenAddress, GivenSource, RegisterBusiness};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{Fields, tidy};
use super::finding::Finding;
use super::mapping::{Cleaning, Mapping, MemberRule};
use super::point::{Geometry, point_of_fields, point_of_geometry};
use super::raw_row::RowContent;

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

/// What became of a row.
#[derive(Debug)]
pub(super) struct Row {
    /// The facts, complete but for the location.
    pub business: RegisterBusiness,
    /// What was left out, and why.
    pub warnings: Vec<Finding>,
}

/// A row that does not become a business.
#[derive(Debug)]
pub(super) struct RefusedRow {
    /// Its id in the source, if it has one.
    pub external_id: Option<String>,
    /// Why not.
    pub reason: Finding,
    /// Whether the mapping wants it to be left out: as if it were not in the file.
    pub is_skipped: bool,
}

impl RefusedRow {
    fn new(external_id: Option<String>, reason: Finding) -> Self {
        Self { external_id, reason, is_skipped: false }
    }
}

/// Applies the rules to a row.
///
/// # Errors
/// It cannot be read, something required is missing, or the mapping leaves it out.
pub(super) fn map_row(mapping: &Mapping, content: RowContent) -> Result<Row, RefusedRow> {
    let (fields, geometry) = match content {
        RowContent::Broken(reason) => return Err(RefusedRow::new(None, reason)),
        RowContent::Feature(text) => {
            let feature: Feature = serde_json::from_str(text.get()).map_err(|e| malformed("malformed_feature", &e))?;
            (Fields::Object(feature.properties.unwrap_or_default()), Some(feature.geometry))
        }
        RowContent::Object(text) => {
            let members = serde_json::from_str(text.get()).map_err(|e| malformed("malformed_row", &e))?;
            (Fields::Object(members), None)
        }
        RowContent::Record(record) => (Fields::Record(record), None),
    };
    map_fields(mapping, &fields, geometry)
}

fn malformed(code: &str, error: &serde_json::Error) -> RefusedRow {
    RefusedRow::new(None, Finding::new("", code, error.to_string()))
}

/// `geometry` is absent in formats that have none, and `Some(None)` in a feature that should have one.
fn map_fields(mapping: &Mapping, fields: &Fields, geometry: Option<Option<Geometry>>) -> Result<Row, RefusedRow> {
    let external_id = fields.fill(&mapping.source.external_id);
    let refuse = |reason| RefusedRow::new(external_id.clone(), reason);
    if let Some(reason) = fields.undecodable() {
        return Err(refuse(reason.clone()));
    }
    let Some(external_id) = &external_id else {
        return Err(refuse(Finding::new("/source/external_id", "required", "the row has no id")));
    };
    let skipped = mapping.skip.iter().find_map(|rule| {
        let value = fields.text(&rule.from).filter(|value| rule.values.contains(value))?;
        Some(Finding::new("", "skipped", format!("{} is {value:?}: {}", rule.from, rule.reason)))
    });
    if let Some(reason) = skipped {
        return Err(RefusedRow { is_skipped: true, ..refuse(reason) });
    }

    let mut warnings = Vec::new();
    let mut members = BTreeMap::new();
    for (pointer, rule) in &mapping.members {
        if let Some(value) = member_value(mapping, pointer, rule, fields, &mut warnings) {
            members.insert(pointer.as_str(), value);
        }
    }
    let name =
        members.remove("/name").ok_or_else(|| refuse(Finding::new("/name", "required", "the row has no name")))?;
    let (categories, rest) = categories_of(mapping, fields, &mut warnings).map_err(refuse)?;
    if let Some((pointer, tokens)) = rest {
        members.insert(pointer, tokens);
    }
    let point = match (&mapping.point, geometry) {
        (Some(rule), _) => point_of_fields(rule, fields, &mut warnings),
        (None, Some(geometry)) => point_of_geometry(geometry, &mut warnings),
        (None, None) => None,
    };
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
        point,
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
    fields: &Fields,
    warnings: &mut Vec<Finding>,
) -> Option<String> {
    let mut value = match rule {
        MemberRule { from: Some(from), .. } => fields.text(from)?,
        MemberRule { template: Some(template), .. } => fields.fill(template)?,
        MemberRule { join: Some(names), .. } => {
            names.iter().filter_map(|name| fields.text(name)).collect::<Vec<_>>().join(", ")
        }
        MemberRule { constant, .. } => constant.clone()?,
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
    fields: &Fields,
    warnings: &mut Vec<Finding>,
) -> Result<(Vec<String>, Rest<'m>), Finding> {
    let rules = &mapping.categories;
    let mut categories = match (&rules.always, &rules.from, &rules.lookup) {
        (Some(always), _, _) => always.as_slice().to_vec(),
        (None, Some(from), Some(lookup)) => {
            let kind = fields.text(from).unwrap_or_default();
            match (mapping.lookups[lookup].get(&kind), &rules.otherwise) {
                (Some(found), _) => found.as_slice().to_vec(),
                (None, Some(otherwise)) => {
                    let detail = format!("{from} {kind:?} is unknown; filed under {otherwise:?}");
                    warnings.push(Finding::new("/categories", "unknown_value", detail));
                    vec![otherwise.clone()]
                }
                (None, None) => {
                    return Err(Finding::new("/categories", "unknown_value", format!("{from} {kind:?} is unknown")));
                }
            }
        }
        _ => Vec::new(),
    };
    let Some(more) = &rules.more else { return Ok((categories, None)) };
    let Some(tokens) = fields.text(&more.from) else { return Ok((categories, None)) };
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
