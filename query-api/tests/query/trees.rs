//! Categories and locations.

use query_api::{NodeList, NodePage};
use views::{Ordinal, Tree};

use crate::views_in_memory::Memory;
use crate::world::{FOOD, api, get, names, options};

#[tokio::test]
async fn the_top_of_a_tree_is_listed() {
    let api = api(Memory::world(), options());
    let list: NodeList = get(&api, "/v1/categories?locale=de").await.json();
    assert_eq!(list.data.len(), 1);
    let food = &list.data[0];
    assert_eq!((food.slug.as_str(), food.name.as_str(), food.businesses, food.children), ("food", "Essen", 7, 1));
    assert_eq!((&food.kind, &food.point), (&None, &None));
    let list: NodeList = get(&api, "/v1/locations").await.json();
    assert_eq!(list.data[0].kind.as_deref(), Some("country"));
    assert_eq!(list.data[0].point.unwrap().lat, 39.5);
    assert_eq!((list.page.next_cursor, list.page.has_more), (None, false));
}

#[tokio::test]
async fn a_node_shows_what_is_above_and_below() {
    let api = api(Memory::world(), options());
    let node: NodePage = get(&api, "/v1/locations/us-il").await.json();
    assert_eq!((node.name.as_str(), node.kind.as_deref()), ("Illinois", Some("region")));
    assert_eq!(node.path.iter().map(|n| n.slug.as_str()).collect::<Vec<_>>(), ["us"]);
    assert_eq!(node.children_page.data[0].slug, "us-il-springfield");
    assert_eq!(node.updated_at, "1994-11-06T08:49:37Z");
    let leaf: NodePage = get(&api, "/v1/categories/pizza").await.json();
    assert_eq!((leaf.children, leaf.children_page.data.len()), (0, 0));
    for path in
        ["/v1/categories/us", "/v1/locations/pizza", "/v1/locations/%00", &format!("/v1/locations/{}", "x".repeat(999))]
    {
        get(&api, path).await.problem(404, "not_found");
    }
    get(&api, "/v1/locations/%ff").await.problem(400, "invalid_path");
}

#[tokio::test]
async fn children_are_paged() {
    let memory = Memory::world();
    let slugs: Vec<String> = (0..250).map(|number| format!("food-{number:03}")).collect();
    for (number, slug) in (1000..).zip(&slugs) {
        memory.put_node(Tree::Category, Ordinal(number), slug, &names(&[("en", slug)]), &[FOOD], 0);
    }
    let expected: Vec<String> = slugs.into_iter().chain(["pizza".to_owned()]).collect();
    let api = api(memory, options());
    for limit in ["", "&limit=1", "&limit=50", "&limit=251", "&limit=500"] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let node: NodePage = get(&api, &format!("/v1/categories/food?locale=en{limit}{cursor}")).await.json();
            found.extend(node.children_page.data.into_iter().map(|node| node.slug));
            assert!(found.len() <= expected.len(), "the children go round in circles");
            match node.children_page.page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, expected, "{limit}");
    }
}
