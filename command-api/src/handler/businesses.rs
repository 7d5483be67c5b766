//! Commands about businesses, made ready for the domain.

use event_log::{Claim, ClaimKind};
use events::{BusinessId, BusinessRegistered, StreamId};

use super::append::{Decided, Step, must_match};
use super::error::{CommandError, Refusal};
use super::options::Accepted;
use super::references::{AskedPlace, FoundPlace, refuse_missing};
use super::slugs::{SlugCandidates, slug_claim};
use super::streams::Reading;
use super::{CommandService, Request, deciding};
use crate::domain::business::{self, DetailsChange, Rejected};
use crate::domain::edits;
use crate::request::{ChangeBusinessDetails, GivenSource, RecategorizeBusiness, RegisterBusiness, RelocateBusiness};

/// The facts of a business that may be registered, and what its slug may be.
struct Facts {
    registered: BusinessRegistered,
    candidates: SlugCandidates,
}

/// Who has the names of a business that may be registered.
#[derive(Default)]
struct Owners {
    source: Option<StreamId>,
    /// In the order of the candidates.
    slugs: Vec<Option<StreamId>>,
}

impl CommandService {
    pub(super) async fn register_business(
        &self,
        request: &Request,
        body: &RegisterBusiness,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let facts = self.facts(request.new_business, body, reading).await?;
        let owners = self.find_owners(body, &facts.candidates).await?;
        if let (Some(owner), Some(source)) = (owners.source, &body.source) {
            return Err(Refusal::SourceTaken { source_id: source_claim(source).value, owner: owner.id }.into());
        }
        let registered = self.with_slug(request, body, facts, &owners).await?;
        self.enter_business(request, business::Command::Register(Box::new(registered)), body, reading).await
    }

    pub(super) async fn upsert_business(
        &self,
        request: &Request,
        body: &RegisterBusiness,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let facts = self.facts(request.new_business, body, reading).await?;
        let owners = self.find_owners(body, &facts.candidates).await?;
        let upsert = |facts| business::Command::UpsertFromSource(Box::new(facts));
        if let Some(owner) = owners.source {
            let id = BusinessId(owner.id);
            let registered = BusinessRegistered { business_id: id, ..facts.registered };
            if request.context.keep_edits {
                return self.upsert_but_keep_edits(request, registered, body, reading).await;
            }
            return self.ask_business(request, id, upsert(registered), Vec::new(), reading).await;
        }
        let registered = self.with_slug(request, body, facts, &owners).await?;
        self.enter_business(request, upsert(registered), body, reading).await
    }

    /// What a source says, without what an admin changed; the answer tells both.
    async fn upsert_but_keep_edits(
        &self,
        request: &Request,
        mut facts: BusinessRegistered,
        body: &RegisterBusiness,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let id = facts.business_id;
        let known = self.inner.businesses.load(id.0, reading).await?;
        must_match(request, &known)?;
        // Where it is filed follows from where it is. That stands, so it stays filed although finer locations were
        // defined since: else the same file would change businesses that it says nothing new about.
        let place = &known.state.place;
        if body.location.is_none() && facts.point == place.point && facts.address == place.address {
            facts.location = place.location;
        }
        let kept = edits::keep_edits(&known.state, &mut facts);
        let events = deciding(|| business::decide(&known.state, business::Command::UpsertFromSource(Box::new(facts))))?;
        let changed = events.iter().flat_map(|event| edits::members_of(&known.state, event)).collect();
        let decided = Decided { stream: id.into(), known, events, claims: Vec::new(), retried: Vec::new() };
        let step = self.settle(&self.inner.businesses, request, decided, reading).await?;
        let told = |accepted| Accepted { changed, kept, ..accepted };
        Ok(match step {
            Step::Answered(accepted) => Step::Answered(told(accepted)),
            Step::NothingToDo(accepted) => Step::NothingToDo(told(accepted)),
            Step::Conflict => Step::Conflict,
        })
    }

    /// The facts with the slug that was asked for, or a free one.
    async fn with_slug(
        &self,
        request: &Request,
        body: &RegisterBusiness,
        facts: Facts,
        owners: &Owners,
    ) -> Result<BusinessRegistered, CommandError> {
        let slug = match &body.slug {
            Some(slug) => slug.clone(),
            None => self.inner.slug_numbers.choose(&facts.candidates, &owners.slugs, request.conflicts).await?,
        };
        Ok(BusinessRegistered { slug, ..facts.registered })
    }

    /// Appends the first event of a business.
    async fn enter_business(
        &self,
        request: &Request,
        command: business::Command,
        body: &RegisterBusiness,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let id = request.new_business;
        let known = self.inner.businesses.load(id.0, reading).await?;
        must_match(request, &known)?;
        let events = deciding(|| business::decide(&known.state, command))?;
        let slug = events.iter().find_map(|event| match event {
            events::Event::BusinessRegistered(facts) => Some(slug_claim(&facts.slug)),
            _ => None,
        });
        let claims = slug.into_iter().chain(body.source.iter().map(source_claim)).collect();
        // Whoever took a derived slug or the source a moment ago is seen when this is decided again.
        let retried = match body.slug {
            Some(_) => vec![ClaimKind::BusinessSource],
            None => vec![ClaimKind::BusinessSource, ClaimKind::BusinessSlug],
        };
        let decided = Decided { stream: id.into(), known, events, claims, retried };
        self.settle(&self.inner.businesses, request, decided, reading).await
    }

    pub(super) async fn change_business_details(
        &self,
        request: &Request,
        id: BusinessId,
        body: &ChangeBusinessDetails,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let body = body.clone();
        let claims = body.slug.iter().map(|slug| slug_claim(slug)).collect();
        let change = DetailsChange {
            slug: body.slug,
            name: body.name,
            description: body.description,
            phone: body.phone,
            email: body.email,
            website: body.website,
            opening_hours: body.opening_hours,
            attributes: body.attributes.0,
        };
        let command = business::Command::ChangeDetails(Box::new(change));
        self.ask_business(request, id, command, claims, reading).await
    }

    pub(super) async fn relocate_business(
        &self,
        request: &Request,
        id: BusinessId,
        body: &RelocateBusiness,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let asked = AskedPlace {
            location: body.location.as_deref(),
            address: body.address.clone().map(Into::into),
            point: body.point.map(Into::into),
            time_zone: body.time_zone.as_deref(),
        };
        let mut missing = Vec::new();
        let FoundPlace { place, .. } = self.place(asked, reading, &mut missing).await?;
        refuse_missing(missing)?;
        self.ask_business(request, id, business::Command::Relocate(Box::new(place)), Vec::new(), reading).await
    }

    pub(super) async fn recategorize_business(
        &self,
        request: &Request,
        id: BusinessId,
        body: &RecategorizeBusiness,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let mut missing = Vec::new();
        let categories =
            self.categories(&body.categories, body.primary_category.as_ref(), reading, &mut missing).await?;
        refuse_missing(missing)?;
        self.ask_business(request, id, business::Command::Recategorize(categories), Vec::new(), reading).await
    }

    /// Asks something of a business that is there.
    pub(super) async fn ask_business(
        &self,
        request: &Request,
        id: BusinessId,
        command: business::Command,
        claims: Vec<Claim>,
        reading: &mut Reading,
    ) -> Result<Step, CommandError> {
        let known = self.inner.businesses.load(id.0, reading).await?;
        if !known.exists() {
            return Err(Rejected::NotFound.into());
        }
        must_match(request, &known)?;
        let events = deciding(|| business::decide(&known.state, command))?;
        let decided = Decided { stream: id.into(), known, events, claims, retried: Vec::new() };
        self.settle(&self.inner.businesses, request, decided, reading).await
    }

    async fn facts(
        &self,
        business_id: BusinessId,
        body: &RegisterBusiness,
        reading: &mut Reading,
    ) -> Result<Facts, CommandError> {
        let mut missing = Vec::new();
        let primary = body.primary_category.as_ref();
        let categories = self.categories(&body.categories, primary, reading, &mut missing).await?;
        let asked = AskedPlace {
            location: body.location.as_deref(),
            address: body.address.clone().map(Into::into),
            point: body.point.map(Into::into),
            time_zone: body.time_zone.as_deref(),
        };
        let FoundPlace { place, city } = self.place(asked, reading, &mut missing).await?;
        refuse_missing(missing)?;
        let primary_category = *categories.first().ok_or(Rejected::CategoriesNotDistinct)?;
        let category_slug = primary.or(body.categories.first()).map_or("", String::as_str);
        let candidates = SlugCandidates::of(&body.name, city.as_deref(), category_slug);
        let registered = BusinessRegistered {
            business_id,
            slug: String::new(),
            name: body.name.clone(),
            description: body.description.clone(),
            primary_category,
            categories,
            location: place.location,
            address: place.address,
            point: place.point,
            time_zone: place.time_zone,
            phone: body.phone.clone(),
            email: body.email.clone(),
            website: body.website.clone(),
            opening_hours: body.opening_hours.clone(),
            attributes: body.attributes.0.clone(),
            source: body.source.clone().map(Into::into),
        };
        Ok(Facts { registered, candidates })
    }

    /// Who has the source and the plain slugs, in one look.
    async fn find_owners(&self, body: &RegisterBusiness, candidates: &SlugCandidates) -> Result<Owners, CommandError> {
        let source = body.source.iter().map(source_claim);
        let claims: Vec<Claim> = source.chain(candidates.claims()).collect();
        if claims.is_empty() {
            return Ok(Owners::default());
        }
        let mut slugs = self.inner.journal.find_claims(&claims).await?;
        let source = if body.source.is_some() && !slugs.is_empty() { slugs.remove(0) } else { None };
        Ok(Owners { source, slugs })
    }
}

fn source_claim(source: &GivenSource) -> Claim {
    Claim { kind: ClaimKind::BusinessSource, value: format!("{}/{}", source.system, source.external_id) }
}
