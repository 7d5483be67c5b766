//! Lines of styled text, as wide as they are on a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of text means; how that looks is the terminal's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing but itself.
    Plain,
    /// The name of a section.
    Title,
    /// The name of a column.
    Heading,
    /// All is well.
    Good,
    /// Worth a second look.
    Watch,
    /// Somebody is needed.
    Bad,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// What stands there.
    pub(super) text: String,
    /// What it means.
    pub(super) tone: Tone,
}

impl Piece {
    /// With a meaning.
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// Places on a terminal.
    pub(super) fn width(&self) -> usize {
        self.text.width()
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line(pub(super) Vec<Piece>);

impl Line {
    /// As much of it as has room: a terminal would go on in the next line.
    pub(super) fn cut(&self, width: usize) -> Self {
        let mut room = width;
        let mut pieces = Vec::new();
        'line: for piece in &self.0 {
            pieces.push(Piece::new("", piece.tone));
            // A control character moves the cursor or rings a bell: the words of a server must not.
            for character in piece.text.chars().filter(|character| !character.is_control()) {
                let Some(left) = room.checked_sub(character.width().unwrap_or(0)) else { break 'line };
                room = left;
                pieces.last_mut().expect("one was pushed just now").text.push(character);
            }
        }
        Self(pieces)
    }
}

impl From<Piece> for Line {
    fn from(piece: Piece) -> Self {
        Self(vec![piece])
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(&piece.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_the_room_ends_and_moves_no_cursor() {
        let line = Line(vec![Piece::new("85 µs", Tone::Good), Piece::new(" 本当\u{1b}[2J\n!", Tone::Bad)]);
        let cut = |width| line.cut(width).to_string();
        assert_eq!(cut(4), "85 µ");
        // A wide letter has two places or none, and nothing behind it takes its place.
        assert_eq!((cut(9).as_str(), cut(10).as_str()), ("85 µs 本", "85 µs 本当"));
        assert_eq!(cut(100), "85 µs 本当[2J!");
        assert_eq!(cut(0), "");
    }
}
