//! The program as its users meet it: a process, a data folder, HTTP.
#![allow(clippy::unwrap_used)]

mod commands;
mod home;
mod lifecycle;
mod metrics;
mod processes;
mod published;
mod reads;
mod replica;
mod roles;
mod rows;
mod tracing;

use std::time::{Duration, Instant};

use it::{Answer, Client, Program};
use serde_json::{Value, json};

use home::{Home, Mode};

/// Long enough for any machine; only waited out when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);

/// Each of these tests in each mode, and with rows in a CQL store: the same program, the same answers.
macro_rules! in_every_mode {
    ($($file:ident: $($test:ident),+;)+) => {
        mod embedded {
            $($(#[tokio::test] async fn $test() { crate::$file::$test(crate::Mode::Embedded).await; })+)+
        }
        mod distributed {
            $($(#[tokio::test] async fn $test() { crate::$file::$test(crate::Mode::Distributed).await; })+)+

            mod published {
                $($(#[tokio::test] async fn $test() { crate::$file::$test(crate::Mode::Published).await; })+)+
            }
        }
    };
}

in_every_mode! {
    commands:
        a_registered_business_is_shown_to_whoever_holds_its_token,
        commands_need_the_admin_key_and_reads_do_not,
        every_invalid_field_is_named_at_once,
        a_repeated_command_gets_its_first_answer_again,
        a_change_that_was_made_on_an_old_page_is_refused,
        a_dry_run_answers_and_leaves_nothing,
        a_removed_business_is_gone_and_a_closed_one_says_so;
    reads:
        a_page_that_did_not_change_is_not_sent_again,
        a_list_is_walked_page_by_page,
        what_is_not_known_is_refused_by_name,
        the_front_page_leads_to_everything;
    lifecycle:
        a_restart_and_a_kill_lose_nothing,
        a_request_that_has_begun_is_answered_before_the_program_ends;
}

/// A program with two small trees and nobody in them.
struct Town {
    program: Program,
    client: Client,
    // Last: a program that publishes would make its keyspace again.
    home: Home,
}

impl Town {
    async fn start(mode: Mode) -> Self {
        Self::in_home(Home::new(mode).await).await
    }

    async fn in_home(home: Home) -> Self {
        let program = home.start().await;
        let client = program.client().unwrap();
        let mut token = String::new();
        for (path, body) in [
            ("categories/food", json!({"names": {"en": "Food", "de": "Essen"}})),
            ("categories/pizzeria", json!({"parent": "food", "names": {"en": "Pizzeria"}})),
            ("locations/us", json!({"kind": "country", "names": {"en": "United States"}})),
            ("locations/us-il", json!({"parent": "us", "kind": "region", "names": {"en": "Illinois"}})),
        ] {
            let answer = client.command("PUT", &format!("/v1/{path}"), &body, &[]).await.unwrap();
            assert_eq!(answer.status, 201, "{path}: {}", answer.text());
            token = answer.header("lawless-consistency").to_owned();
        }
        fresh(&client, "/v1/categories", &token).await;
        Self { program, client, home }
    }

    async fn register(&self, name: &str) -> Registered {
        let body = json!({"name": name, "categories": ["pizzeria"], "location": "us-il"});
        let answer = self.client.command("POST", "/v1/businesses", &body, &[]).await.unwrap();
        Registered::from(&answer)
    }
}

/// Reads until the answer is as new as the token. The first events of a journal come when Kafka has made their topic, which
/// takes a busy broker seconds; until then reads say that they are old.
async fn fresh(client: &Client, path: &str, token: &str) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = client.get(path, &[("Lawless-Consistency", token)]).await.unwrap();
        if answer.header("lawless-stale").is_empty() {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "{}", answer.text());
    }
}

/// The answer to a registration.
struct Registered {
    path: String,
    slug: String,
    token: String,
}

impl From<&Answer> for Registered {
    fn from(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", answer.text());
        let body: Value = answer.json().unwrap();
        let id = body["id"].as_str().unwrap();
        let path = format!("/v1/businesses/{id}");
        assert_eq!(answer.header("location"), path);
        let slug = body["slug"].as_str().unwrap().to_owned();
        Self { path, slug, token: answer.header("lawless-consistency").to_owned() }
    }
}

impl Registered {
    /// Reads the page as it is once the registration is visible.
    async fn page(&self, client: &Client) -> Answer {
        let answer = client.get(&self.path, &[("Lawless-Consistency", &self.token)]).await.unwrap();
        assert_eq!(answer.header("lawless-stale"), "");
        answer
    }
}
