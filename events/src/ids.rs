//! Identifiers, versions, positions and time: newtypes, so that none is taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::envelope::UnknownName;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A business; UUIDv7, chosen by the command handler.
    BusinessId
);
uuid_id!(
    /// A category; UUIDv5 of the slug under which it was first defined.
    CategoryId
);
uuid_id!(
    /// A location; UUIDv5 of the slug under which it was first defined.
    LocationId
);
uuid_id!(
    /// An event; UUIDv7.
    EventId
);
uuid_id!(
    /// A command; UUIDv7. Also its idempotency key when the client sent none.
    CommandId
);
uuid_id!(
    /// A journal. A restored or forked journal gets another one, so that positions are never mixed.
    JournalId
);

/// Namespace of the UUIDv5 ids (random, fixed forever).
const TREE_NAMESPACE: Uuid = Uuid::from_u128(0x6c61_776c_6573_7364_8a51_9d0e_4c1f_22b7);

fn tree_id(kind: StreamKind, slug: &str) -> Uuid {
    Uuid::new_v5(&TREE_NAMESPACE, format!("{}/{slug}", kind.name()).as_bytes())
}

impl CategoryId {
    /// The id that a category defined under this slug has.
    pub fn from_slug(slug: &str) -> Self {
        Self(tree_id(StreamKind::Category, slug))
    }
}

impl LocationId {
    /// The id that a location defined under this slug has.
    pub fn from_slug(slug: &str) -> Self {
        Self(tree_id(StreamKind::Location, slug))
    }
}

/// What kind of aggregate a stream belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// A business.
    Business,
    /// A category.
    Category,
    /// A location.
    Location,
    /// Decisions of operators about a projection group.
    Operations,
}

impl StreamKind {
    const ALL: [Self; 4] = [Self::Business, Self::Category, Self::Location, Self::Operations];

    /// The name that stores and wires use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Category => "category",
            Self::Location => "location",
            Self::Operations => "operations",
        }
    }
}

impl FromStr for StreamKind {
    type Err = UnknownName;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|k| k.name() == s).ok_or_else(|| UnknownName(s.to_owned()))
    }
}

/// A stream: the events of one aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    /// Kind of the aggregate.
    pub kind: StreamKind,
    /// Id of the aggregate.
    pub id: Uuid,
}

impl StreamId {
    /// The stream of decisions about the projection group of this name.
    pub fn operations(group: &str) -> Self {
        Self { kind: StreamKind::Operations, id: tree_id(StreamKind::Operations, group) }
    }
}

impl From<BusinessId> for StreamId {
    fn from(id: BusinessId) -> Self {
        Self { kind: StreamKind::Business, id: id.0 }
    }
}

impl From<CategoryId> for StreamId {
    fn from(id: CategoryId) -> Self {
        Self { kind: StreamKind::Category, id: id.0 }
    }
}

impl From<LocationId> for StreamId {
    fn from(id: LocationId) -> Self {
        Self { kind: StreamKind::Location, id: id.0 }
    }
}

/// `business/0190…`, the record key on Kafka.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.name(), self.id)
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// Nothing yet.
            pub const ZERO: Self = Self(0);

            /// The one after this.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(
    /// Place of an event in the one dense order of its journal: 1, 2, 3, … 0 is before the first.
    Position
);
counter!(
    /// Number of events in a stream so far. 0 is a stream that does not exist.
    StreamVersion
);

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// RFC 3339, UTC, with as many fraction digits as are needed.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| self.0.to_string(), |t| t.to_string())
    }
}
