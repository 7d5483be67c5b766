//! A finished JSON document with holes for names, which depend on the reader's locale.
//!
//! A rename then rewrites one row and not every page that shows the name.

use events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::{Ordinal, Tree};
use crate::port::ViewError;

/// What belongs into a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hole {
    /// A category or location as [`crate::NamedNode`].
    Node(Tree, Ordinal),
    /// A location with everything around it, as [`crate::PlacedNode`].
    Place(Ordinal),
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece<'a> {
    /// Finished bytes.
    #[serde(borrow)]
    Json(std::borrow::Cow<'a, str>),
    /// To be filled in.
    Hole(Hole),
}

/// Body of [`crate::RowKey::Page`] and [`crate::RowKey::Card`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template<'a> {
    /// When anything in the document last changed, names aside.
    pub updated_at: Timestamp,
    /// The document, in order.
    #[serde(borrow)]
    pub pieces: Vec<Piece<'a>>,
}

impl<'a> Template<'a> {
    /// As a row's body.
    pub fn to_body(&self) -> Vec<u8> {
        // Besides the JSON there are tags, lengths and ordinals.
        let json = |piece: &Piece<'_>| if let Piece::Json(json) = piece { json.len() } else { 0 };
        let bytes_max = self.pieces.iter().map(|piece| json(piece) + 12).sum::<usize>() + 20;
        crate::to_body_within(self, bytes_max)
    }

    /// From a row's body; the JSON stays where it is.
    pub fn from_body(body: &'a [u8]) -> Result<Self, ViewError> {
        crate::from_body("read a document", body)
    }

    /// The holes, in order.
    pub fn holes(&self) -> impl Iterator<Item = Hole> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(*hole),
            Piece::Json(_) => None,
        })
    }
}

/// Room for the JSON between two holes of most documents.
const JSON_BYTES_USUAL: usize = 512;

/// Writes one JSON object, member by member.
#[derive(Debug)]
pub struct TemplateWriter {
    json: Vec<u8>,
    pieces: Vec<Piece<'static>>,
    first: bool,
}

impl Default for TemplateWriter {
    fn default() -> Self {
        let mut json = Vec::with_capacity(JSON_BYTES_USUAL);
        json.push(b'{');
        Self { json, pieces: Vec::new(), first: true }
    }
}

impl TemplateWriter {
    /// Adds a member.
    #[must_use]
    pub fn member(mut self, name: &str, value: &impl Serialize) -> Self {
        self.name(name);
        serde_json::to_writer(&mut self.json, value)
            .expect("rows hold only strings, numbers, maps with text keys and lists");
        self
    }

    /// Adds a member if there is a value.
    #[must_use]
    pub fn optional(self, name: &str, value: Option<&impl Serialize>) -> Self {
        match value {
            Some(value) => self.member(name, value),
            None => self,
        }
    }

    /// Adds a member whose value is filled in later.
    #[must_use]
    pub fn hole(mut self, name: &str, hole: Hole) -> Self {
        self.name(name);
        self.fill_in(hole);
        self
    }

    /// Adds a list whose items are filled in later.
    #[must_use]
    pub fn holes(mut self, name: &str, holes: impl IntoIterator<Item = Hole>) -> Self {
        self.name(name);
        self.json.push(b'[');
        for (i, hole) in holes.into_iter().enumerate() {
            if i > 0 {
                self.json.push(b',');
            }
            self.fill_in(hole);
        }
        self.json.push(b']');
        self
    }

    /// The document.
    pub fn finish(mut self, updated_at: Timestamp) -> Template<'static> {
        self.json.push(b'}');
        self.cut();
        Template { updated_at, pieces: self.pieces }
    }

    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.json.push(b',');
        }
        self.json.push(b'"');
        self.json.extend(name.as_bytes());
        self.json.extend(b"\":");
    }

    fn fill_in(&mut self, hole: Hole) {
        self.cut();
        self.pieces.push(Piece::Hole(hole));
    }

    fn cut(&mut self) {
        let json = String::from_utf8(std::mem::take(&mut self.json)).expect("JSON is written as text");
        self.pieces.push(Piece::Json(json.into()));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn filled_holes_give_json() {
        let template = TemplateWriter::default()
            .member("name", &"a \"quoted\" name")
            .optional("phone", None::<&String>)
            .holes("categories", [1, 2].map(|o| Hole::Node(Tree::Category, Ordinal(o))))
            .hole("location", Hole::Place(Ordinal(3)))
            .finish(Timestamp(5));
        let body = template.to_body();
        let read = Template::from_body(&body).unwrap();
        assert_eq!(read, template);
        assert!(matches!(&read.pieces[0], Piece::Json(std::borrow::Cow::Borrowed(_))), "reading copies nothing");
        let filled: String = read
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Json(json) => json.to_string(),
                Piece::Hole(hole) => format!("\"{hole:?}\""),
            })
            .collect();
        let json: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(json["categories"].as_array().unwrap().len(), 2);
        assert_eq!(json["name"], "a \"quoted\" name");
    }
}
