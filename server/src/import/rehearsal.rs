//! A dry run: what would become of the rows if the categories and locations that they need were there.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use command_api::{Command, RegisterBusiness};
use events::Position;

use super::calls::{ImportAnswer, ImportCall, Upserted};
use super::local_writer::findings;
use super::writer::{DirectoryWriter, WriteError};

/// Asks a directory that stores nothing, and answers itself what rests on what is not stored.
pub(super) struct Rehearsal {
    directory: Arc<dyn DirectoryWriter>,
    categories: Mutex<Categories>,
}

#[derive(Default)]
struct Categories {
    there: Vec<String>,
    would_be_made: HashSet<String>,
}

impl Rehearsal {
    /// Asks this one.
    pub(super) fn new(directory: Arc<dyn DirectoryWriter>) -> Self {
        Self { directory, categories: Mutex::default() }
    }

    /// The business with categories that are there, and whether some are not. Without any there is no such business.
    fn with_known_categories(&self, mut business: RegisterBusiness) -> (Option<RegisterBusiness>, bool) {
        let categories = self.categories.lock().expect("nothing panics while it holds the categories");
        let asked = business.categories.len();
        business.categories.retain(|category| !categories.would_be_made.contains(category));
        let some_are_new = business.categories.len() < asked;
        if business.categories.is_empty() {
            let Some(other) = categories.there.first() else { return (None, true) };
            business.categories.push(other.clone());
        }
        (Some(business), some_are_new)
    }

    async fn upsert(&self, business: RegisterBusiness) -> Result<Upserted, WriteError> {
        let (known, some_are_new) = self.with_known_categories(business.clone());
        let Some(known) = known else {
            // No category is there, so no business is: it would be new, if it is sound.
            let command = Command::UpsertBusinessFromSource(Box::new(business));
            return match command.validate() {
                Ok(()) => Ok(Upserted::Registered),
                Err(fields) => Err(WriteError::Refused(findings(fields))),
            };
        };
        let mut upserted = self.directory.upsert(&known).await?;
        if let Upserted::Known { changed, .. } = &mut upserted
            && some_are_new
            && !changed.iter().any(|member| member == "/categories")
        {
            changed.push("/categories".to_owned());
        }
        Ok(upserted)
    }
}

#[async_trait]
impl DirectoryWriter for Rehearsal {
    async fn call(&self, call: ImportCall) -> Result<ImportAnswer, WriteError> {
        match call {
            // A node whose parent is not there either would be refused, and only because nothing is stored.
            ImportCall::EnsureCategory { slug, mut body } => {
                body.parent = None;
                let asked = self.directory.ensure_category(&slug, body).await?;
                let mut categories = self.categories.lock().expect("nothing panics while it holds the categories");
                if asked {
                    categories.would_be_made.insert(slug);
                } else {
                    categories.there.push(slug);
                }
                Ok(ImportAnswer::Ensured(asked))
            }
            ImportCall::EnsureLocation { .. } => Ok(ImportAnswer::Ensured(false)),
            ImportCall::Upsert(business) => self.upsert(*business).await.map(ImportAnswer::Upserted),
            other => self.directory.call(other).await,
        }
    }

    fn position(&self) -> Option<Position> {
        None
    }
}
