//! A table without lines: columns as wide as what stands in them, and only those that fit.

use super::text::{Line, Piece, Tone};

/// A heading of a column, and how wide it is at least, so that it does not move with every number.
pub(super) type Heading = (&'static str, usize);

/// Lines of a table. The first column begins at the left, the others end at the right. A column that does not fit in
/// is left out with all behind it: half of a number would be another number.
pub(super) fn table(headings: &[Heading], rows: Vec<Vec<Piece>>, width: usize) -> Vec<Line> {
    let title = |index| if index == 0 { Tone::Title } else { Tone::Heading };
    let first = headings.iter().enumerate().map(|(index, (text, _))| Piece::new(*text, title(index))).collect();
    let rows: Vec<Vec<Piece>> = std::iter::once(first).chain(rows).collect();
    let widths = widths(headings, &rows, width);
    let line = |row: Vec<Piece>| {
        let cells = row.into_iter().zip(&widths).enumerate();
        let padded = cells.flat_map(|(index, (cell, width))| {
            let padding = Piece::from(" ".repeat(width.saturating_sub(cell.width()) + usize::from(index > 0)));
            if index == 0 { [cell, padding] } else { [padding, cell] }
        });
        Line(padded.collect())
    };
    rows.into_iter().map(line).collect()
}

/// Of the columns that fit in; the first is always there.
fn widths(headings: &[Heading], rows: &[Vec<Piece>], width: usize) -> Vec<usize> {
    let widest = |index: usize| rows.iter().filter_map(|row| row.get(index)).map(Piece::width).max();
    let mut taken = 0;
    let columns = headings.iter().enumerate().map(|(index, (_, least))| (*least).max(widest(index).unwrap_or(0)));
    let fitting = columns.enumerate().take_while(|(index, wide)| {
        taken += wide + usize::from(*index > 0);
        *index == 0 || taken <= width
    });
    fitting.map(|(_, wide)| wide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_grow_with_their_numbers_and_are_never_cut() {
        let table = |width| {
            let row = |cells: [&str; 3]| cells.map(|text| Piece::from(text.to_owned())).into();
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
