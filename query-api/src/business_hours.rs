//! When a business is open between two times.

use std::sync::Arc;

use axum::extract::{Request, State as AppState};
use axum::response::Response;
use hours::{Holidays, State, Stretch, moment_of};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use views::{BusinessStatus, Template};

use crate::api::{Api, PathText, Reading, path_text};
use crate::businesses::{Found, find};
use crate::compose::write_json;
use crate::metering::Endpoint;
use crate::opening::{Facts, placed};
use crate::parameters::Parameters;
use crate::problems::ReadError;
use crate::respond::{Document, Kind, Reply};

/// The longest time that one request asks about.
const DAYS_MAX: i32 = 366;
/// How far an answer goes when nothing is said.
const DAYS_USUAL: i32 = 7;
/// More intervals are for another request.
const INTERVALS_MAX: usize = 2_000;
/// The calendars of holidays go so far.
const FIRST_YEAR: i16 = 2000;
const LAST_YEAR: i16 = 2076;

/// What a business is during an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalState {
    /// Open.
    Open,
    /// It depends: see the comment, or ask there.
    Unknown,
    /// Closed, and the hours say why.
    Closed,
}

/// A time with one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// When it begins, RFC 3339 with the offset of the place; without an offset if there is no time zone.
    #[schema(example = "2026-11-23T14:00:00-06:00")]
    pub from: String,
    /// When it ends.
    #[schema(example = "2026-11-24T02:00:00-06:00")]
    pub to: String,
    /// What the business is meanwhile.
    pub state: IntervalState,
    /// What the hours say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "by appointment")]
    pub comment: Option<String>,
}

/// Whether there are calendars for the holidays that the hours name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HolidayKnowledge {
    /// There are, for the country of the address. A holiday of a part of it makes an interval `unknown`.
    Known,
    /// There are not, or the country is not known: no day counts as a holiday.
    Unknown,
}

/// When a business is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BusinessHours {
    /// The hours as OpenStreetMap writes them; absent when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Mo-Su 14:00-02:00; PH off")]
    pub opening_hours: Option<String>,
    /// IANA time zone. Without one all times are local and have no offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "America/Chicago")]
    pub time_zone: Option<String>,
    /// Whether the business is there. One that closed for good has no intervals.
    pub status: BusinessStatus,
    /// Whether the holidays that the hours name are known; absent when they name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays: Option<HolidayKnowledge>,
    /// From when on.
    #[schema(example = "2026-11-23T00:00:00-06:00")]
    pub from: String,
    /// Until when; earlier than asked for if there are more than 2,000 intervals: go on from here.
    #[schema(example = "2026-11-30T00:00:00-06:00")]
    pub to: String,
    /// Cut at `from` and `to`, in order; in between it is closed. Absent when the hours are unknown or cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Vec<Interval>>,
}

/// `GET /v1/businesses/{id}/hours`
#[utoipa::path(
    get, path = "/v1/businesses/{id}/hours", tag = "businesses",
    params(
        ("id" = String, Path, description = "Id or slug. An old slug is redirected to the new one."),
        ("from" = Option<String>, Query, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+))?$", description = "A date, or a time as in RFC 3339; today where the business is, when absent. A business without a time zone takes dates only."),
        ("to" = Option<String>, Query, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+))?$", description = "A date or a time, itself excluded, at most 366 days later; 7 days later when absent."),
        ("Lawless-Consistency" = Option<String>, Header, pattern = "^v1;[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12};[0-9]{1,15}$", description = "Wait until this token's command is visible."),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "When it is open", body = BusinessHours),
        (status = 304, description = "The client has it already"),
        (status = 308, description = "It is found under another slug now"),
        (status = 400, description = "Parameters or token are not valid", body = http_api::Problem),
        (status = 404, description = "There is none", body = http_api::Problem),
        (status = 409, description = "The token is of another journal", body = http_api::Problem),
        (status = 410, description = "It was removed", body = http_api::Problem),
        (status = 503, description = "Views are unavailable", body = http_api::Problem),
    ),
)]
pub(crate) async fn business_hours(AppState(api): AppState<Arc<Api>>, path: PathText, request: Request) -> Response {
    let mut reading = Reading::begin(&api, Endpoint::BusinessHours, request);
    let result = read_hours(&mut reading, path).await;
    reading.finish(result)
}

async fn read_hours(reading: &mut Reading<'_>, path: PathText) -> Result<Reply, ReadError> {
    let asked = path_text(path)?;
    let mut parameters = Parameters::parse(reading.query(), &["from", "to"]);
    let given = (parameters.read("from", read_time), parameters.read("to", read_time));
    parameters.finish()?;
    reading.catch_up().await?;
    let row = match find(reading, &asked, false, "/hours").await? {
        Found::Row(row) => row,
        Found::Moved(address) => return Ok(Reply::Moved(address)),
    };
    let template = Template::from_body(&row.body)?;
    let facts = Facts::of_template(&template)?;
    reading.freshness.touch_business(|| Uuid::parse_str(&asked).ok().or(Some(facts.id)));

    let now = reading.api.now();
    let time_zone = facts.time_zone();
    let range = Range::resolve(given, time_zone.as_ref(), now)?;
    let today_matters = given.0.is_none();
    let document = document(&facts, &range);
    let mut body = Vec::with_capacity(256);
    write_json(&mut body, &document);
    Ok(Reply::Document(Document {
        body,
        kind: Kind::Business,
        updated_at: (!today_matters).then_some(template.updated_at),
        links: None,
        torn: false,
        lifetime: today_matters.then(|| until_midnight(time_zone.as_ref(), now)),
    }))
}

fn document(facts: &Facts, range: &Range) -> BusinessHours {
    let hours = placed(facts);
    let mut to = range.end_text();
    let intervals = hours.as_ref().map(|hours| {
        if facts.status == BusinessStatus::Closed {
            return Vec::new();
        }
        let mut intervals = match range {
            Range::Moments(zone, from, to) => {
                let stretches = hours.stretches_between(*from, *to, INTERVALS_MAX);
                stretches.into_iter().map(|stretch| interval(stretch, |at| in_zone(zone, at))).collect()
            }
            Range::Dates(from, to) => {
                let stretches = hours.local_stretches(*from, *to, INTERVALS_MAX);
                stretches.into_iter().map(|stretch| interval(stretch, local)).collect::<Vec<_>>()
            }
        };
        if intervals.len() > INTERVALS_MAX {
            to = intervals.split_off(INTERVALS_MAX).swap_remove(0).from;
        }
        intervals
    });
    BusinessHours {
        opening_hours: facts.opening_hours.clone(),
        time_zone: facts.time_zone.clone(),
        status: facts.status,
        holidays: match hours.map_or(Holidays::NotNamed, |hours| hours.holidays()) {
            Holidays::NotNamed => None,
            Holidays::Known => Some(HolidayKnowledge::Known),
            Holidays::Unknown => Some(HolidayKnowledge::Unknown),
        },
        from: range.start_text(),
        to,
        intervals,
    }
}

fn interval<T>(stretch: Stretch<T>, text: impl Fn(T) -> String) -> Interval {
    Interval {
        from: text(stretch.start),
        to: text(stretch.end),
        state: match stretch.state {
            State::Open => IntervalState::Open,
            State::Unknown => IntervalState::Unknown,
            State::Closed => IntervalState::Closed,
        },
        comment: stretch.comment.map(|comment| comment.to_string()),
    }
}

/// RFC 3339 with the offset that holds there then.
fn in_zone(zone: &TimeZone, at: Timestamp) -> String {
    at.display_with_offset(zone.to_offset(at)).to_string()
}

fn local(at: DateTime) -> String {
    at.to_string()
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
enum Given {
    Date(Date),
    Moment(Timestamp),
}

fn read_time(text: &str) -> Result<Given, String> {
    // An offset's plus that was not percent-encoded arrives as a blank.
    let text = text.replace(' ', "+");
    let given = match text.parse::<Timestamp>() {
        Ok(moment) => Given::Moment(moment),
        Err(_) if text.contains(['T', 't']) => return Err(NOT_A_TIME.to_owned()),
        Err(_) => Given::Date(text.parse().map_err(|_| NOT_A_TIME.to_owned())?),
    };
    let year = match given {
        Given::Date(date) => date.year(),
        Given::Moment(moment) => moment.to_zoned(TimeZone::UTC).year(),
    };
    if (FIRST_YEAR..=LAST_YEAR).contains(&year) {
        Ok(given)
    } else {
        Err(format!("from the year {FIRST_YEAR} to {LAST_YEAR}"))
    }
}

const NOT_A_TIME: &str = "expected a date, or a time as in RFC 3339: 2026-11-23 or 2026-11-23T09:00:00-06:00";

/// What the answer is about.
#[derive(Debug)]
enum Range {
    Moments(TimeZone, Timestamp, Timestamp),
    /// Without a time zone.
    Dates(Date, Date),
}

impl Range {
    fn resolve(
        (from, to): (Option<Given>, Option<Given>),
        time_zone: Option<&TimeZone>,
        now: Timestamp,
    ) -> Result<Self, ReadError> {
        let mut wrong = Parameters::default();
        let range = match time_zone {
            Some(zone) => {
                let moment = |given| match given {
                    Given::Date(date) => moment_of(zone, date.to_datetime(jiff::civil::Time::midnight())),
                    Given::Moment(moment) => moment,
                };
                let from = moment(from.unwrap_or(Given::Date(zone.to_datetime(now).date())));
                let days_later = |days: i32| moment_of(zone, zone.to_datetime(from).saturating_add(days.days()));
                let to = to.map_or_else(|| days_later(DAYS_USUAL), moment);
                check(&mut wrong, &from, &to, &days_later(DAYS_MAX));
                Self::Moments(zone.clone(), from, to)
            }
            None => {
                let mut date = |name, given| match given {
                    Given::Date(date) => date,
                    Given::Moment(moment) => {
                        wrong.reject(name, "unsupported", "the business has no time zone: give a date");
                        moment.to_zoned(TimeZone::UTC).date()
                    }
                };
                let from = from.map_or_else(|| now.to_zoned(TimeZone::UTC).date(), |given| date("from", given));
                let to = to.map_or_else(|| from.saturating_add(DAYS_USUAL.days()), |given| date("to", given));
                check(&mut wrong, &from, &to, &from.saturating_add(DAYS_MAX.days()));
                Self::Dates(from, to)
            }
        };
        wrong.finish()?;
        Ok(range)
    }

    fn start_text(&self) -> String {
        match self {
            Self::Moments(zone, from, _) => in_zone(zone, *from),
            Self::Dates(from, _) => local(from.at(0, 0, 0, 0)),
        }
    }

    fn end_text(&self) -> String {
        match self {
            Self::Moments(zone, _, to) => in_zone(zone, *to),
            Self::Dates(_, to) => local(to.at(0, 0, 0, 0)),
        }
    }
}

fn check<T: Ord>(wrong: &mut Parameters, from: &T, to: &T, latest: &T) {
    if to <= from {
        wrong.reject("to", "invalid", "must be later than from");
    } else if to > latest {
        wrong.reject("to", "invalid", &format!("at most {DAYS_MAX} days later than from"));
    }
}

/// The time until another day is today.
fn until_midnight(time_zone: Option<&TimeZone>, now: Timestamp) -> SignedDuration {
    let zone = &time_zone.cloned().unwrap_or(TimeZone::UTC);
    let tomorrow = zone.to_datetime(now).date().tomorrow().unwrap_or(Date::MAX);
    moment_of(zone, tomorrow.to_datetime(jiff::civil::Time::midnight())).duration_since(now)
}
