//! Commands about categories and locations, made ready for the domain.

use event_log::{Claim, ClaimKind};
use events::{CategoryId, LocationId};

use super::append::{Decided, Step, must_match};
use super::error::CommandError;
use super::streams::Reading;
use super::{CommandService, Request, deciding};
use crate::domain::{category, location};
use crate::request::{DefineCategory, DefineLocation};

impl CommandService {
    pub(super) async fn define_category(
        &self,
        request: &Request,
        slug: &str,
        body: &DefineCategory,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let id = CategoryId::from_slug(slug);
        let parent = self.parent_category(body.parent.as_deref(), reading).await?;
        let known = self.inner.categories.load(id.0, reading).await?;
        must_match(request, &known)?;
        let command = category::Command::Define { slug: slug.to_owned(), parent, names: body.names.0.clone() };
        let events = deciding(|| category::decide(&known.state, command))?;
        let claims = vec![Claim { kind: ClaimKind::CategorySlug, value: slug.to_owned() }];
        let decided = Decided { stream: id.into(), known, events, claims, retried: Vec::new() };
        self.settle(&self.inner.categories, request, decided, reading).await
    }

    pub(super) async fn define_location(
        &self,
        request: &Request,
        slug: &str,
        body: &DefineLocation,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let id = LocationId::from_slug(slug);
        let parent = self.parent_location(body.parent.as_deref(), reading).await?;
        let known = self.inner.locations.load(id.0, reading).await?;
        must_match(request, &known)?;
        let command = location::Command::Define {
            slug: slug.to_owned(),
            parent,
            kind: body.kind.into(),
            names: body.names.0.clone(),
            point: body.point.map(Into::into),
        };
        let events = deciding(|| location::decide(&known.state, command))?;
        let claims = vec![Claim { kind: ClaimKind::LocationSlug, value: slug.to_owned() }];
        let decided = Decided { stream: id.into(), known, events, claims, retried: Vec::new() };
        self.settle(&self.inner.locations, request, decided, reading).await
    }
}
