//! What a command names outside of its own stream: categories, locations, places on earth.

use std::sync::Arc;

use event_log::{Claim, ClaimKind};
use events::{Address, CategoryId, LocationId, Point};

use super::CommandService;
use super::error::{CommandError, Refusal};
use super::streams::Reading;
use crate::domain::business::Place;
use crate::domain::{MAX_TREE_DEPTH, category, location};
use crate::places::Places;
use crate::request::InvalidField;

/// A place as it is asked for.
pub(super) struct AskedPlace<'c> {
    pub(super) location: Option<&'c str>,
    pub(super) address: Option<Address>,
    pub(super) point: Option<Point>,
    pub(super) time_zone: Option<&'c str>,
}

/// A place as it will be recorded, and the city for a slug.
pub(super) struct FoundPlace {
    pub(super) place: Place,
    pub(super) city: Option<String>,
}

impl CommandService {
    /// The ids of categories, the primary one first. What is not defined is added to `missing`.
    pub(super) async fn categories(
        &self,
        slugs: &[String],
        primary: Option<&String>,
        reading: &mut Reading,
        missing: &mut Vec<InvalidField>,
    ) -> Result<Vec<CategoryId>, CommandError> {
        let mut ids = Vec::with_capacity(slugs.len());
        for (i, slug) in slugs.iter().enumerate() {
            let id = CategoryId::from_slug(slug);
            let known = self.inner.categories.refer(id.0, reading).await?;
            if known.exists() {
                reading.rests_on(id.into(), known.version);
            } else {
                let detail = format!("there is no category {slug:?}");
                missing.push(InvalidField::new(format!("/categories/{i}"), "category_not_found", detail));
            }
            if Some(slug) == primary { ids.insert(0, id) } else { ids.push(id) }
        }
        Ok(ids)
    }

    /// The place that is meant: the location by its slug, else by the point, else by the address.
    pub(super) async fn place(
        &self,
        asked: AskedPlace<'_>,
        reading: &mut Reading,
        missing: &mut Vec<InvalidField>,
    ) -> Result<FoundPlace, CommandError> {
        let AskedPlace { location, address, point, time_zone } = asked;
        let places = self.loaded_places().await;
        let chain = point.map(|point| places.chain_of_point(point)).unwrap_or_default();
        let city_of_chain = chain.last().filter(|node| node.kind == events::LocationKind::City);
        let city = address
            .as_ref()
            .and_then(|address| address.locality.clone())
            .or_else(|| city_of_chain.map(|node| node.name.clone()));
        let location = match location {
            Some(slug) => {
                let id = self.defined_location(slug, reading).await?;
                if id.is_none() {
                    let detail = format!("there is no location {slug:?}");
                    missing.push(InvalidField::new("/location", "location_not_found", detail));
                }
                id
            }
            None => {
                let by_address = address.as_ref().map(|address| places.chain_of_address(address)).unwrap_or_default();
                // The innermost that the directory has.
                let slugs = chain.iter().rev().chain(by_address.iter().rev()).map(|node| node.slug.as_str());
                self.first_defined_location(&slugs.collect::<Vec<_>>(), reading).await?
            }
        };
        let time_zone = match time_zone {
            Some(name) if !places.is_time_zone(name) => {
                missing.push(InvalidField::new("/time_zone", "invalid", "not an IANA time zone that is known here"));
                None
            }
            Some(name) => Some(name.to_owned()),
            None => point.and_then(|point| places.time_zone(point)).map(str::to_owned),
        };
        Ok(FoundPlace { place: Place { location, address, point, time_zone }, city })
    }

    /// The first of these that is defined. What memory does not tell is asked in one round trip: of the many places on
    /// earth most directories have few.
    async fn first_defined_location(
        &self,
        slugs: &[&str],
        reading: &mut Reading,
    ) -> Result<Option<LocationId>, CommandError> {
        let is_remembered = |slug: &&&str| self.inner.locations.remembers(LocationId::from_slug(slug).0);
        let remembered = slugs.iter().find(is_remembered);
        let asked = slugs.iter().take_while(|slug| !is_remembered(slug));
        let claim = |slug: &&str| Claim { kind: ClaimKind::LocationSlug, value: (*slug).to_owned() };
        let claims: Vec<Claim> = asked.clone().map(claim).collect();
        let owners = if claims.is_empty() { Vec::new() } else { self.inner.journal.find_claims(&claims).await? };
        let defined = asked.zip(owners).find(|(_, owner)| owner.is_some()).map(|(slug, _)| slug);
        match defined.or(remembered) {
            Some(slug) => self.defined_location(slug, reading).await,
            None => Ok(None),
        }
    }

    async fn defined_location(&self, slug: &str, reading: &mut Reading) -> Result<Option<LocationId>, CommandError> {
        let id = LocationId::from_slug(slug);
        let known = self.inner.locations.refer(id.0, reading).await?;
        if !known.exists() {
            return Ok(None);
        }
        reading.rests_on(id.into(), known.version);
        Ok(Some(id))
    }

    async fn loaded_places(&self) -> Arc<Places> {
        let places = self.inner.places.clone();
        if !places.is_loaded() {
            let loading = places.clone();
            // Loading takes longer than a task may hold a worker. If it was cancelled, who needs it loads it.
            let _cancelled_at_shutdown = tokio::task::spawn_blocking(move || loading.load()).await;
        }
        places
    }

    /// The category above and its level. Parents are fixed, so the direct one is all that a decision rests on.
    pub(super) async fn parent_category(
        &self,
        slug: Option<&str>,
        reading: &mut Reading,
    ) -> Result<Option<(CategoryId, usize)>, CommandError> {
        let Some(slug) = slug else { return Ok(None) };
        let id = CategoryId::from_slug(slug);
        let known = self.inner.categories.refer(id.0, reading).await?;
        let Some(defined) = &known.state.defined else {
            return Err(parent_not_found("category_not_found", format!("there is no category {slug:?}")));
        };
        reading.rests_on(id.into(), known.version);
        let mut level = 1;
        let mut above = defined.parent;
        while let Some(id) = above.filter(|_| level < MAX_TREE_DEPTH) {
            level += 1;
            let state: Arc<category::State> = self.inner.categories.refer(id.0, reading).await?.state;
            above = state.defined.as_ref().and_then(|defined| defined.parent);
        }
        Ok(Some((id, level)))
    }

    /// The location around it and its level.
    pub(super) async fn parent_location(
        &self,
        slug: Option<&str>,
        reading: &mut Reading,
    ) -> Result<Option<(LocationId, usize)>, CommandError> {
        let Some(slug) = slug else { return Ok(None) };
        let id = LocationId::from_slug(slug);
        let known = self.inner.locations.refer(id.0, reading).await?;
        let Some(defined) = &known.state.defined else {
            return Err(parent_not_found("location_not_found", format!("there is no location {slug:?}")));
        };
        reading.rests_on(id.into(), known.version);
        let mut level = 1;
        let mut above = defined.parent;
        while let Some(id) = above.filter(|_| level < MAX_TREE_DEPTH) {
            level += 1;
            let state: Arc<location::State> = self.inner.locations.refer(id.0, reading).await?.state;
            above = state.defined.as_ref().and_then(|defined| defined.parent);
        }
        Ok(Some((id, level)))
    }
}

fn parent_not_found(code: &str, detail: String) -> CommandError {
    Refusal::ReferencesNotFound { missing: vec![InvalidField::new("/parent", code, detail)] }.into()
}

/// Nothing is missing, or it is told all at once: fields that are wrong in themselves first.
pub(super) fn refuse_missing(missing: Vec<InvalidField>) -> Result<(), CommandError> {
    if missing.is_empty() {
        return Ok(());
    }
    if missing.iter().any(|field| field.code == "invalid") {
        return Err(CommandError::Invalid { fields: missing });
    }
    Err(Refusal::ReferencesNotFound { missing }.into())
}
