//! What an import has to say about a row.

use command_api::RegisterBusiness;
use serde::{Deserialize, Serialize};

/// Something about a row that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
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
