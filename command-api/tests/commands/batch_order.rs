//! Lines that are in each other's way.

use command_api::{BatchOptions, BatchResult};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::batches::{Batches, register};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_random_lines_about_the_same_things_when_batched_then_it_is_as_if_they_came_one_by_one() {
    let long = std::env::var_os("LAWLESS_LONG").is_some();
    let base: u64 = rand::rng().random();
    for case in 0..if long { 200 } else { 6 } {
        let seed = base.wrapping_add(case);
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let (together, alone) = tokio::join!(
            Batches::start(BatchOptions::default()),
            Batches::start(BatchOptions { max_lines_in_flight: 1, ..BatchOptions::default() })
        );
        // The same businesses in both, under ids of their own.
        let known: Vec<Value> = (0..4)
            .map(|number| {
                let mut line = register("Known");
                line["command"] = json!("upsert_business_from_source");
                line["body"]["source"] = json!({"system": "osm", "external_id": number.to_string()});
                line
            })
            .collect();
        let ids = [together.send("", &known).await, alone.send("", &known).await]
            .map(|results| results.iter().map(|result| result.id.unwrap().to_string()).collect::<Vec<_>>());
        let lines: Vec<Value> = (0..150).map(|number| random_line(&mut rng, number)).collect();
        let of = |ids: &Vec<String>| -> Vec<Value> {
            let with_id = |line: &Value| {
                let mut line = line.clone();
                if let Some(index) = line["id"].as_u64() {
                    line["id"] = json!(ids[index as usize]);
                }
                line
            };
            lines.iter().map(with_id).collect()
        };
        let came = together.send("", &of(&ids[0])).await;
        let expected = alone.send("", &of(&ids[1])).await;
        for ((line, came), expected) in lines.iter().zip(&came).zip(&expected) {
            let shown = |result: &BatchResult| {
                let BatchResult { status, slug, version, outcome, replayed, problem, .. } = result.clone();
                (status, slug, version, outcome, replayed, problem.map(|p| (p.code, p.errors)))
            };
            assert_eq!(shown(came), shown(expected), "line {} of seed {seed}: {line}", came.line);
        }
    }
}

/// A line that may well be in the way of others.
fn random_line(rng: &mut StdRng, number: u64) -> Value {
    let mut pick = |of: &[&str]| of[rng.random_range(0..of.len())].to_owned();
    let categories = json!([pick(&["bar", "pizza", "new-1", "new-2"])]);
    let mut business = json!({"name": pick(&["Subway", "Subway Bonn", "Sub", "!!!"]), "categories": categories});
    match pick(&["none", "none", "point", "us-il", "us-wi"]).as_str() {
        "none" => business["address"] = json!({"locality": "Bonn"}),
        "point" => business["point"] = json!({"lat": 43.07, "lon": -89.40}),
        location => business["location"] = json!(location),
    }
    if pick(&["slug", "no", "no"]) == "slug" {
        business["slug"] = json!(pick(&["subway", "subway-bonn", "subway-2", "subway-bonn-3", "other"]));
    }
    let source = json!({"system": "osm", "external_id": pick(&["0", "1", "2", "3", "4", "5"])});
    let (category, parent) = (pick(&["new-1", "new-2"]), pick(&["bar", "new-1", "new-2"]));
    let (phone, slug) = (pick(&["1", "2", "3"]), pick(&["subway-2", "subway", "known", "mine"]));
    let names = json!({"en": pick(&["A", "B"])});
    let kind = pick(&[
        "register",
        "register",
        "upsert",
        "upsert",
        "change",
        "change",
        "relocate",
        "recategorize",
        "category",
        "location",
        "close",
        "key",
    ]);
    let (id, version) = (rng.random_range(0..4), rng.random_range(1..6));
    let mut line = match kind.as_str() {
        "register" => json!({"command": "register_business", "body": business}),
        "upsert" => {
            business["source"] = source;
            json!({"command": "upsert_business_from_source", "body": business})
        }
        "change" => json!({"command": "change_business_details", "id": id, "body": {"phone": phone, "slug": slug}}),
        "relocate" => {
            json!({"command": "relocate_business", "id": id, "body": {"point": {"lat": 43.07, "lon": -89.40}}})
        }
        "recategorize" => json!({"command": "recategorize_business", "id": id, "body": {"categories": categories}}),
        "category" => {
            json!({"command": "define_category", "slug": category, "body": {"parent": parent, "names": names}})
        }
        "location" => json!({"command": "define_location", "slug": "us-wi", "body":
            {"parent": "us", "kind": "region", "names": names}}),
        "key" => {
            let mut line = json!({"command": "register_business", "body": business});
            line["idempotency_key"] = json!(format!("key-{}", number / 40));
            return line;
        }
        _ => json!({"command": "close_business", "id": id, "body": {}}),
    };
    if line["id"].is_u64() && version < 3 {
        line["if_match"] = json!(format!("v{version}"));
    }
    line
}
