//! Writes documents: the pieces of a template one after the other, names filled into its holes.
//!
//! The hot path of the query API: no JSON is parsed but for a page's hours, and one buffer takes it all.

use serde::Serialize;
use views::{Hole, NodeRow, Piece, Template, Tree, ViewError};

use crate::names::Names;

/// Room for a filled hole; a wrong guess costs a reallocation and nothing else.
const HOLE_BYTES_GUESS: usize = 96;

/// Bytes that the document will take, about.
pub(crate) fn size_hint(template: &Template<'_>) -> usize {
    template
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Json(json) => json.len(),
            Piece::Hole(_) => HOLE_BYTES_GUESS,
        })
        .sum()
}

/// Appends the filled-in document.
pub(crate) fn write_template(out: &mut Vec<u8>, template: &Template<'_>, names: &Names) -> Result<(), ViewError> {
    for piece in &template.pieces {
        match piece {
            Piece::Json(json) => out.extend_from_slice(json.as_bytes()),
            Piece::Hole(Hole::Node(tree, ordinal)) => {
                write_node(out, names.row(*tree, *ordinal)?, names);
                out.push(b'}');
            }
            Piece::Hole(Hole::Place(ordinal)) => {
                let row = names.row(Tree::Location, *ordinal)?;
                write_node(out, row, names);
                out.extend_from_slice(br#","path":["#);
                for (i, ancestor) in row.ancestors.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write_node(out, names.row(Tree::Location, *ancestor)?, names);
                    out.push(b'}');
                }
                out.extend_from_slice(b"]}");
            }
        }
    }
    Ok(())
}

/// Without the closing brace.
fn write_node(out: &mut Vec<u8>, row: &NodeRow, names: &Names) {
    out.extend_from_slice(br#"{"slug":"#);
    write_json(out, row.slug.as_str());
    out.extend_from_slice(br#","name":"#);
    write_json(out, names.name(row));
}

/// Appends a value as JSON.
pub(crate) fn write_json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("memory takes any bytes, and documents hold nothing that JSON cannot say");
}
