//! The description of the command API. What all commands share is added to each in one place.

use http_api::{CONSISTENCY_HEADER, Problem};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement};
use utoipa::{Modify, OpenApi};

use super::answer::CommandAnswer;
use super::batch::{self, BATCH_PATH, BatchLine, BatchResult};
use super::{businesses, history, sources, trees};

/// Statuses that every command may be refused with.
const REFUSALS: [(&str, &str); 12] = [
    ("400", "Malformed: an unknown parameter, a header, or the body's JSON"),
    ("401", "The admin key is missing, malformed or wrong"),
    ("404", "There is no such business"),
    ("408", "The body did not come in time"),
    ("409", "The directory refuses it: a taken slug or source, a closed business, a fixed parent"),
    ("410", "The business was removed"),
    ("412", "The aggregate is at another version than If-Match says"),
    ("413", "The body is larger than 256 KiB"),
    ("415", "The body is not JSON"),
    ("422", "Invalid fields, all of them named; or an idempotency key that was used for another request"),
    ("500", "Something went wrong here"),
    ("503", "Not at the moment; come again after Retry-After"),
];

#[derive(OpenApi)]
#[openapi(
    paths(
        businesses::register,
        businesses::change_details,
        businesses::relocate,
        businesses::recategorize,
        businesses::close,
        businesses::remove,
        history::history,
        history::state,
        trees::define_category,
        trees::define_location,
        sources::upsert,
        batch::batch,
    ),
    components(schemas(CommandAnswer, BatchLine, BatchResult, Problem)),
    tags((name = "commands", description = "Many commands at once")),
    modifiers(&WhatCommandsShare)
)]
struct CommandApi;

/// OpenAPI of the command API, to be merged with that of the query API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    CommandApi::openapi()
}

struct WhatCommandsShare;

impl Modify for WhatCommandsShare {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The admin key"));
        components.add_security_scheme("admin_key", SecurityScheme::Http(bearer.build()));
        let header = ApiKeyValue::with_description("X-Api-Key", "The admin key");
        components.add_security_scheme("admin_key_header", SecurityScheme::ApiKey(ApiKey::Header(header)));
        // A batch says itself what its lines share.
        for (_, item) in openapi.paths.paths.iter_mut().filter(|(path, _)| *path != BATCH_PATH) {
            let operations = [&mut item.post, &mut item.put, &mut item.patch];
            operations.into_iter().flatten().for_each(describe);
        }
    }
}

fn describe(operation: &mut Operation) {
    let none: [&str; 0] = [];
    operation.security =
        Some(vec![SecurityRequirement::new("admin_key", none), SecurityRequirement::new("admin_key_header", none)]);
    let parameters = operation.parameters.get_or_insert_default();
    let version_tag = SchemaFormat::Custom("version-tag".to_owned());
    let shared = [
        optional("dry_run", ParameterIn::Query, "Decide and answer, but store nothing (then 200)")
            .schema(Some(ObjectBuilder::new().schema_type(Type::Boolean))),
        header("Idempotency-Key", "Under which a retry gets the first answer again", Some("^[!-~]{1,255}$")),
        header("If-Match", "`\"v12\"`: only at this version; `*`: only if it exists", None)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).format(Some(version_tag)))),
        header("X-Request-Id", "Comes back in the answer and in problems", None),
    ];
    parameters.extend(shared.into_iter().map(|parameter| parameter.build().into()));
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(accepted) = response {
            let token = text_header("Send it with a read to see what the command did");
            accepted.headers.insert(CONSISTENCY_HEADER.to_string(), token);
            let replayed = text_header("`true` when this is the first answer again");
            accepted.headers.insert("Idempotent-Replayed".to_owned(), replayed);
        }
    }
    for (status, description) in REFUSALS {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let refusal = ResponseBuilder::new().description(description).content("application/problem+json", content);
        operation.responses.responses.insert(status.to_owned(), refusal.build().into());
    }
}

fn header(name: &str, description: &str, pattern: Option<&str>) -> ParameterBuilder {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(pattern);
    optional(name, ParameterIn::Header, description).schema(Some(schema))
}

fn optional(name: &str, parameter_in: ParameterIn, description: &str) -> ParameterBuilder {
    let parameter = ParameterBuilder::new().name(name).parameter_in(parameter_in).required(Required::False);
    parameter.description(Some(description))
}

fn text_header(description: &str) -> RefOr<utoipa::openapi::header::Header> {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build().into()
}
