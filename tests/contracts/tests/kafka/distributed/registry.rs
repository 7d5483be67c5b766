//! Values in the wire format of a schema registry.

use contracts::own::OwnEngine;
use contracts::services;
use event_log::{EventFeed, RelayHealth, SchemaRegistry};
use events::{Codec, Position};
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_schema_by_id, get_schema_by_subject_and_version,
};

use super::place::{Place, RawRecord, fares, halts, relayed};

async fn place(registry: &str) -> Place {
    let mut place = Place::new(services::kafka()).await;
    place.kafka.schema_registry = Some(SchemaRegistry::at(registry));
    place
}

/// Magic byte, id, payload.
fn parts(record: &RawRecord) -> (u32, &[u8]) {
    let (magic, rest) = record.value.split_first().unwrap();
    assert_eq!(*magic, 0);
    let (id, payload) = rest.split_first_chunk().unwrap();
    (u32::from_be_bytes(*id), payload)
}

/// A consumer that knows nothing of us finds the schema by the id, and it is the one that the payload was written with;
/// ours reads the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_begins_with_the_id_of_its_schema() {
    let registry = services::registry();
    let place = place(&registry).await;
    let relay = place.relay();
    let (stored, event) = place.append_real().await;
    relayed(&relay, Position(1)).await;

    let records = place.records().await;
    let record = records.iter().find(|record| record.position == Some(1)).unwrap();
    let (id, payload) = parts(record);
    assert_eq!(payload, stored.payload);
    let settings = SrSettings::new(registry);
    let schema = get_schema_by_id(id, &settings).await.unwrap();
    let known = Codec::shared().schemas().find(|known| known.event_type == stored.header.event_type).unwrap();
    // RecordNameStrategy: whatever topic it is in.
    let of_subject = get_schema_by_subject_and_version(&settings, known.name, None).await.unwrap();
    assert_eq!(of_subject.id, id);
    let schema = apache_avro::Schema::parse_str(&schema.schema).unwrap();
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().unwrap();
    let mut rest = payload;
    let value = reader.read_value(&mut rest).unwrap();
    assert!(rest.is_empty(), "the schema of that id is another one");
    assert!(format!("{value:?}").contains("Dive bar"), "{value:?}");
    assert_eq!(Codec::shared().decode("CategoryDefined", 1, payload).unwrap(), event);

    place.follow(&place.feed(), Position::ZERO, Position(1)).await;
    for known in Codec::shared().schemas() {
        get_schema_by_subject_and_version(&settings, known.name, Some(1)).await.unwrap();
    }
    relay.shutdown().await;
}

/// A topic has values from before the registry was set, and from after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_may_change_to_a_registry() {
    let mut place = Place::new(services::kafka()).await;
    let relay = place.relay();
    place.append(20).await;
    relayed(&relay, Position(20)).await;
    relay.shutdown().await;
    place.kafka.schema_registry = Some(SchemaRegistry::at(services::registry()));
    let relay = place.relay();
    place.append(20).await;
    relayed(&relay, Position(40)).await;
    let first_bytes = |position| {
        let records = place.records();
        async move { records.await.iter().find(|record| record.position == Some(position)).unwrap().value[0] }
    };
    assert_eq!([first_bytes(20).await, first_bytes(21).await], [0xc3, 0]);
    place.follow(&place.feed(), Position::ZERO, Position(40)).await;
    relay.shutdown().await;
}

/// While the registry is away nothing is written and the relay says why; one that relays already goes on. When the registry
/// is back, everything arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_away_stops_the_relay_and_loses_nothing() {
    let mut own = tokio::task::spawn_blocking(|| OwnEngine::start("registry")).await.unwrap();
    let place = place(&own.address()).await;
    let relay = place.relay();
    place.append(20).await;
    relayed(&relay, Position(20)).await;
    own = tokio::task::spawn_blocking(move || {
        own.kill();
        own
    })
    .await
    .unwrap();
    place.append(20).await;
    relayed(&relay, Position(40)).await;
    relay.shutdown().await;

    let relay = place.relay();
    place.append(20).await;
    let status = fares(&relay, |status| matches!(status.health, RelayHealth::Stalled { .. })).await;
    let words = status.health.reason().unwrap().to_owned();
    assert!(words.contains("schema registry at 127.0.0.1"), "{words}");
    // Who reads does not need it.
    let feed = place.feed();
    place.follow(&feed, Position::ZERO, Position(40)).await;
    assert_eq!(feed.head().await.unwrap(), Position(40));
    own = tokio::task::spawn_blocking(move || {
        own.up();
        own
    })
    .await
    .unwrap();
    relayed(&relay, Position(60)).await;
    place.follow(&feed, Position(40), Position(60)).await;
    place.assert_topic_has_no_hole(Position(60)).await;
    relay.shutdown().await;
    tokio::task::spawn_blocking(move || drop(own)).await.unwrap();
}

/// A registry that has another schema under the name of ours refuses ours: nothing is written, the relay says which one,
/// and goes on when it is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_the_registry_refuses_halts_the_relay_and_loses_nothing() {
    let own = tokio::task::spawn_blocking(|| OwnEngine::start("registry")).await.unwrap();
    let place = place(&own.address()).await;
    let name = "lawless.category.v1.CategoryDefined";
    let address = own.address();
    let ask = |method: &str, path: String, body: Option<&str>| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.request(method.parse().unwrap(), format!("{address}{path}"));
        let request = request.header("Content-Type", "application/vnd.schemaregistry.v1+json");
        let request = match body {
            Some(body) => request.body(body.to_owned()),
            None => request,
        };
        async move {
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    };
    let other = r#"{"schema": "{\"type\":\"record\",\"name\":\"CategoryDefined\",\"namespace\":\"lawless.category.v1\",\"fields\":[{\"name\":\"slug\",\"type\":\"int\"}]}"}"#;
    ask("POST", format!("/subjects/{name}/versions"), Some(other)).await;
    ask("PUT", "/config".to_owned(), Some(r#"{"compatibility": "FULL"}"#)).await;

    let relay = place.relay();
    place.append(20).await;
    let words = halts(&relay).await;
    assert!(words.contains(name) && words.contains("schema registry at"), "{words}");
    assert_eq!(place.feed().head().await.unwrap(), Position::ZERO, "nothing is written");
    ask("PUT", "/config".to_owned(), Some(r#"{"compatibility": "NONE"}"#)).await;
    relayed(&relay, Position(20)).await;
    place.follow(&place.feed(), Position::ZERO, Position(20)).await;
    relay.shutdown().await;
    tokio::task::spawn_blocking(move || drop(own)).await.unwrap();
}
