//! What a command touches, as far as its own text tells.

use super::order::{Thing, Touch};
use crate::handler::base_slug;
use crate::request::{Command, GivenAddress, GivenPoint, RegisterBusiness};

/// Everything that a command's outcome may rest on and that it may change.
pub(crate) fn touches(command: &Command, key: Option<&str>) -> Vec<(Thing, Touch)> {
    let mut touched = Vec::new();
    match command {
        Command::RegisterBusiness(body) => registration(body, &mut touched),
        Command::UpsertBusinessFromSource(body) => {
            registration(body, &mut touched);
            touched.push((Thing::Addressing, Touch::BySource));
        }
        Command::ChangeBusinessDetails(id, body) => {
            by_id(id.0, &mut touched);
            if let Some(slug) = &body.slug {
                slug_below(slug, &mut touched);
            }
        }
        Command::RelocateBusiness(id, body) => {
            by_id(id.0, &mut touched);
            place(body.location.as_ref(), body.address.as_ref(), body.point.as_ref(), &mut touched);
        }
        Command::RecategorizeBusiness(id, body) => {
            by_id(id.0, &mut touched);
            categories(&body.categories, &mut touched);
        }
        Command::CloseBusiness(id, _) | Command::RemoveBusiness(id, _) => by_id(id.0, &mut touched),
        Command::DefineCategory(slug, body) => {
            touched.push((Thing::Category(slug.clone()), Touch::Alone));
            touched.extend(body.parent.clone().map(|parent| (Thing::Category(parent), Touch::Uses)));
        }
        Command::DefineLocation(slug, body) => {
            touched.push((Thing::Location(slug.clone()), Touch::Alone));
            touched.push((Thing::AnyLocation, Touch::Makes));
            touched.extend(body.parent.clone().map(|parent| (Thing::Location(parent), Touch::Uses)));
        }
    }
    touched.extend(key.map(|key| (Thing::Key(key.to_owned()), Touch::Alone)));
    touched
}

fn by_id(id: uuid::Uuid, touched: &mut Vec<(Thing, Touch)>) {
    touched.push((Thing::Business(id), Touch::Alone));
    touched.push((Thing::Addressing, Touch::ById));
}

fn registration(body: &RegisterBusiness, touched: &mut Vec<(Thing, Touch)>) {
    if let Some(source) = &body.source {
        touched.push((Thing::Source(source.system.clone(), source.external_id.clone()), Touch::Alone));
    }
    categories(&body.categories, touched);
    place(body.location.as_ref(), body.address.as_ref(), body.point.as_ref(), touched);
    match &body.slug {
        Some(slug) => slug_below(slug, touched),
        None => {
            let category = body.primary_category.as_ref().or(body.categories.first());
            slug_below(&base_slug(&body.name, category.map_or("", String::as_str)), touched);
        }
    }
}

fn categories(slugs: &[String], touched: &mut Vec<(Thing, Touch)>) {
    touched.extend(slugs.iter().map(|slug| (Thing::Category(slug.clone()), Touch::Uses)));
}

fn place(
    location: Option<&String>,
    address: Option<&GivenAddress>,
    point: Option<&GivenPoint>,
    touched: &mut Vec<(Thing, Touch)>,
) {
    match location {
        Some(slug) => touched.push((Thing::Location(slug.clone()), Touch::Uses)),
        None if address.is_some() || point.is_some() => touched.push((Thing::AnyLocation, Touch::Uses)),
        None => {}
    }
}

/// A name's slug may get a city and a number behind it: `subway`, `subway-bonn`, `subway-bonn-2`. So who takes one
/// slug has all below it for itself, and shares what is above with those who take others there.
fn slug_below(slug: &str, touched: &mut Vec<(Thing, Touch)>) {
    let above = slug.match_indices('-').map(|(end, _)| &slug[..end]).filter(|above| !above.is_empty());
    touched.extend(above.map(|above| (Thing::Slug(above.to_owned()), Touch::Uses)));
    touched.push((Thing::Slug(slug.to_owned()), Touch::Alone));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_has_all_below_it_and_shares_what_is_above() {
        let mut touched = Vec::new();
        slug_below("subway-bonn-2", &mut touched);
        let slug = |text: &str| Thing::Slug(text.to_owned());
        assert_eq!(
            touched,
            [(slug("subway"), Touch::Uses), (slug("subway-bonn"), Touch::Uses), (slug("subway-bonn-2"), Touch::Alone)]
        );
    }
}
