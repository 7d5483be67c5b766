//! What the descriptions of both APIs have in common.

use utoipa::openapi::{OpenApi, RefOr, Schema};

/// Where the schema of every error is.
const PROBLEM: &str = "#/components/schemas/Problem";

/// Errors are documented as what they are: problem details and not JSON of any kind.
pub fn describe_problems(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        let responses =
            operations.into_iter().flatten().flat_map(|operation| operation.responses.responses.values_mut());
        for response in responses {
            let RefOr::T(response) = response else { continue };
            let is_problem = |schema: &RefOr<Schema>| matches!(schema, RefOr::Ref(to) if to.ref_location == PROBLEM);
            for (media_type, content) in std::mem::take(&mut response.content) {
                let schema = match &content {
                    RefOr::T(content) => content.schema.as_ref(),
                    RefOr::Ref(_) => None,
                };
                let problem = schema.is_some_and(is_problem);
                let media_type = if problem { "application/problem+json".to_owned() } else { media_type };
                response.content.insert(media_type, content);
            }
        }
    }
}
