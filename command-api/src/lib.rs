//! The command side: takes commands, decides what happened and appends it to the journal.
//!
//! This crate must not know how readers see the directory, nor which engine the journal is.

mod admin_key;
mod batch;
pub mod domain;
mod handler;
mod history;
mod http;
mod places;
mod request;

pub use admin_key::{AdminKeyError, AdminKeyFile, KeyRefused};
pub use handler::{
    Accepted, AsOf, Clock, CommandContext, CommandError, CommandOptions, CommandService, HistoryPage, Outcome,
    PastError, Precondition, Refusal, SourceBusiness, Standing,
};
pub use history::{BusinessState, FieldChange, HistoryActor, HistoryEntry};
#[cfg(any(test, fuzzing))]
pub use http::fuzzing;
pub use http::{
    BATCH_PATH, BatchOptions, BatchResult, BusinessHistory, CommandAnswer, HistoryCursor, MAX_BODY_BYTES, openapi,
    router,
};
pub use places::{PlaceNode, Places};
pub use request::{
    AttributeChanges, Attributes, ChangeBusinessDetails, CloseBusiness, Command, DefineCategory, DefineLocation,
    GivenAddress, GivenLocationKind, GivenPoint, GivenSource, InvalidField, LocalizedNames, RecategorizeBusiness,
    RegisterBusiness, RelocateBusiness, RemoveBusiness,
};
