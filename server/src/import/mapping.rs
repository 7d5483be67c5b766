//! The mapping file: which field of a row becomes which member of a business.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::fields::names_in;
use super::file_rules::FileRules;
use super::scope::Scope;
use crate::exit::Refusal;

/// A whole mapping file. Unknown keys are refused, with their place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// How the file is read.
    #[serde(default)]
    pub file: FileRules,
    /// Where the data comes from.
    pub source: SourceRule,
    /// What the file is whole in; without it nothing is ever gone.
    pub scope: Option<Scope>,
    /// JSON pointer of a member of `RegisterBusiness` -> where its value comes from.
    pub members: BTreeMap<String, MemberRule>,
    /// Where its coordinates come from; a GeoJSON feature has them in its geometry.
    pub point: Option<PointRule>,
    /// How businesses are filed.
    pub categories: CategoryRules,
    /// Rows that are left out as if they were not in the file.
    #[serde(default)]
    pub skip: Vec<SkipRule>,
    /// Tables by name.
    #[serde(default)]
    pub lookups: BTreeMap<String, BTreeMap<String, OneOrMany>>,
    /// The categories that rules lead to, parents first.
    #[serde(default)]
    pub category: Vec<CategoryNode>,
}

/// Where the data comes from; recorded with every business.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRule {
    /// Name of the source system.
    pub system: String,
    /// Template of the id there, for example `{_type}/{_id}`.
    pub external_id: String,
    /// SPDX licence id.
    pub licence: Option<String>,
    /// Text that must be shown with the data.
    pub attribution: Option<String>,
}

/// Rows that are left out as if they were not in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkipRule {
    /// The field that is looked at.
    pub from: String,
    /// Rows with one of these values are left out.
    pub values: Vec<String>,
    /// Why; stands in the report.
    pub reason: String,
}

/// Where coordinates come from: degrees, WGS 84.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointRule {
    /// The field with the latitude.
    pub latitude: String,
    /// The field with the longitude.
    pub longitude: String,
}

/// Where a member's value comes from. Exactly one of `from`, `template`, `constant`, `join`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRule {
    /// A field by name; in JSON by JSON pointer if it starts with `/`.
    pub from: Option<String>,
    /// Text with fields in braces; absent when one of them is.
    pub template: Option<String>,
    /// The same text for every row.
    pub constant: Option<String>,
    /// Fields one after the other, those that are there, with `, ` between them.
    pub join: Option<Vec<String>>,
    /// Takes what stands before the first of this separator.
    pub first_of: Option<String>,
    /// Leaves the member out when the value is one of these.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// Applied in order.
    #[serde(default)]
    pub clean: Vec<Cleaning>,
    /// A table in `lookups`; a value that is not in it is left out, with a warning.
    pub lookup: Option<String>,
}

/// What is done to a value. Trimming, and folding white space into single blanks, is always done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleaning {
    /// Puts `https://` before a bare address.
    Website,
    /// `us` -> `US`.
    UpperCase,
    /// `Pizza` -> `pizza`.
    LowerCase,
}

/// How businesses are filed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryRules {
    /// The same categories for every row, the primary one first; instead of `from` and `lookup`.
    pub always: Option<OneOrMany>,
    /// The field that names the kind of business.
    pub from: Option<String>,
    /// Table from its value to one or more category slugs, the primary one first.
    pub lookup: Option<String>,
    /// Slug for values that are not in the table; they are warned about. Without it such rows are rejected.
    pub otherwise: Option<String>,
    /// A field with further categories.
    pub more: Option<MoreCategories>,
}

/// A field with further categories.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoreCategories {
    /// The field.
    pub from: String,
    /// What separates its tokens.
    pub split: String,
    /// Table from token to category slug.
    pub lookup: String,
    /// At most so many of them.
    pub at_most: usize,
    /// Pointer of the member that gets the tokens which are in no table, joined by the separator.
    pub rest: Option<String>,
}

/// One value or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a list.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A category that the import defines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryNode {
    /// Its slug.
    pub slug: String,
    /// The slug above.
    pub parent: Option<String>,
    /// BCP 47 tag to name.
    pub names: BTreeMap<String, String>,
}

/// Members that rules may fill; `/attributes/<key>` besides.
const MEMBERS: [&str; 15] = [
    "/slug",
    "/name",
    "/description",
    "/address/street",
    "/address/locality",
    "/address/region",
    "/address/postcode",
    "/address/country",
    "/time_zone",
    "/phone",
    "/email",
    "/website",
    "/opening_hours",
    "/location",
    "/attributes",
];

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// [`Refusal::Configuration`] that says where the mistake is.
    pub fn load(file: &Path) -> Result<Self, Refusal> {
        let refuse = |reason: String| Refusal::Configuration(format!("mapping {}: {reason}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        Self::parse(&text).map_err(refuse)
    }

    /// Parses and checks the text of a mapping.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mapping: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        mapping.check()?;
        Ok(mapping)
    }

    fn check(&self) -> Result<(), String> {
        if !self.members.contains_key("/name") {
            return Err("members: a rule for \"/name\" is needed".to_owned());
        }
        for (pointer, rule) in &self.members {
            check_member(pointer)?;
            let given = [&rule.from, &rule.template, &rule.constant].into_iter().flatten().count();
            if given + usize::from(rule.join.is_some()) != 1 {
                return Err(format!("members.{pointer:?}: exactly one of from, template, constant, join is needed"));
            }
            if let Some(template) = &rule.template {
                names_in(template).map_err(|e| format!("members.{pointer:?}: {e}"))?;
            }
            if let Some(lookup) = &rule.lookup {
                self.check_lookup(lookup, &format!("members.{pointer:?}"))?;
            }
        }
        self.scope.as_ref().map_or(Ok(()), Scope::check)?;
        names_in(&self.source.external_id).map_err(|e| format!("source.external_id: {e}"))?;
        let rules = &self.categories;
        let mut targets: Vec<&String> = rules.otherwise.iter().collect();
        match (&rules.always, &rules.from, &rules.lookup) {
            (Some(always), None, None) if rules.otherwise.is_none() && !always.as_slice().is_empty() => {
                targets.extend(always.as_slice());
            }
            (None, Some(_), Some(lookup)) => {
                self.check_lookup(lookup, "categories.lookup")?;
                targets.extend(self.lookups[lookup].values().flat_map(OneOrMany::as_slice));
            }
            _ => return Err("categories: either always, or from and lookup are needed".to_owned()),
        }
        if let Some(more) = &self.categories.more {
            self.check_lookup(&more.lookup, "categories.more.lookup")?;
            if more.split.is_empty() {
                return Err("categories.more.split: a separator is needed".to_owned());
            }
            if let Some(rest) = &more.rest {
                check_member(rest)?;
            }
            targets.extend(self.lookups[&more.lookup].values().flat_map(OneOrMany::as_slice));
        }
        let mut defined = Vec::new();
        for node in &self.category {
            if let Some(parent) = node.parent.as_ref().filter(|parent| !defined.contains(parent)) {
                return Err(format!("category {:?}: its parent {parent:?} is not defined before it", node.slug));
            }
            defined.push(&node.slug);
        }
        match targets.into_iter().find(|target| !defined.contains(target)) {
            Some(target) => Err(format!("a lookup leads to category {target:?}, which is not defined")),
            None => Ok(()),
        }
    }

    /// The fields that the rules read: what a file must have as columns.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut names = names_in(&self.source.external_id).unwrap_or_default();
        for rule in self.members.values() {
            names.extend(rule.from.as_deref());
            names.extend(rule.join.iter().flatten().map(String::as_str));
            names.extend(rule.template.iter().flat_map(|template| names_in(template).unwrap_or_default()));
        }
        names.extend(self.point.iter().flat_map(|point| [point.latitude.as_str(), point.longitude.as_str()]));
        names.extend(self.categories.from.as_deref());
        names.extend(self.categories.more.as_ref().map(|more| more.from.as_str()));
        names.extend(self.skip.iter().map(|rule| rule.from.as_str()));
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(str::to_owned).collect()
    }

    fn check_lookup(&self, name: &str, place: &str) -> Result<(), String> {
        if self.lookups.contains_key(name) { Ok(()) } else { Err(format!("{place}: there is no lookup {name:?}")) }
    }
}

fn check_member(pointer: &str) -> Result<(), String> {
    let is_attribute = pointer.strip_prefix("/attributes/").is_some_and(|key| !key.is_empty() && !key.contains('/'));
    if is_attribute || (MEMBERS.contains(&pointer) && pointer != "/attributes") {
        return Ok(());
    }
    Err(format!("members.{pointer:?}: a business has no such member"))
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
