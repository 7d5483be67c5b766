//! Damage is found, and named.

use std::path::Path;

use it::Program;
use projectors::{Changes, Generations, LmdbProjectionStore, ProjectionStore, StoreOptions};
use serde_json::json;
use views::{Row, RowKey};

use super::{command, ended, output};

const NAME: &str = "Quarrelsome Quiche 4711";

/// A folder with one business, and no program on it.
async fn folder_with_a_business(folder: &Path) -> std::path::PathBuf {
    let mut program = Program::start(folder).await.unwrap();
    let client = program.client().unwrap();
    let category = json!({"names": {"en": "Quiche"}});
    assert_eq!(client.command("PUT", "/v1/categories/quiche", &category, &[]).await.unwrap().status, 201);
    let business = json!({"name": NAME, "categories": ["quiche"]});
    let answer = client.command("POST", "/v1/businesses", &business, &[]).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let token = answer.header("lawless-consistency").to_owned();
    let path = answer.header("location").to_owned();
    assert_eq!(client.get(&path, &[("Lawless-Consistency", &token)]).await.unwrap().status, 200);
    let data = program.data();
    program.terminate().unwrap();
    program.wait().await.unwrap();
    data
}

/// The code, and all that was said.
async fn verify(data: &Path, what: &str) -> (i32, String) {
    let output = output(command(data).args([what, "verify"])).await;
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    let (code, errors) = ended(&output);
    (code, said + &errors)
}

#[tokio::test]
async fn a_damaged_journal_is_found() {
    // Given: a whole journal.
    let folder = tempfile::tempdir().unwrap();
    let data = folder_with_a_business(folder.path()).await;
    let (code, said) = verify(&data, "journal").await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 events of 2 streams: dense, whole and understood"), "{said}");

    // When: one letter of an event is another one.
    let file = data.join("journal.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let places: Vec<_> = bytes.windows(NAME.len()).enumerate().filter(|(_, found)| *found == NAME.as_bytes()).collect();
    let places: Vec<usize> = places.into_iter().map(|(place, _)| place).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|place| bytes[place] = b'K');
    std::fs::write(&file, bytes).unwrap();

    // Then: it says which event.
    let (code, said) = verify(&data, "journal").await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the checksum of position 2 does not fit its bytes"), "{said}");
}

#[tokio::test]
async fn views_that_are_not_what_the_journal_makes_are_found() {
    // Given: views as they are made.
    let folder = tempfile::tempdir().unwrap();
    let data = folder_with_a_business(folder.path()).await;
    let (code, said) = verify(&data, "views").await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("rows at event 2: all as a replay of the journal makes them"), "{said}");

    // When: one row is changed, one added, one taken out.
    let views = Generations::of(&data.join("views"), "directory").serving_folder().unwrap().unwrap();
    let store = LmdbProjectionStore::open(&views, &StoreOptions::default()).unwrap();
    let mut rows = Vec::new();
    store.for_each_row(|key, row| rows.push((key.to_vec(), row))).unwrap();
    let (last, _) = rows.pop().unwrap();
    let (first, row) = rows.swap_remove(0);
    let changed = Row { body: b"something else".as_slice().into(), ..row.clone() };
    let added = RowKey::Reference("quarrel".to_owned()).to_bytes();
    let mut changes = vec![(first, Some(changed)), (added, Some(row)), (last, None)];
    changes.sort_by(|(a, _), (b, _)| a.cmp(b));
    let checkpoint = store.checkpoint().unwrap().unwrap();
    store.commit(&Changes { rows: changes, ..Changes::default() }, &checkpoint).unwrap();
    drop(store);

    // Then: each of them is named, and nothing stays behind from looking.
    let (code, said) = verify(&data, "views").await;
    assert_eq!(code, 1, "{said}");
    for words in ["has other bytes", "row rquarrel should not be there", "is missing", "3 differences to a replay"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(std::fs::read_dir(data.join("views")).unwrap().count(), 2);

    // And: while a server runs, the folder is its own.
    let program = Program::start(folder.path()).await.unwrap();
    assert_eq!(verify(&program.data(), "views").await.0, 5);
    assert_eq!(verify(&program.data(), "journal").await.0, 5);
}
