//! Schemas in a registry that speaks as Confluent's does, each under the full name of its record (RecordNameStrategy).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use events::Codec;
use schema_registry_converter::async_impl::schema_registry::{SrSettings, post_schema};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{SchemaType, SuppliedSchema};

use crate::error::JournalError;

const REGISTER: &str = "register the schemas";

/// Where the registry is. It may hold a password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SchemaRegistry {
    url: String,
}

impl SchemaRegistry {
    /// At `http://[user:password@]host:port[/path]`.
    pub fn at(url: impl Into<String>) -> Self {
        let url = url.into();
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// Registers every schema that this program writes, which changes nothing for those that are there.
    ///
    /// # Errors
    /// [`JournalError::Format`] if the registry refuses one; [`JournalError::Unavailable`] if it does not answer.
    pub(crate) async fn register(&self, answer_timeout: Duration) -> Result<SchemaIds, JournalError> {
        // Whatever proxy the environment names is for other places.
        let mut settings = SrSettings::new_builder(self.url.clone());
        let settings =
            settings.no_proxy().set_timeout(answer_timeout).build().map_err(|error| self.failure("", &error))?;
        let mut ids = HashMap::new();
        for schema in Codec::shared().schemas() {
            let supplied = SuppliedSchema::new(Some(schema.name.to_owned()), SchemaType::Avro, schema.text.to_owned());
            let registered = post_schema(&settings, schema.name.to_owned(), supplied).await;
            let registered = registered.map_err(|error| self.failure(schema.name, &error))?;
            ids.insert((schema.event_type, schema.version), registered.id);
        }
        Ok(SchemaIds(Arc::new(ids)))
    }

    fn failure(&self, subject: &str, error: &SRCError) -> JournalError {
        // Its own words tell how to program it.
        let cause = error.cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let reason = format!("{}{cause}", error.error);
        if error.retriable {
            return JournalError::Unavailable { operation: REGISTER, reason: format!("{self:?}: {reason}") };
        }
        JournalError::Format {
            path: format!("the subject {subject} in {self:?}"),
            found: reason,
            expected: "a registry that takes the schema of this program".to_owned(),
        }
    }
}

/// The place without what may be secret.
impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.rsplit_once('@').map_or_else(
            || self.url.split_once("://").map_or(self.url.as_str(), |(_, place)| place),
            |(_, place)| place,
        );
        write!(f, "the schema registry at {place}")
    }
}

/// What the registry calls each schema, by event type and version.
#[derive(Debug, Clone)]
pub(crate) struct SchemaIds(Arc<HashMap<(&'static str, u16), u32>>);

impl SchemaIds {
    pub(crate) fn get(&self, event_type: &str, version: u16) -> Option<u32> {
        self.0.get(&(event_type, version)).copied()
    }
}
