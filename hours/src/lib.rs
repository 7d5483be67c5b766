//! Opening hours in the syntax of OpenStreetMap: whether a text is sound, and when a place is open by it.
//!
//! Nothing here has a clock or reads anything: text, place and time come in. What a text is made of comes from the
//! crates `opening-hours-syntax` (grammar) and `opening-hours` (which days a rule is about, holidays, the sun). How rules
//! add up to a day, and days to moments, is decided here: see [`PlacedHours`].

mod calendar;
mod day;
mod days;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod moment;
mod pieces;
mod rules;
mod syntax;

pub use day::PlacedHours;
pub use moment::{Now, Stretch, moment_of};
pub use pieces::State;
pub use rules::{Holidays, Hours};
pub use syntax::{SyntaxError, TEXT_CHARS_MAX};

use jiff::tz::TimeZone;

/// What is known about where the hours hold.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The time zone. Without it hours are local times of nowhere, and nobody can say what is open now.
    pub time_zone: Option<TimeZone>,
    /// ISO 3166-1 alpha-2: whose public holidays.
    pub country: Option<String>,
    /// Latitude and longitude in degrees: for sunrise and sunset.
    pub point: Option<(f64, f64)>,
}
