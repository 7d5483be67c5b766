//! Reads a text, or says where it cannot be read.

use std::num::NonZeroUsize;
use std::sync::Once;

use opening_hours_syntax::Error;
use opening_hours_syntax::rules::OpeningHoursExpression;
use opening_hours_syntax::rules::day::DaySelector;
use pest::error::{ErrorVariant, InputLocation};
use thiserror::Error as ThisError;

/// The longest text.
pub const TEXT_CHARS_MAX: usize = 500;

/// Steps of the grammar for one text. Real texts take a few thousand; some short ones would take billions
/// (`Jan Su[1],Jan Su[1],…` doubles and more with each part).
const GRAMMAR_STEPS_MAX: usize = 100_000;

/// So much of the unreadable rest is repeated.
const QUOTED_CHARS: usize = 20;

/// Why a text is not opening hours.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("{reason}")]
pub struct SyntaxError {
    /// The character, counted from 1, from which on the text cannot be read; one behind the end if more was expected.
    pub character: usize,
    /// What is wrong, for people; names the character.
    pub reason: String,
}

impl SyntaxError {
    fn new(text: &str, byte: usize, what: &str) -> Self {
        let byte = (0..=byte.min(text.len())).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0);
        let character = text[..byte].chars().count() + 1;
        let mut rest = text[byte..].chars();
        let quoted: String = rest.by_ref().take(QUOTED_CHARS).collect();
        let more = if rest.next().is_some() { "…" } else { "" };
        let place = if quoted.is_empty() { "at the end".to_owned() } else { format!("at {quoted:?}{more}") };
        Self { character, reason: format!("{what} from character {character} on, {place}") }
    }
}

/// What a text says.
pub(crate) fn parse(text: &str) -> Result<OpeningHoursExpression, SyntaxError> {
    if let Some((byte, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        return Err(SyntaxError::new(text, byte, &format!("at most {TEXT_CHARS_MAX} characters: too long")));
    }
    // The limit is one for the whole process; nothing else in it uses this parser.
    static LIMITED: Once = Once::new();
    LIMITED.call_once(|| pest::set_call_limit(NonZeroUsize::new(GRAMMAR_STEPS_MAX)));

    let expression = opening_hours_syntax::parse(finished(text)).map_err(|error| explain(text, &error))?;
    // A comment alone means that it depends; the grammar's crate takes it for open.
    Ok(opening_hours_syntax::parse(&with_explicit_unknown(finished(text))).unwrap_or(expression))
}

/// Without what mappers leave behind the last rule.
fn finished(text: &str) -> &str {
    text.trim_end_matches([' ', ';'])
}

fn explain(text: &str, error: &Error) -> SyntaxError {
    /// Where a part that was read and then refused stands.
    fn part(text: &str, part: &str) -> usize {
        text.find(part).unwrap_or(0)
    }
    match error {
        Error::Syntax(error) => {
            let byte = match error.location {
                InputLocation::Pos(byte) | InputLocation::Span((byte, _)) => byte,
            };
            match error.variant {
                ErrorVariant::ParsingError { .. } => SyntaxError::new(text, byte, "cannot be read"),
                // The only other error is that the steps are used up.
                ErrorVariant::CustomError { .. } => SyntaxError::new(text, 0, "too complicated"),
            }
        }
        Error::Unsupported(what) => {
            let byte = text.to_ascii_lowercase().find("easter").unwrap_or(0);
            SyntaxError::new(text, byte, &format!("not supported ({what})"))
        }
        Error::Overflow { value, .. } => {
            SyntaxError::new(text, part(text, &value.to_string()), "a number is too large")
        }
        Error::InvalidExtendedTime { hour, minutes } => {
            SyntaxError::new(text, part(text, &format!("{hour}:{minutes:02}")), "there is no such time")
        }
        Error::InvertedYearRange { start, end, .. } => {
            SyntaxError::new(text, part(text, &format!("{}-{}", **start, **end)), "years run backwards")
        }
        Error::InvertedWeekRange { start, end, .. } => {
            let spellings = [format!("{}-{}", **start, **end), format!("{}-{:02}", **start, **end)];
            let byte = spellings.iter().find_map(|spelling| text.find(spelling.as_str())).unwrap_or(0);
            SyntaxError::new(text, byte, "weeks run backwards")
        }
        Error::GrammarUnexpectedToken { .. } | Error::GrammarLogic { .. } => {
            SyntaxError::new(text, 0, "cannot be understood")
        }
    }
}

/// Days that can be read and not evaluated.
pub(crate) fn not_evaluated(text: &str, days: &DaySelector) -> SyntaxError {
    SyntaxError::new(text, 0, &format!("days that cannot be evaluated ({days})"))
}

/// Writes `unknown` in front of comments that stand for a state.
fn with_explicit_unknown(text: &str) -> String {
    const STATES: [&str; 4] = ["open", "closed", "off", "unknown"];
    let mut explicit = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let Some(length) = rest[start + 1..].find('"') else { break };
        let (before, comment) = (&rest[..start], &rest[start..start + length + 2]);
        rest = &rest[start + length + 2..];
        explicit.push_str(before);
        let words = before.trim_end().to_ascii_lowercase();
        // `"Summer":` in front of a rule only names it.
        if !rest.starts_with(':') && !STATES.iter().any(|state| words.ends_with(state)) {
            explicit.push_str("unknown ");
        }
        explicit.push_str(comment);
    }
    explicit.push_str(rest);
    explicit
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_character() {
        for (text, character) in [
            ("", 1),
            ("Mo-Fr 09:00-17:00; Funday off", 20),
            ("Mo-Fr 09:00-", 13),
            ("Mo-Fr 09:00-17:00 \"später\"; Sä 10:00-12:00", 29),
            ("Mo-Fr 9am-5pm", 7),
            ("week 40-10", 6),
            ("Mo-Fr; 2030-2020 off", 8),
            ("easter-5", 1),
            ("Mo 10:00-48:30", 10),
            ("week 1-53/300", 11),
            ("2:00-17:00/ 24:00", 1),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.character, character, "{text}: {error}");
            assert!(error.reason.contains(&format!("character {character} ")), "{error}");
        }
    }

    #[test]
    fn a_text_is_bounded() {
        let comment = |chars: usize| format!("Mo \"{}\"", "ä".repeat(chars - 5));
        parse(&comment(TEXT_CHARS_MAX)).unwrap();
        assert_eq!(parse(&comment(TEXT_CHARS_MAX + 1)).unwrap_err().character, TEXT_CHARS_MAX + 1);
    }

    #[test]
    fn a_comment_alone_means_that_it_depends() {
        for (text, explicit) in [
            ("\"by appointment\"", "unknown \"by appointment\""),
            ("Mo 10:00-12:00\"x\"; Tu open \"y\"", "Mo 10:00-12:00unknown \"x\"; Tu open \"y\""),
            ("\"Summer\": Mo OFF \"z\"", "\"Summer\": Mo OFF \"z\""),
            ("Mo \"open", "Mo \"open"),
        ] {
            assert_eq!(with_explicit_unknown(text), explicit);
        }
    }

    #[test]
    fn what_mappers_leave_behind_does_no_harm() {
        assert_eq!(parse("Mo-Fr 09:00-17:00; "), parse("Mo-Fr 09:00-17:00"));
        assert_eq!(parse(" ; ").unwrap_err().character, 1);
    }
}
