//! The limits of single fields. Each refusal has a code for programs and words for people.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hours::Hours;
use url::Url;

use crate::domain::business::MAX_CATEGORIES;
use crate::domain::slug::{is_reserved, slugify};

/// The most names that a node of a tree has.
pub(super) const MAX_NAMES: usize = 50;
const MAX_DESCRIPTION_CHARS: usize = 5_000;
const MAX_WEBSITE_CHARS: usize = 2_000;
const MAX_REASON_CHARS: usize = 500;
const MAX_ATTRIBUTE_CHARS: usize = 500;
const MAX_ATTRIBUTION_CHARS: usize = 500;
const MAX_E_MAIL_CHARS: usize = 254;
const MAX_EXTERNAL_ID_BYTES: usize = 255;
const MAX_POPULARITY: u32 = 1_000_000;

/// garde carries one text per error: the code stands in front of the first line break.
pub(super) fn refusal(code: &str, detail: &str) -> garde::Error {
    garde::Error::new(format!("{code}\n{detail}"))
}

/// A line of text that is not blank, of at most this many characters.
pub(super) fn line(max_chars: usize) -> impl Fn(&str, &()) -> garde::Result {
    move |value, (): &()| text(value, max_chars, false)
}

/// Text of several lines.
pub(super) fn description(value: &str, (): &()) -> garde::Result {
    text(value, MAX_DESCRIPTION_CHARS, true)
}

fn text(value: &str, max_chars: usize, line_breaks: bool) -> garde::Result {
    if value.trim().is_empty() {
        return Err(refusal("required", "must not be empty"));
    }
    if value.chars().count() > max_chars {
        return Err(refusal("too_long", &format!("at most {max_chars} characters")));
    }
    if contains_control(value, line_breaks) {
        return Err(refusal("control_character", "must not contain control characters"));
    }
    Ok(())
}

/// Whether there is a control character, line breaks aside where they are allowed.
pub(crate) fn contains_control(value: &str, line_breaks: bool) -> bool {
    value.chars().any(|c| c.is_control() && !(line_breaks && matches!(c, '\n' | '\r')))
}

/// The slug of a business that a client chose.
pub(super) fn slug(value: &str, (): &()) -> garde::Result {
    tree_slug(value, &())?;
    if is_reserved(value) { Err(refusal("reserved", "has another meaning in an address")) } else { Ok(()) }
}

/// The slug of a category or location.
pub(super) fn tree_slug(value: &str, (): &()) -> garde::Result {
    if value.is_empty() {
        return Err(refusal("required", "must not be empty"));
    }
    let slugged = slugify(value);
    if slugged == value {
        Ok(())
    } else {
        let hint = if slugged.is_empty() { String::new() } else { format!(", for example {slugged}") };
        Err(refusal("invalid", &format!("not a slug: lower-case letters, digits and single '-', up to 80{hint}")))
    }
}

/// One to five slugs, each once.
pub(super) fn categories(value: &[String], (): &()) -> garde::Result {
    if value.is_empty() {
        return Err(refusal("required", "at least one category"));
    }
    if value.len() > MAX_CATEGORIES {
        return Err(refusal("too_many", &format!("at most {MAX_CATEGORIES} categories")));
    }
    if value.iter().collect::<BTreeSet<_>>().len() < value.len() {
        return Err(refusal("duplicate", "each category once"));
    }
    value.iter().try_for_each(|slug| tree_slug(slug, &()))
}

/// One of the categories.
pub(super) fn primary_category(categories: &[String]) -> impl Fn(&Option<String>, &()) -> garde::Result {
    move |value, (): &()| match value {
        Some(primary) if !categories.contains(primary) => Err(refusal("invalid", "must be one of categories")),
        _ => Ok(()),
    }
}

/// A locality is a line; slugs are derived from it.
pub(super) fn locality(value: &str, (): &()) -> garde::Result {
    text(value, 200, false)
}

/// The shape of an ISO 3166-1 alpha-2 code that is assigned.
pub(super) fn country(value: &str, (): &()) -> garde::Result {
    let known = value.len() == 2 && rust_iso3166::from_alpha2(value).is_some();
    if known { Ok(()) } else { Err(refusal("invalid", "not an ISO 3166-1 alpha-2 code in upper case")) }
}

/// -90 to 90.
pub(super) fn latitude(value: &f64, (): &()) -> garde::Result {
    within(*value, 90.0)
}

/// -180 to 180.
pub(super) fn longitude(value: &f64, (): &()) -> garde::Result {
    within(*value, 180.0)
}

fn within(value: f64, limit: f64) -> garde::Result {
    // NaN is within nothing.
    if value.abs() <= limit { Ok(()) } else { Err(refusal("out_of_range", &format!("from -{limit} to {limit}"))) }
}

/// The shape of an IANA time zone; whether it is one is asked of the places.
pub(super) fn time_zone(value: &str, (): &()) -> garde::Result {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+' | b'/');
    if (1..=64).contains(&value.len()) && value.bytes().all(allowed) {
        Ok(())
    } else {
        Err(refusal("invalid", "not an IANA time zone"))
    }
}

/// An address as browsers understand it.
pub(super) fn e_mail(value: &str, (): &()) -> garde::Result {
    text(value, MAX_E_MAIL_CHARS, false)?;
    if is_mailbox(value) { Ok(()) } else { Err(refusal("invalid", "not an e-mail address like name@example.com")) }
}

/// The rule of HTML's `<input type=email>` (HTML Living Standard, 4.10.5.1.5), which is narrower than RFC 5322 on purpose;
/// and the address of a host in brackets. By hand: garde's own rule is a regular expression.
fn is_mailbox(value: &str) -> bool {
    let Some((name, host)) = value.split_once('@') else { return false };
    let in_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let is_label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<IpAddr>().is_ok(),
        None => host.len() <= 255 && host.split('.').all(is_label),
    };
    (1..=64).contains(&name.len()) && name.bytes().all(in_a_name) && is_host
}

/// An absolute http or https address without a user's name or password.
pub(super) fn website(value: &str, (): &()) -> garde::Result {
    text(value, MAX_WEBSITE_CHARS, false)?;
    let url = Url::parse(value).map_err(|error| refusal("invalid", &format!("not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refusal("invalid", "must be http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refusal("invalid", "must not name a user"));
    }
    Ok(())
}

/// Opening hours as OpenStreetMap writes them; the refusal names the character.
pub(super) fn opening_hours(value: &str, (): &()) -> garde::Result {
    text(value, hours::TEXT_CHARS_MAX, false)?;
    Hours::parse(value).map(drop).map_err(|error| refusal("syntax", &format!("not opening hours: {error}")))
}

/// Why, for people.
pub(super) fn reason(value: &str, (): &()) -> garde::Result {
    text(value, MAX_REASON_CHARS, false)
}

/// A text to be shown.
pub(super) fn attribution(value: &str, (): &()) -> garde::Result {
    text(value, MAX_ATTRIBUTION_CHARS, false)
}

/// Name of a source system.
pub(crate) fn source_system(value: &str, (): &()) -> garde::Result {
    attribute_key(value)
}

/// Id in a source system.
pub(crate) fn external_id(value: &str, (): &()) -> garde::Result {
    text(value, MAX_EXTERNAL_ID_BYTES, false)?;
    if value.len() > MAX_EXTERNAL_ID_BYTES {
        return Err(refusal("too_long", &format!("at most {MAX_EXTERNAL_ID_BYTES} bytes")));
    }
    Ok(())
}

/// Letters, digits and `_.-`, so that a key can stand in a query.
pub(super) fn attribute_key(key: &str) -> garde::Result {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-');
    if (1..=64).contains(&key.len()) && key.bytes().all(allowed) {
        Ok(())
    } else {
        Err(refusal("invalid", "1 to 64 of a-z, 0-9, '_', '.', '-'"))
    }
}

/// Text; popularity goes into ranks and is a number.
pub(super) fn attribute(key: &str, value: &str) -> garde::Result {
    text(value, MAX_ATTRIBUTE_CHARS, false)?;
    let is_number =
        || value.bytes().all(|b| b.is_ascii_digit()) && value.parse().is_ok_and(|n: u32| n <= MAX_POPULARITY);
    if key != "popularity" || is_number() {
        Ok(())
    } else {
        Err(refusal("out_of_range", &format!("a whole number from 0 to {MAX_POPULARITY}")))
    }
}

/// The shape of a BCP 47 tag (RFC 5646): a language of letters, then parts of letters and digits.
pub(super) fn language_tag(tag: &str) -> garde::Result {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let well_formed = tag.len() <= 35
        && (2..=8).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if well_formed { Ok(()) } else { Err(refusal("invalid", "not a BCP 47 language tag")) }
}

#[cfg(test)]
mod tests {
    use super::is_mailbox;

    #[test]
    fn mailboxes_are_told_from_what_is_none() {
        let (long, longer) = ("a".repeat(63), "a".repeat(64));
        for good in [
            "moe@moes.example",
            "moe@localhost",
            "m.o.e+bar!#$%&'*/=?^_`{|}~-@9-9.example",
            "moe@[127.0.0.1]",
            "moe@[2001:db8::1]",
            &format!("{longer}@{long}.example"),
        ] {
            assert!(is_mailbox(good), "{good}");
        }
        for bad in [
            "",
            "moe",
            "@moes.example",
            "moe@",
            "moe@@moes.example",
            "a@b@c",
            "moe @moes.example",
            "moe@moes.example\n",
            "mö@moes.example",
            "moe@mö.example",
            "moe@moes..example",
            "moe@moes.example.",
            "moe@-moes.example",
            "moe@moes-.example",
            "moe@[moes.example]",
            "moe@[127.0.0.1",
            &format!("{longer}a@moes.example"),
            &format!("moe@{longer}.example"),
            &format!("moe@{}", [long.as_str(); 4].join(".") + ".a"),
        ] {
            assert!(!is_mailbox(bad), "{bad}");
        }
    }
}
