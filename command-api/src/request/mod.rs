//! What a caller asks for, as it stands on the wire: shapes and limits, nothing decided.

mod business;
mod invalid;
mod limits;
mod maps;
mod tree;

pub use business::{
    ChangeBusinessDetails, CloseBusiness, GivenAddress, GivenPoint, GivenSource, RecategorizeBusiness,
    RegisterBusiness, RelocateBusiness, RemoveBusiness,
};
pub use invalid::InvalidField;
pub use maps::{AttributeChanges, Attributes, LocalizedNames};
pub use tree::{DefineCategory, DefineLocation, GivenLocationKind};

use events::BusinessId;
use invalid::invalid_fields;
pub(crate) use invalid::pointer_of;
pub(crate) use maps::{DUPLICATE_KEY, Object};
use serde::{Deserialize, Serialize};

/// Every command, with what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Enters a business into the directory.
    RegisterBusiness(Box<RegisterBusiness>),
    /// The facts a source knows about one of its businesses: registers it, changes what differs, or does nothing.
    UpsertBusinessFromSource(Box<RegisterBusiness>),
    /// Changes details of a business.
    ChangeBusinessDetails(BusinessId, Box<ChangeBusinessDetails>),
    /// Gives a business another place.
    RelocateBusiness(BusinessId, Box<RelocateBusiness>),
    /// Gives a business other categories.
    RecategorizeBusiness(BusinessId, RecategorizeBusiness),
    /// Closes a business for good.
    CloseBusiness(BusinessId, CloseBusiness),
    /// Takes a business out of the directory.
    RemoveBusiness(BusinessId, RemoveBusiness),
    /// Creates the category of this slug or replaces its names.
    DefineCategory(String, DefineCategory),
    /// Creates the location of this slug or replaces its names, kind and point.
    DefineLocation(String, DefineLocation),
}

impl Command {
    /// The name that logs and metrics use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RegisterBusiness(_) => "register_business",
            Self::UpsertBusinessFromSource(_) => "upsert_business_from_source",
            Self::ChangeBusinessDetails(..) => "change_business_details",
            Self::RelocateBusiness(..) => "relocate_business",
            Self::RecategorizeBusiness(..) => "recategorize_business",
            Self::CloseBusiness(..) => "close_business",
            Self::RemoveBusiness(..) => "remove_business",
            Self::DefineCategory(..) => "define_category",
            Self::DefineLocation(..) => "define_location",
        }
    }

    /// Everything that is wrong with the shape of the command, all at once.
    ///
    /// # Errors
    /// The invalid fields, each with its JSON pointer into the body.
    pub fn validate(&self) -> Result<(), Vec<InvalidField>> {
        let mut invalid = match self {
            Self::RegisterBusiness(body) => invalid_fields(&**body),
            Self::UpsertBusinessFromSource(body) => {
                let mut invalid = invalid_fields(&**body);
                if body.source.is_none() {
                    invalid.push(InvalidField::new("/source", "required", "an upsert needs its source"));
                }
                invalid
            }
            Self::ChangeBusinessDetails(_, body) => invalid_fields(&**body),
            Self::RelocateBusiness(_, body) => invalid_fields(&**body),
            Self::RecategorizeBusiness(_, body) => invalid_fields(body),
            Self::CloseBusiness(_, body) => invalid_fields(body),
            Self::RemoveBusiness(_, body) => invalid_fields(body),
            Self::DefineCategory(slug, body) => tree::invalid_definition(slug, invalid_fields(body)),
            Self::DefineLocation(slug, body) => tree::invalid_definition(slug, invalid_fields(body)),
        };
        if invalid.is_empty() {
            return Ok(());
        }
        invalid.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        Err(invalid)
    }
}
