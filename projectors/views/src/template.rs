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

/// Writes JSON objects, member by member, as bodies of templates. One after the other: the buffer is kept.
#[derive(Debug, Default)]
pub struct TemplateWriter {
    json: Vec<u8>,
    /// Holes, each before the byte of `json` at which it is.
    holes: Vec<(usize, Hole)>,
    body: Vec<u8>,
}

impl TemplateWriter {
    /// Adds a member.
    pub fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> &mut Self {
        self.name(name);
        serde_json::to_writer(&mut self.json, value)
            .expect("rows hold only strings, numbers, maps with text keys and lists");
        self
    }

    /// Adds a member if there is a value.
    pub fn optional(&mut self, name: &str, value: Option<&(impl Serialize + ?Sized)>) -> &mut Self {
        match value {
            Some(value) => self.member(name, value),
            None => self,
        }
    }

    /// Adds a member whose value is filled in later.
    pub fn hole(&mut self, name: &str, hole: Hole) -> &mut Self {
        self.name(name);
        self.holes.push((self.json.len(), hole));
        self
    }

    /// Adds a member whose value is filled in later, if there is one.
    pub fn optional_hole(&mut self, name: &str, hole: Option<Hole>) -> &mut Self {
        match hole {
            Some(hole) => self.hole(name, hole),
            None => self,
        }
    }

    /// Adds a list whose items are filled in later.
    pub fn holes(&mut self, name: &str, holes: impl IntoIterator<Item = Hole>) -> &mut Self {
        self.name(name);
        self.json.push(b'[');
        for (i, hole) in holes.into_iter().enumerate() {
            if i > 0 {
                self.json.push(b',');
            }
            self.holes.push((self.json.len(), hole));
        }
        self.json.push(b']');
        self
    }

    /// Ends the object: the body of a row. The next member begins another one.
    pub fn finish(&mut self, updated_at: Timestamp) -> Vec<u8> {
        if self.json.is_empty() {
            self.json.push(b'{');
        }
        self.json.push(b'}');
        let json = std::str::from_utf8(&self.json).expect("JSON is written as text");
        let (mut pieces, mut begun) = (Vec::with_capacity(2 * self.holes.len() + 1), 0);
        for (at, hole) in self.holes.drain(..) {
            pieces.extend([Piece::Json(json[begun..at].into()), Piece::Hole(hole)]);
            begun = at;
        }
        pieces.push(Piece::Json(json[begun..].into()));
        // Written where there is room, then copied: a row lives long and must not hold more than it needs.
        self.body = crate::to_body_after(&Template { updated_at, pieces }, std::mem::take(&mut self.body));
        self.json.clear();
        let body = self.body.as_slice().to_vec();
        self.body.clear();
        body
    }

    fn name(&mut self, name: &str) {
        self.json.push(if self.json.is_empty() { b'{' } else { b',' });
        self.json.push(b'"');
        self.json.extend(name.as_bytes());
        self.json.extend(b"\":");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn filled_holes_give_json() {
        let mut writer = TemplateWriter::default();
        let _ = writer.member("name", &"another").hole("location", Hole::Place(Ordinal(9))).finish(Timestamp(1));
        let body = writer
            .member("name", &"a \"quoted\" name")
            .optional("phone", None::<&String>)
            .holes("categories", [1, 2].map(|o| Hole::Node(Tree::Category, Ordinal(o))))
            .hole("location", Hole::Place(Ordinal(3)))
            .finish(Timestamp(5));
        let read = Template::from_body(&body).unwrap();
        assert_eq!(read.updated_at, Timestamp(5));
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
