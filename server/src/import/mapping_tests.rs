#![allow(clippy::unwrap_used)]

use super::Mapping;

const SOUND: &str = r#"
    [source]
    system = "osm"
    external_id = "{id}"
    [members]
    "/name" = { from = "name" }
    [categories]
    from = "icon"
    lookup = "icons"
    [lookups.icons]
    pub = "pub"
    [[category]]
    slug = "pub"
    names = { en = "Pub" }
"#;

#[test]
fn the_shipped_mappings_are_sound() {
    for text in [
        include_str!("../../../mappings/osm-places.toml"),
        include_str!("../../../mappings/open-brewery-db.toml"),
        include_str!("../../../mappings/san-francisco-food.toml"),
    ] {
        Mapping::parse(text).unwrap();
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    Mapping::parse(SOUND).unwrap();
    for (from, to, named) in [
        ("system =", "systen =", "systen"),
        ("{ from = \"name\" }", "{ form = \"name\" }", "form"),
        ("{ from = \"name\" }", "{ }", "exactly one of"),
        ("\"/name\"", "\"/nam\"", "/name"),
        ("[members]", "[members]\n\"/nam\" = { constant = \"x\" }", "/nam"),
        ("lookup = \"icons\"", "lookup = \"icon\"", "icon"),
        ("pub = \"pub\"", "pub = \"bar\"", "bar"),
        ("\"{id}\"", "\"{id\"", "not closed"),
        ("from = \"icon\"", "always = \"pub\"", "either always"),
        ("[categories]", "[point]\nlatitude = \"y\"\n[categories]", "longitude"),
        ("[source]", "[file]\nformat = \"xlsx\"\n[source]", "xlsx"),
        ("names =", "parent = \"food\"\nnames =", "food"),
    ] {
        let error = Mapping::parse(&SOUND.replace(from, to)).unwrap_err();
        assert!(error.contains(named), "{to:?} gave {error}");
    }
}
