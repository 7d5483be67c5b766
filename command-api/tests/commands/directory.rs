//! A directory in a folder of its own, and short words for what tests say often.

use std::sync::{Arc, LazyLock};

use command_api::{
    Accepted, Command, CommandContext, CommandError, CommandOptions, CommandService, DefineCategory, DefineLocation,
    GivenLocationKind, GivenPoint, LocalizedNames, Places, Precondition, RegisterBusiness,
};
use event_log::{EventFeed, Journal, SqliteJournal, SqliteJournalOptions};
use events::{Actor, ActorKind, BusinessId, Codec, Event, Position, StreamVersion};

pub(crate) struct Directory {
    pub(crate) journal: SqliteJournal,
    pub(crate) service: CommandService,
    pub(crate) folder: tempfile::TempDir,
}

/// Loaded once for all tests.
static PLACES: LazyLock<Arc<Places>> = LazyLock::new(|| Arc::new(Places::new()));

/// In the middle of Springfield, Illinois.
pub(crate) const SPRINGFIELD: GivenPoint = GivenPoint { lat: 39.80172, lon: -89.64371 };

impl Directory {
    /// With the categories `bar` and `pizza`, and Springfield with what is around it.
    pub(crate) async fn open() -> Self {
        let directory = Self::empty().await;
        for slug in ["bar", "pizza"] {
            directory.accepted(category(slug, None)).await;
        }
        directory.accepted(location("us", None, GivenLocationKind::Country)).await;
        directory.accepted(location("us-il", Some("us"), GivenLocationKind::Region)).await;
        directory.accepted(location("us-il-springfield", Some("us-il"), GivenLocationKind::City)).await;
        directory
    }

    pub(crate) async fn empty() -> Self {
        Self::on(SqliteJournalOptions::default()).await
    }

    /// Without anything, on such a journal.
    pub(crate) async fn on(options: SqliteJournalOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path().join("journal.sqlite"), options).await.unwrap();
        let service = service(Arc::new(journal.clone()), CommandOptions::default());
        Self { journal, service, folder }
    }

    /// Another service over the same journal: what it does, the first one's memory does not know.
    pub(crate) fn other_service(&self) -> CommandService {
        service(Arc::new(self.journal.clone()), CommandOptions::default())
    }

    pub(crate) async fn execute(&self, command: Command) -> Result<Accepted, CommandError> {
        self.service.execute(context(), command).await
    }

    pub(crate) async fn accepted(&self, command: Command) -> Accepted {
        self.execute(command).await.unwrap()
    }

    pub(crate) async fn head(&self) -> Position {
        self.journal.feed().head().await.unwrap()
    }

    /// Every event after a position.
    pub(crate) async fn events_after(&self, position: Position) -> Vec<Event> {
        let recorded = self.journal.feed().read(position, 10_000).await.unwrap();
        recorded
            .iter()
            .map(|event| {
                Codec::shared().decode(&event.header.event_type, event.header.schema_version, &event.payload).unwrap()
            })
            .collect()
    }
}

pub(crate) fn service(journal: Arc<dyn Journal>, options: CommandOptions) -> CommandService {
    CommandService::new(journal, PLACES.clone(), options)
}

pub(crate) fn context() -> CommandContext {
    CommandContext::of(Actor { kind: ActorKind::Admin, id: "0badcafe".to_owned() })
}

pub(crate) fn with_key(key: &str) -> CommandContext {
    CommandContext { idempotency_key: Some(key.to_owned()), ..context() }
}

pub(crate) fn if_version(version: u64) -> CommandContext {
    CommandContext { if_match: Some(Precondition::Version(StreamVersion(version))), ..context() }
}

pub(crate) fn names(name: &str) -> LocalizedNames {
    LocalizedNames([("en".to_owned(), name.to_owned())].into())
}

pub(crate) fn category(slug: &str, parent: Option<&str>) -> Command {
    Command::DefineCategory(slug.to_owned(), DefineCategory { parent: parent.map(str::to_owned), names: names(slug) })
}

pub(crate) fn location(slug: &str, parent: Option<&str>, kind: GivenLocationKind) -> Command {
    Command::DefineLocation(
        slug.to_owned(),
        DefineLocation { parent: parent.map(str::to_owned), kind, names: names(slug), point: None },
    )
}

pub(crate) fn business(name: &str) -> RegisterBusiness {
    RegisterBusiness { name: name.to_owned(), categories: vec!["bar".to_owned()], ..RegisterBusiness::default() }
}

pub(crate) fn register(body: RegisterBusiness) -> Command {
    Command::RegisterBusiness(Box::new(body))
}

/// A change of the phone number.
pub(crate) fn phone(accepted: &Accepted, number: &str) -> Command {
    let change = serde_json::from_value(serde_json::json!({ "phone": number })).unwrap();
    Command::ChangeBusinessDetails(BusinessId(accepted.id), change)
}

pub(crate) fn change(accepted: &Accepted, body: serde_json::Value) -> Command {
    Command::ChangeBusinessDetails(BusinessId(accepted.id), serde_json::from_value(body).unwrap())
}

pub(crate) fn close(accepted: &Accepted) -> Command {
    Command::CloseBusiness(BusinessId(accepted.id), command_api::CloseBusiness::default())
}
