//! Maps of a body: a key that stands twice is refused, and an error names the key it is about.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use garde::{Path, Report, Validate};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::limits::{self, attribute, attribute_key, language_tag, line};
use crate::domain::business::MAX_ATTRIBUTES;

/// Further facts about a business, key to text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(example = json!({"wheelchair": "yes", "popularity": "420000"}))]
pub struct Attributes(pub BTreeMap<String, String>);

/// Attributes to set; `null` removes one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(example = json!({"wheelchair": "yes", "smoking": null}))]
pub struct AttributeChanges(pub BTreeMap<String, Option<String>>);

/// BCP 47 language tag to name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(example = json!({"en": "Vienna", "de": "Wien"}))]
pub struct LocalizedNames(pub BTreeMap<String, String>);

impl AttributeChanges {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unique_keys(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for AttributeChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unique_keys(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for LocalizedNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unique_keys(deserializer).map(Self)
    }
}

/// How the error of a key that comes twice begins; the key follows as JSON, whatever is in it.
pub(crate) const DUPLICATE_KEY: &str = "duplicate key ";

fn unique_keys<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct UniqueKeys<V>(PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for UniqueKeys<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry::<String, V>()? {
                if map.contains_key(&key) {
                    let key = serde_json::Value::String(key);
                    return Err(A::Error::custom(format_args!("{DUPLICATE_KEY}{key}")));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(UniqueKeys(PhantomData))
}

/// What must be an object: derived structures would take a list of their members, too, in whatever order it has.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(access))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// An object, or none.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(members)| members))
}

impl Validate for Attributes {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        count(self.0.len(), MAX_ATTRIBUTES, parent, report);
        for (key, value) in &self.0 {
            check(key, attribute_key(key).and_then(|()| attribute(key, value)), parent, report);
        }
    }
}

impl Validate for AttributeChanges {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        count(self.0.len(), MAX_ATTRIBUTES, parent, report);
        for (key, value) in &self.0 {
            let valid = attribute_key(key).and_then(|()| value.as_ref().map_or(Ok(()), |value| attribute(key, value)));
            check(key, valid, parent, report);
        }
    }
}

impl Validate for LocalizedNames {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        count(self.0.len(), limits::MAX_NAMES, parent, report);
        if self.0.is_empty() {
            report.append(parent(), limits::refusal("required", "at least one name"));
        }
        for (tag, name) in &self.0 {
            check(tag, language_tag(tag).and_then(|()| line(200)(name, &())), parent, report);
        }
    }
}

fn count(count: usize, limit: usize, parent: &mut dyn FnMut() -> Path, report: &mut Report) {
    if count > limit {
        report.append(parent(), limits::refusal("too_many", &format!("at most {limit}")));
    }
}

fn check(key: &str, valid: garde::Result, parent: &mut dyn FnMut() -> Path, report: &mut Report) {
    if let Err(error) = valid {
        report.append(parent().join(key), error);
    }
}
