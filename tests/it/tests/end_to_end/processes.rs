//! Several programs on one journal.

mod distributed {
    use it::Client;
    use serde_json::{Value, json};

    use crate::home::{Home, make_keys};
    use crate::{Mode, Town, fresh};

    #[tokio::test]
    async fn programs_on_one_database_see_what_each_other_wrote() {
        // Given: two programs, each with a data folder of its own.
        let town = Town::start(Mode::Distributed).await;
        let folder = tempfile::tempdir().unwrap();
        let other = town.home.start_in(folder.path()).await;
        let neighbour = other.client().unwrap();

        // When one takes a command, the other shows it to whoever holds its token.
        let moe = town.register("Moe's").await;
        let page = moe.page(&neighbour).await;
        assert_eq!((page.status, page.header("lawless-stale")), (200, ""));
        let changed = neighbour.command("PATCH", &moe.path, &json!({"phone": "1"}), &[]).await.unwrap();
        assert_eq!(changed.status, 200);
        let token = changed.header("lawless-consistency").to_owned();
        let page = town.client.get(&moe.path, &[("Lawless-Consistency", &token)]).await.unwrap();
        assert_eq!(page.json::<Value>().unwrap()["phone"], "1");
        // A name that one has given, the other does not give again.
        let taken = json!({"name": "Other", "slug": moe.slug, "categories": ["food"]});
        assert_eq!(neighbour.command("POST", "/v1/businesses", &taken, &[]).await.unwrap().status, 409);

        // Then: both made the same bytes.
        for path in [moe.path.as_str(), "/v1/businesses?sort=name", "/v1/categories/food"] {
            let with_token = [("Lawless-Consistency", token.as_str())];
            let (here, there) = (town.client.get(path, &with_token).await, neighbour.get(path, &with_token).await);
            let (here, there) = (here.unwrap(), there.unwrap());
            assert_eq!(
                (here.status, here.header("etag"), &here.body),
                (200, there.header("etag"), &there.body),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn programs_with_the_same_key_files_take_each_others_key_and_cursors() {
        // Given: two programs with the same key files, and another key in the data folder of the first.
        let home = Home::new(Mode::Distributed).await;
        let (keys, folder) = (home.folder().join("keys"), tempfile::tempdir().unwrap());
        make_keys(&keys).await;
        home.give_keys(&keys);
        let (one, other) = (home.start().await, home.start_in(folder.path()).await);
        let key = std::fs::read_to_string(keys.join("admin-key")).unwrap().trim().to_owned();
        let at = |api: &str| Client::new(api, Some(&key));

        // Then: one key is taken by both, and what is not given is not.
        let mut token = String::new();
        for (slug, client) in [("bar", at(one.api())), ("cafe", at(other.api())), ("diner", at(one.api()))] {
            let body = json!({"names": {"en": slug}});
            let answer = client.command("PUT", &format!("/v1/categories/{slug}"), &body, &[]).await.unwrap();
            assert_eq!(answer.status, 201, "{}", answer.text());
            token = answer.header("lawless-consistency").to_owned();
        }
        let own = one.client().unwrap().command("PUT", "/v1/categories/pub", &json!({"names": {}}), &[]).await.unwrap();
        assert_eq!(own.status, 401, "{}", own.text());

        // And: a cursor of one leads on at the other.
        let with_token = [("Lawless-Consistency", token.as_str())];
        let first: Value = fresh(&at(one.api()), "/v1/categories?limit=1", &token).await.json().unwrap();
        fresh(&at(other.api()), "/v1/categories?limit=1", &token).await;
        let next = format!("/v1/categories?limit=1&cursor={}", first["page"]["next_cursor"].as_str().unwrap());
        let (here, there) =
            (at(one.api()).get(&next, &with_token).await, at(other.api()).get(&next, &with_token).await);
        let (here, there) = (here.unwrap(), there.unwrap());
        assert_eq!((here.status, there.status), (200, 200), "{}", there.text());
        assert_eq!(here.body, there.body);
    }

    #[tokio::test]
    async fn a_program_without_keys_is_refused() {
        let home = Home::new(Mode::Distributed).await;
        for key in ["admin-key", "cursor-key"] {
            let file = home.folder().join("data").join(key);
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            let refused = home.try_start().await.err().unwrap().to_string();
            assert!(refused.contains("exit status: 3") && refused.contains("lawless keys new"), "{refused}");
            assert!(refused.contains(key), "{refused}");
            std::fs::write(file, text).unwrap();
        }
        home.start().await;
    }

    #[tokio::test]
    async fn a_folder_of_one_mode_is_refused_in_the_other() {
        let town = Town::start(Mode::Distributed).await;
        let mut program = town.program;
        program.terminate().unwrap();
        assert!(program.wait().await.unwrap().success(), "{}", program.log_end());
        let refused = it::Program::start(town.home.folder()).await.err().unwrap().to_string();
        assert!(refused.contains("exit status: 6") && refused.contains("mode distributed"), "{refused}");
    }
}
