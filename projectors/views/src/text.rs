//! How names are folded for ordering.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name as it is ordered: compatibility-decomposed (NFKD), without accents, lower case, runs of white space as one
/// blank, control characters dropped.
pub fn fold_name(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for c in name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_whitespace() {
            if !folded.is_empty() && !folded.ends_with(' ') {
                folded.push(' ');
            }
        } else if !c.is_control() {
            folded.push(c);
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::fold_name;

    #[test]
    fn accents_case_and_white_space_do_not_order() {
        assert_eq!(fold_name("  Café\u{a0} Düsseldorf\n"), "cafe dusseldorf");
        assert_eq!(fold_name("ﬁne \u{0}ＷＩＤＥ"), "fine wide");
        assert_eq!(fold_name("梵"), "梵");
    }
}
