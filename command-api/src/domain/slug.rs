//! Slugs: what a name looks like in an address, in every script.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

/// The longest slug, in characters.
pub const MAX_SLUG_CHARS: usize = 80;
/// The longest slug, in bytes; a slug is also a key of stores.
pub const MAX_SLUG_BYTES: usize = 240;

/// Words that stand where a business slug would stand in an address.
const RESERVED: [&str; 2] = ["search", "by-source"];

/// The slug of a name: NFKC, lower case, letters and digits of every script, anything else a single `-`.
///
/// Empty when the name has no letter and no digit. The slug of a slug is the slug itself.
pub fn slugify(name: &str) -> String {
    let folded: String = name.nfkc().collect::<String>().to_lowercase();
    let mut slug = String::with_capacity(folded.len());
    for c in folded.nfkc() {
        // Marks belong to the letter before them: vowel signs, viramas and the like carry meaning.
        let kept = c.is_alphanumeric() || (is_combining_mark(c) && !slug.is_empty() && !slug.ends_with('-'));
        match (kept, slug.ends_with('-') || slug.is_empty()) {
            (true, _) => slug.push(c),
            (false, false) => slug.push('-'),
            (false, true) => {}
        }
    }
    shortened(&slug, MAX_SLUG_CHARS, MAX_SLUG_BYTES)
}

/// A slug with a further part, cut in front of the part so that the whole keeps to the limits.
pub fn with_suffix(stem: &str, suffix: &str) -> String {
    let chars = MAX_SLUG_CHARS.saturating_sub(suffix.chars().count() + 1);
    let bytes = MAX_SLUG_BYTES.saturating_sub(suffix.len() + 1);
    let stem = shortened(stem, chars, bytes);
    if stem.is_empty() { shortened(suffix, MAX_SLUG_CHARS, MAX_SLUG_BYTES) } else { format!("{stem}-{suffix}") }
}

/// Whether a slug would be taken for something else in an address: a fixed word, or an id.
pub fn is_reserved(slug: &str) -> bool {
    RESERVED.contains(&slug) || Uuid::try_parse(slug).is_ok()
}

fn shortened(slug: &str, max_chars: usize, max_bytes: usize) -> String {
    let end = slug
        .char_indices()
        .take(max_chars)
        .map(|(start, c)| start + c.len_utf8())
        .take_while(|end| *end <= max_bytes)
        .last()
        .unwrap_or(0);
    slug[..end].trim_matches('-').to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_every_script_keep_their_letters() {
        for (name, slug) in [
            ("Moe's Tavern", "moe-s-tavern"),
            ("  --Café  Zürich!! ", "café-zürich"),
            ("ﬁne Ｄining №5", "fine-dining-no5"),
            ("スターバックス コーヒー", "スターバックス-コーヒー"),
            ("Ёлки-Палки", "ёлки-палки"),
            ("हिन्दी भोजनालय", "हिन्दी-भोजनालय"),
            ("مقهى ١٢", "مقهى-١٢"),
            ("İstanbul", "i\u{307}stanbul"),
            ("!!!", ""),
            ("", ""),
            ("\u{301}", ""),
        ] {
            assert_eq!(slugify(name), slug, "{name:?}");
        }
    }

    #[test]
    fn what_looks_like_something_else_in_an_address_is_reserved() {
        for reserved in
            ["search", "by-source", "01902d3e-7a1b-7c3d-8e4f-0123456789ab", "01902d3e7a1b7c3d8e4f0123456789ab"]
        {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for free in ["searches", "cafe", "01902d3e", "by-source-2"] {
            assert!(!is_reserved(free), "{free}");
        }
    }

    proptest! {
        #[test]
        fn a_slug_keeps_to_its_limits_and_is_its_own_slug(name in any::<String>(), n in 2_u64..) {
            let slug = slugify(&name);
            prop_assert_eq!(slugify(&slug), slug.clone());
            prop_assert!(slug.chars().count() <= MAX_SLUG_CHARS && slug.len() <= MAX_SLUG_BYTES);
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
            let longer = with_suffix(&slug, &n.to_string());
            prop_assert!(longer.chars().count() <= MAX_SLUG_CHARS && longer.len() <= MAX_SLUG_BYTES);
            prop_assert!(longer.ends_with(&n.to_string()));
        }
    }
}
