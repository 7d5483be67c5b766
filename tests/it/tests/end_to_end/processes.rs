//! Several programs on one journal.

mod distributed {
    use serde_json::{Value, json};

    use crate::{Mode, Town};

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
    async fn a_folder_of_one_mode_is_refused_in_the_other() {
        let town = Town::start(Mode::Distributed).await;
        let mut program = town.program;
        program.terminate().unwrap();
        assert!(program.wait().await.unwrap().success(), "{}", program.log_end());
        let refused = it::Program::start(town.home.folder()).await.err().unwrap().to_string();
        assert!(refused.contains("exit status: 6") && refused.contains("mode distributed"), "{refused}");
    }
}
