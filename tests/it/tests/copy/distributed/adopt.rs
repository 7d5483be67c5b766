//! A new id for the journal of a database.

use super::{Place, define_categories, end, page, parts, problem, register, token_of};

#[tokio::test]
async fn an_adopted_journal_refuses_what_was_derived_from_the_old_one() {
    // Given: two programs on one database, each with views of its own.
    let place = Place::new().await;
    let seed = place.start("seed").await;
    end(seed).await;
    let (one, two) = (place.start_distributed("one", "seed").await, place.start_distributed("two", "seed").await);
    define_categories(&one.client().unwrap()).await;
    let old = token_of(&register(&one.client().unwrap(), "Pizza 1", "1").await);
    page(&two.client().unwrap(), "/v1/categories", &old).await;
    end(one).await;

    // When: the journal is adopted where no program runs, and the other one goes on.
    let said = place.done(&mut place.command("one", &["journal", "adopt", "--mode", "distributed"])).await;
    let (before, head) = parts(&old);
    assert!(
        said.contains(&format!("journal {before} is journal ")) && said.contains(&format!("event {head} on")),
        "{said}"
    );

    // Then: that one takes nothing more, says why, and its views are refused when it starts again.
    let refused = register(&two.client().unwrap(), "Pizza 2", "2").await;
    assert!(refused.status >= 500, "{}", refused.text());
    let log = two.log_end();
    assert!(log.contains(&format!("and not {before}")), "{log}");
    end(two).await;
    let settings = place.settings();
    let options = ["--empty", "--mode", "distributed", "--config", settings.to_str().unwrap()];
    let refused = it::Program::start_with(&place.home("two"), &options).await.err().unwrap().to_string();
    assert!(refused.contains("exit status: 7"), "{refused}");

    // The one where it was adopted makes its views anew, and refuses tokens of the old journal.
    let one = place.start_distributed("one", "one").await;
    let client = one.client().unwrap();
    let stale = client.get("/v1/categories", &[("Lawless-Consistency", &old)]).await.unwrap();
    assert_eq!(problem(&stale).0, 409, "{}", stale.text());
    let (journal, position) = parts(&token_of(&register(&client, "Pizza 3", "3").await));
    assert_ne!(journal, before);
    assert_eq!(position, head + 1);
    end(one).await;
}
