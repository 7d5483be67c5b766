//! A table without lines: columns as wide as what stands in them, and only those that fit.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// What stands in one place.
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// In this style.
    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::styled(text, Style::new())
    }
}

/// What stands above the columns; the first one names the table.
const HEADING: Style = Style::new().add_modifier(Modifier::DIM);
const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);

/// A heading of a column, and how wide it is at least, so that it does not move with every number.
pub(super) type Heading = (&'static str, usize);

/// Lines of a table. The first column begins at the left, the others end at the right. A column that does not fit in
/// is left out with all behind it: half of a number would be another number.
pub(super) fn table(headings: &[Heading], rows: Vec<Vec<Cell>>, width: usize) -> Vec<Line<'static>> {
    let title = |index| if index == 0 { TITLE } else { HEADING };
    let first = headings.iter().enumerate().map(|(index, (text, _))| Cell::styled(*text, title(index))).collect();
    let rows: Vec<Vec<Cell>> = std::iter::once(first).chain(rows).collect();
    let widths = widths(headings, &rows, width);
    let line = |row: Vec<Cell>| {
        let cells = row.into_iter().zip(&widths).enumerate();
        Line::from_iter(cells.flat_map(|(index, (cell, width))| {
            let padding = " ".repeat(width.saturating_sub(span_width(&cell.text)) + usize::from(index > 0));
            let (padding, text) = (Span::raw(padding), Span::styled(cell.text, cell.style));
            if index == 0 { [text, padding] } else { [padding, text] }
        }))
    };
    rows.into_iter().map(line).collect()
}

/// Of the columns that fit in; the first is always there.
fn widths(headings: &[Heading], rows: &[Vec<Cell>], width: usize) -> Vec<usize> {
    let widest = |index: usize| rows.iter().filter_map(|row| row.get(index)).map(|cell| span_width(&cell.text)).max();
    let mut taken = 0;
    let columns = headings.iter().enumerate().map(|(index, (_, least))| (*least).max(widest(index).unwrap_or(0)));
    let fitting = columns.enumerate().take_while(|(index, wide)| {
        taken += wide + usize::from(*index > 0);
        *index == 0 || taken <= width
    });
    fitting.map(|(_, wide)| wide).collect()
}

fn span_width(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_grow_with_their_numbers_and_are_never_cut() {
        let table = |width| {
            let row = |cells: [&str; 3]| cells.map(|text| Cell::from(text.to_owned())).into();
            let rows = vec![row(["directory", "1,234,567", "85 µs"]), row(["x", "2", "-"])];
            let lines = table(&[("Groups", 4), ("at", 3), ("took", 8)], rows, width);
            lines.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let whole = ["Groups           at     took", "directory 1,234,567    85 µs", "x                 2        -"];
        assert_eq!(table(28), whole);
        assert_eq!(table(27), ["Groups           at", "directory 1,234,567", "x                 2"]);
        assert_eq!(table(0), ["Groups   ", "directory", "x        "]);
    }
}
