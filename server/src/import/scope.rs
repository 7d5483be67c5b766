//! What a file is whole in: a business of this scope that the file does not have is gone.

use std::collections::BTreeMap;

use command_api::{RegisterBusiness, SourceBusiness};
use serde::Deserialize;

/// A source system's businesses, all of them or those with certain values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Member (JSON pointer) to the values that are in the scope; all of them must fit.
    #[serde(default, rename = "where")]
    pub conditions: BTreeMap<String, Vec<String>>,
}

impl Scope {
    /// From options: `all`, or `/address/country=US`, several of them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn parse(options: &[String]) -> Result<Self, String> {
        let mut scope = Self::default();
        for option in options.iter().filter(|option| *option != "all") {
            let (member, value) =
                option.split_once('=').ok_or_else(|| format!("--scope {option:?}: `all` or MEMBER=VALUE is needed"))?;
            scope.conditions.entry(member.to_owned()).or_default().push(value.to_owned());
        }
        if scope.conditions.is_empty() != options.iter().any(|option| option == "all") {
            return Err("--scope: either `all` or values of members".to_owned());
        }
        scope.check().map(|()| scope)
    }

    /// Whether the conditions are about members that a business is looked at for.
    ///
    /// # Errors
    /// The one that is not.
    pub(super) fn check(&self) -> Result<(), String> {
        let fits = |member: &str| {
            let part = member.strip_prefix("/address/");
            part.is_some_and(|part| ["street", "locality", "region", "postcode", "country"].contains(&part))
                || member.strip_prefix("/attributes/").is_some_and(|key| !key.is_empty())
        };
        match self.conditions.keys().find(|member| !fits(member)) {
            Some(member) => Err(format!("scope: {member:?} is not a member of the address or the attributes")),
            None => Ok(()),
        }
    }

    /// Whether a business of the directory is in it.
    pub(super) fn has(&self, business: &SourceBusiness) -> bool {
        self.conditions
            .iter()
            .all(|(member, values)| business.members.get(member).is_some_and(|value| values.contains(value)))
    }

    /// Whether a row is in it.
    pub(super) fn has_row(&self, business: &RegisterBusiness) -> bool {
        self.conditions.iter().all(|(member, values)| {
            let address = business.address.as_ref();
            let value = match member.as_str() {
                "/address/street" => address.and_then(|address| address.street.as_ref()),
                "/address/locality" => address.and_then(|address| address.locality.as_ref()),
                "/address/region" => address.and_then(|address| address.region.as_ref()),
                "/address/postcode" => address.and_then(|address| address.postcode.as_ref()),
                "/address/country" => address.and_then(|address| address.country.as_ref()),
                other => other.strip_prefix("/attributes/").and_then(|key| business.attributes.0.get(key)),
            };
            value.is_some_and(|value| values.contains(value))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> Result<Scope, String> {
        Scope::parse(&options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_scope_is_all_or_what_fits_every_member() {
        assert_eq!(parse(&["all"]).unwrap(), Scope::default());
        let scope = parse(&["/address/country=AT", "/address/country=DE", "/attributes/set=a=b"]).unwrap();
        let business = |country: &str, set: &str| RegisterBusiness {
            address: Some(command_api::GivenAddress { country: Some(country.to_owned()), ..Default::default() }),
            attributes: command_api::Attributes([("set".to_owned(), set.to_owned())].into()),
            ..RegisterBusiness::default()
        };
        assert!(scope.has_row(&business("DE", "a=b")));
        assert!(!scope.has_row(&business("FR", "a=b")) && !scope.has_row(&business("AT", "b")));
        assert!(!scope.has_row(&RegisterBusiness::default()));
        for wrong in [&["all", "/address/country=AT"][..], &["country"], &["/name=x"], &[]] {
            parse(wrong).unwrap_err();
        }
    }
}
