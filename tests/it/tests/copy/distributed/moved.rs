//! What stays valid, and what the old place says.

use event_log::{Moved, SqliteJournal};
use serde_json::Value;

use super::{Place, define_categories, end, journal_file, page, parts, problem, register, token_of};

const BUSINESSES: usize = 12;

#[tokio::test]
async fn a_moved_journal_goes_on_with_its_tokens_cursors_and_keys() {
    // Given: a program with a journal of its own, and clients who hold tokens, cursors and keys.
    let place = Place::new().await;
    let program = place.start("old").await;
    let client = program.client().unwrap();
    define_categories(&client).await;
    let mut tokens = Vec::new();
    for number in 0..BUSINESSES {
        tokens.push(token_of(&register(&client, &format!("Pizza {number}"), &format!("key-{number}")).await));
    }
    let token = tokens.last().unwrap().clone();
    let (journal, head) = parts(&token);
    let list = "/v1/categories/food/businesses?limit=5&sort=name";
    let first = page(&client, list, &token).await;
    let cursor = serde_json::from_slice::<Value>(&first.0).unwrap()["page"]["next_cursor"].as_str().unwrap().to_owned();
    let next = format!("{list}&cursor={cursor}");
    let pages = [first, page(&client, &next, &token).await, page(&client, "/v1/categories", &token).await];
    end(program).await;

    // When: it is moved.
    let said = place.done(&mut place.copy("old")).await;
    assert!(said.contains(&format!("journal {journal}: {head} events")), "{said}");
    let said = place.done(&mut place.copy("old")).await;
    assert!(said.contains("already"), "a second time changes nothing: {said}");

    // Then: a program on the database has the same pages, and takes the same tokens, cursors and keys.
    let program = place.start_distributed("new", "old").await;
    let client = program.client().unwrap();
    for (path, before) in [list, next.as_str(), "/v1/categories"].into_iter().zip(pages) {
        assert_eq!(page(&client, path, &token).await, before, "{path}");
    }
    for (number, before) in tokens.iter().enumerate() {
        let again = register(&client, &format!("Pizza {number}"), &format!("key-{number}")).await;
        assert_eq!((again.header("idempotent-replayed"), &token_of(&again)), ("true", before));
    }
    let further = register(&client, "Pizza 0", "another-key").await;
    assert_eq!(parts(&token_of(&further)), (journal, head + 1));
    let slug = further.json::<Value>().unwrap()["slug"].as_str().unwrap().to_owned();
    assert_ne!(slug, "pizza-0", "a name that was given is not given again");
    end(program).await;
    let old = place.data("old");
    let verify = ["journal", "verify", "--mode", "distributed", "--against", old.to_str().unwrap()];
    let said = place.done(&mut place.command("new", &verify)).await;
    assert!(said.contains(&format!("as in {}: {head} events, ", old.display())), "{said}");

    // And: where it was, it can be read, and takes nothing.
    let program = place.start("old").await;
    let client = program.client().unwrap();
    page(&client, list, &token).await;
    let (status, code, detail) = problem(&register(&client, "Pizza 99", "key-99").await);
    assert_eq!((status, code.as_str()), (410, "journal_moved"), "{detail}");
    assert!(detail.contains("this journal was moved to postgres://…@127.0.0.1:"), "{detail}");
    assert!(program.log_end().contains("this journal was moved to postgres://…@"), "{}", program.log_end());
    end(program).await;
}

#[tokio::test]
async fn a_database_that_is_in_use_is_refused_and_the_folder_goes_on() {
    let place = Place::new().await;
    for name in ["one", "two"] {
        let program = place.start(name).await;
        define_categories(&program.client().unwrap()).await;
        end(program).await;
    }
    place.done(&mut place.copy("one")).await;
    let (code, said) = place.said(&mut place.copy("two")).await;
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("with 2 events"), "{said}");
    let program = place.start("two").await;
    token_of(&register(&program.client().unwrap(), "Pizza", "key").await);
    // Nobody else may be at work on it.
    let (code, said) = place.said(&mut place.copy("two")).await;
    assert_eq!(code, 5, "{said}");
    end(program).await;
    // What differs is found.
    let two = place.data("two");
    let verify = ["journal", "verify", "--mode", "distributed", "--against", two.to_str().unwrap()];
    let program = place.start_distributed("new", "one").await;
    end(program).await;
    let (code, said) = place.said(&mut place.command("new", &verify)).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("two journals"), "{said}");
}

/// As after a kill between the mark and the commit, or between the commit and its answer.
#[tokio::test]
async fn a_copy_of_which_nobody_knows_whether_it_arrived_is_finished() {
    let place = Place::new().await;
    let program = place.start("old").await;
    define_categories(&program.client().unwrap()).await;
    end(program).await;
    let url = &place.database.url;
    let to = format!("postgres://…@{}", url.split_once('@').unwrap().1);
    let perhaps = Moved { to, arrived: false };
    for arrived in [false, true] {
        let file = journal_file(&place.data("old"));
        SqliteJournal::mark_moved(&file, &perhaps).await.unwrap();
        let program = place.start("old").await;
        let (_, code, detail) = problem(&register(&program.client().unwrap(), "Pizza", "key").await);
        assert_eq!(code, "journal_moved");
        assert!(detail.contains("may have been moved") && detail.contains("lawless journal copy"), "{detail}");
        end(program).await;
        let said = place.done(&mut place.copy("old")).await;
        assert_eq!(said.contains("already"), arrived, "{said}");
    }
    let program = place.start_distributed("new", "old").await;
    token_of(&register(&program.client().unwrap(), "Pizza", "key").await);
    end(program).await;
}
