//! The schema files, the serde structs and the golden bytes say the same.
//!
//! `UPDATE_GOLDEN=1` writes missing golden files; an existing one is never overwritten.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use apache_avro::Schema;
use events::*;
use uuid::Uuid;

fn text(s: &str) -> Option<String> {
    Some(s.to_owned())
}

fn address() -> Address {
    Address {
        street: text("12 Elm Street"),
        locality: text("Springfield"),
        region: text("Illinois"),
        postcode: text("62701"),
        country: text("US"),
    }
}

fn names() -> Names {
    BTreeMap::from([("de".to_owned(), "Pizzeria".to_owned()), ("en".to_owned(), "Pizza place".to_owned())])
}

/// A full and a minimal example of every event.
fn samples() -> Vec<(&'static str, Event, Event)> {
    let uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let category = CategoryId(Uuid::from_u128(2));
    let location = LocationId(Uuid::from_u128(3));
    let point = Point { lat: 39.781_72, lon: -89.650_15 };
    let registered = BusinessRegistered {
        business_id: BusinessId(uuid),
        slug: "café-düsseldorf".into(),
        name: "Café Düsseldorf 梵".into(),
        description: text("Coffee & cake"),
        primary_category: category,
        categories: vec![category, CategoryId(uuid)],
        location: Some(location),
        address: Some(address()),
        point: Some(point),
        time_zone: text("America/Chicago"),
        phone: text("+1 217 555 0100"),
        email: text("hello@example.com"),
        website: text("https://example.com"),
        opening_hours: text("Mo-Fr 08:00-18:00"),
        attributes: BTreeMap::from([("popularity".into(), "12".into()), ("vegan".into(), "yes".into())]),
        source: Some(Source {
            system: "osm".into(),
            external_id: "node/1".into(),
            licence: text("ODbL-1.0"),
            attribution: text("© OpenStreetMap contributors"),
        }),
    };
    let minimal = BusinessRegistered {
        description: None,
        categories: vec![category],
        location: None,
        address: None,
        point: None,
        time_zone: None,
        phone: None,
        email: None,
        website: None,
        opening_hours: None,
        attributes: BTreeMap::new(),
        source: None,
        ..registered.clone()
    };
    let changed = BusinessDetailsChanged {
        slug: text("new-slug"),
        name: text("New name"),
        description: text("d"),
        phone: text("1"),
        email: text("a@example.com"),
        website: text("https://example.org"),
        opening_hours: text("24/7"),
        attributes_set: BTreeMap::from([("k".into(), "v".into())]),
        attributes_removed: vec!["old".into()],
        removed: vec![
            DetailField::Description,
            DetailField::Phone,
            DetailField::Email,
            DetailField::Website,
            DetailField::OpeningHours,
        ],
    };
    let relocated = BusinessRelocated {
        location: Some(location),
        address: Some(address()),
        point: Some(point),
        time_zone: text("America/Chicago"),
    };
    let defined = LocationDefined {
        slug: "us-il-springfield".into(),
        parent: Some(location),
        kind: LocationKind::City,
        names: names(),
        point: Some(point),
    };
    vec![
        ("business", Event::BusinessRegistered(registered), Event::BusinessRegistered(minimal)),
        (
            "business",
            Event::BusinessDetailsChanged(changed),
            Event::BusinessDetailsChanged(BusinessDetailsChanged::default()),
        ),
        ("business", Event::BusinessRelocated(relocated), Event::BusinessRelocated(BusinessRelocated::default())),
        (
            "business",
            Event::BusinessRecategorized(BusinessRecategorized {
                primary_category: category,
                categories: vec![category, CategoryId(uuid)],
            }),
            Event::BusinessRecategorized(BusinessRecategorized {
                primary_category: category,
                categories: vec![category],
            }),
        ),
        (
            "business",
            Event::BusinessClosed(BusinessClosed { reason: text("retired") }),
            Event::BusinessClosed(BusinessClosed::default()),
        ),
        (
            "business",
            Event::BusinessRemoved(BusinessRemoved { reason: "never existed".into() }),
            Event::BusinessRemoved(BusinessRemoved { reason: "x".into() }),
        ),
        (
            "category",
            Event::CategoryDefined(CategoryDefined { slug: "pizza".into(), parent: Some(category), names: names() }),
            Event::CategoryDefined(CategoryDefined { slug: "food".into(), parent: None, names: names() }),
        ),
        (
            "location",
            Event::LocationDefined(defined.clone()),
            Event::LocationDefined(LocationDefined {
                parent: None,
                kind: LocationKind::Country,
                point: None,
                ..defined
            }),
        ),
        (
            "operations",
            Event::ParkedEventSkipped(ParkedEventSkipped {
                group: "directory".into(),
                position: 7,
                reason: "mangled by a bug".into(),
            }),
            Event::ParkedEventSkipped(ParkedEventSkipped {
                group: "directory".into(),
                position: 1,
                reason: "x".into(),
            }),
        ),
    ]
}

fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas/avro")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn golden_bytes_are_what_the_codec_writes_and_reads() {
    let codec = Codec::shared();
    for (folder, full, minimal) in samples() {
        let encoded = [codec.encode(&full), codec.encode(&minimal)];
        let file =
            schemas().join(folder).join(format!("{}.v{}.golden", encoded[0].event_type, encoded[0].schema_version));
        if !file.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text = format!("full {}\nminimal {}\n", hex(&encoded[0].payload), hex(&encoded[1].payload));
            std::fs::write(&file, text).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for ((line, name), (event, encoded)) in
            golden.lines().zip(["full", "minimal"]).zip([(&full, &encoded[0]), (&minimal, &encoded[1])])
        {
            let bytes = unhex(line.strip_prefix(name).unwrap().trim());
            assert_eq!(bytes, encoded.payload, "{} {name}", encoded.event_type);
            assert_eq!(&codec.decode(encoded.event_type, encoded.schema_version, &bytes).unwrap(), event);
        }
        assert_eq!(golden.lines().count(), 2);
    }
}

/// Names of the record's fields, as serde writes them.
fn serde_fields(event: &Event) -> BTreeSet<String> {
    fn keys(record: &impl serde::Serialize) -> BTreeSet<String> {
        serde_json::to_value(record).unwrap().as_object().unwrap().keys().cloned().collect()
    }
    match event {
        Event::BusinessRegistered(r) => keys(r),
        Event::BusinessDetailsChanged(r) => keys(r),
        Event::BusinessRelocated(r) => keys(r),
        Event::BusinessRecategorized(r) => keys(r),
        Event::BusinessClosed(r) => keys(r),
        Event::BusinessRemoved(r) => keys(r),
        Event::CategoryDefined(r) => keys(r),
        Event::LocationDefined(r) => keys(r),
        Event::ParkedEventSkipped(r) => keys(r),
    }
}

#[test]
fn every_schema_file_has_a_struct_with_the_same_fields_and_only_nullable_unions() {
    let mut files = BTreeSet::new();
    for folder in std::fs::read_dir(schemas()).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if let Some(stem) = name.strip_suffix(".avsc") {
                files.insert(stem.to_owned());
            }
        }
    }
    let mut known = BTreeSet::new();
    for (folder, full, _) in samples() {
        let encoded = Codec::shared().encode(&full);
        let stem = format!("{}.v{}", encoded.event_type, encoded.schema_version);
        let text = std::fs::read_to_string(schemas().join(folder).join(format!("{stem}.avsc"))).unwrap();
        let Schema::Record(record) = Schema::parse_str(&text).unwrap() else { panic!("{stem} is no record") };
        let fields: BTreeSet<String> = record.fields.iter().map(|f| f.name.clone()).collect();
        assert_eq!(fields, serde_fields(&full), "{stem}");
        for field in &record.fields {
            if let Schema::Union(union) = &field.schema {
                let variants = union.variants();
                assert!(
                    variants.len() == 2 && variants[0] == Schema::Null,
                    "{stem}.{} is more than nullable",
                    field.name
                );
            }
        }
        known.insert(stem);
    }
    assert_eq!(files, known, "every schema file belongs to an event, and every event to a file");
}

#[test]
fn hostile_bytes_are_refused_with_words() {
    let codec = Codec::shared();
    for (_, full, _) in samples() {
        let encoded = codec.encode(&full);
        for cut in 0..encoded.payload.len() {
            let cut_short = codec.decode(encoded.event_type, 1, &encoded.payload[..cut]);
            assert!(matches!(cut_short, Err(DecodeError::Malformed { .. })), "{} cut at {cut}", encoded.event_type);
        }
        let mut longer = encoded.payload.clone();
        longer.push(0);
        assert!(matches!(codec.decode(encoded.event_type, 1, &longer), Err(DecodeError::Malformed { .. })));
        // A length of 2^62 must not be believed.
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(codec.decode(encoded.event_type, 1, &huge).is_err());
    }
    assert!(matches!(codec.decode("BusinessRegistered", 99, &[]), Err(DecodeError::Unknown { .. })));
    assert!(matches!(codec.decode("Nonsense", 1, &[]), Err(DecodeError::Unknown { .. })));
}

/// A version that was never released: it proves that upcasting works before it is needed.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "BusinessRemoved")]
struct BusinessRemovedV0 {
    code: i32,
}

impl EventRecord for BusinessRemovedV0 {
    const TYPE: &'static str = "BusinessRemoved";
    const VERSION: u16 = 0;
    const SCHEMA: &'static str =
        r#"{"type":"record","name":"BusinessRemoved","fields":[{"name":"code","type":"int"}]}"#;
    fn upcast(self) -> Event {
        Event::BusinessRemoved(BusinessRemoved { reason: format!("code {}", self.code) })
    }
}

#[test]
fn an_older_version_is_upcast() {
    let codec = Codec::new().with::<BusinessRemovedV0>();
    // Avro writes int 7 as zig-zag 14.
    let event = codec.decode("BusinessRemoved", 0, &[14]).unwrap();
    assert_eq!(event, Event::BusinessRemoved(BusinessRemoved { reason: "code 7".into() }));
    assert_eq!(codec.encode(&event).schema_version, 1, "the newest version is what is written");
    assert!(Codec::new().decode("BusinessRemoved", 0, &[14]).is_err(), "a released codec does not know it");
}

#[test]
fn the_checksum_covers_every_field_of_the_header() {
    let header = EventHeader {
        event_id: EventId(Uuid::from_u128(1)),
        stream: StreamId { kind: StreamKind::Business, id: Uuid::from_u128(2) },
        version: StreamVersion(3),
        event_type: "BusinessRemoved".into(),
        schema_version: 1,
        occurred_at: Timestamp(4),
        actor: Actor { kind: ActorKind::Admin, id: "a".into() },
        causation: None,
        correlation: Uuid::from_u128(5),
        command_id: CommandId(Uuid::from_u128(6)),
    };
    let sum = header.checksum(b"payload");
    let changes: [fn(&mut EventHeader); 10] = [
        |h| h.event_id = EventId(Uuid::from_u128(9)),
        |h| h.stream.id = Uuid::from_u128(9),
        |h| h.stream.kind = StreamKind::Category,
        |h| h.version = StreamVersion(9),
        |h| h.event_type = "BusinessRemoveD".into(),
        |h| h.schema_version = 9,
        |h| h.occurred_at = Timestamp(9),
        |h| h.actor = Actor { kind: ActorKind::System, id: "a".into() },
        |h| h.causation = Some(EventId(Uuid::from_u128(9))),
        |h| h.correlation = Uuid::from_u128(9),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut other = header.clone();
        change(&mut other);
        assert_ne!(sum, other.checksum(b"payload"), "change {i}");
    }
    assert_ne!(sum, header.checksum(b"payloae"));
}
