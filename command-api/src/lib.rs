//! The command side: takes commands, decides what happened and appends it to the journal.
//!
//! This crate must not know how readers see the directory, nor which engine the journal is.

pub mod domain;
mod request;

pub use request::{
    AttributeChanges, Attributes, ChangeBusinessDetails, CloseBusiness, Command, DefineCategory, DefineLocation,
    GivenAddress, GivenLocationKind, GivenPoint, GivenSource, InvalidField, LocalizedNames, RecategorizeBusiness,
    RegisterBusiness, RelocateBusiness, RemoveBusiness,
};
