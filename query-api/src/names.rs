//! The categories and locations that a document names, read at once.

use std::collections::BTreeSet;

use views::{Hole, Locale, NodeRow, Ordinal, RowKey, Template, Tree, ViewError, ViewReader, choose_name};

/// Node rows, and the locale in which they are shown.
pub(crate) struct Names {
    /// In order of their keys. A page has few: searching is cheaper than hashing.
    rows: Vec<((Tree, Ordinal), NodeRow)>,
    locale: Option<Locale>,
}

impl Names {
    /// Reads nodes, in one read; none if there are none to read.
    pub(crate) async fn load(
        views: &dyn ViewReader,
        mut nodes: Vec<(Tree, Ordinal)>,
        locale: Option<Locale>,
    ) -> Result<Self, ViewError> {
        nodes.sort_unstable();
        nodes.dedup();
        let mut names = Self { rows: Vec::with_capacity(nodes.len()), locale };
        names.add(views, nodes).await?;
        Ok(names)
    }

    /// Reads what is around the places, in one more read; none if they are all at the top.
    pub(crate) async fn load_around(
        &mut self,
        views: &dyn ViewReader,
        places: impl IntoIterator<Item = Ordinal>,
    ) -> Result<(), ViewError> {
        let mut around = BTreeSet::new();
        for place in places {
            for ancestor in &self.row(Tree::Location, place)?.ancestors {
                around.insert((Tree::Location, *ancestor));
            }
        }
        around.retain(|key| self.find(*key).is_none());
        self.add(views, around.into_iter().collect()).await
    }

    /// The row of a node that was read.
    pub(crate) fn row(&self, tree: Tree, ordinal: Ordinal) -> Result<&NodeRow, ViewError> {
        self.find((tree, ordinal)).ok_or_else(|| missing(tree, ordinal))
    }

    /// The name of a node in the wanted locale.
    pub(crate) fn name<'n>(&self, row: &'n NodeRow) -> &'n str {
        choose_name(&row.names, self.locale.as_ref())
    }

    /// Every node that was read.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &NodeRow> {
        self.rows.iter().map(|(_, row)| row)
    }

    fn find(&self, key: (Tree, Ordinal)) -> Option<&NodeRow> {
        let place = self.rows.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(&self.rows[place].1)
    }

    async fn add(&mut self, views: &dyn ViewReader, nodes: Vec<(Tree, Ordinal)>) -> Result<(), ViewError> {
        if nodes.is_empty() {
            return Ok(());
        }
        let keys: Vec<RowKey> = nodes.iter().map(|(tree, ordinal)| RowKey::Node(*tree, *ordinal)).collect();
        for (key, row) in nodes.into_iter().zip(views.multi_get(&keys).await?) {
            let row = row.ok_or_else(|| missing(key.0, key.1))?;
            self.rows.push((key, NodeRow::from_body(&row.body)?));
        }
        self.rows.sort_unstable_by_key(|(key, _)| *key);
        Ok(())
    }
}

/// The nodes that stand in the holes of a document.
pub(crate) fn nodes_of<'t>(template: &'t Template<'_>) -> impl Iterator<Item = (Tree, Ordinal)> + 't {
    template.holes().map(|hole| match hole {
        Hole::Node(tree, ordinal) => (tree, ordinal),
        Hole::Place(ordinal) => (Tree::Location, ordinal),
    })
}

/// The locations that stand in the holes of a document with everything around them.
pub(crate) fn places_of<'t>(template: &'t Template<'_>) -> impl Iterator<Item = Ordinal> + 't {
    template.holes().filter_map(|hole| match hole {
        Hole::Place(ordinal) => Some(ordinal),
        Hole::Node(..) => None,
    })
}

fn missing(tree: Tree, ordinal: Ordinal) -> ViewError {
    ViewError::Corrupt {
        operation: "read the nodes of a document",
        reason: format!("there is no row of {tree:?} {}", ordinal.0),
    }
}
