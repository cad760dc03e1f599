//! What a search looks at, and how it is asked.

/// How many words of a search count.
pub(crate) const WORDS: usize = 4;

/// What is stored of a product for searches to look at.
pub(crate) fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A `LIKE` pattern for each word of a search, escaped by `\`; `%` for those that it does not have.
pub(crate) fn patterns(search: &str) -> [String; WORDS] {
    let search = search.to_lowercase();
    let mut words = search.split_whitespace().map(stem).map(escape);
    std::array::from_fn(|_| words.next().map_or_else(|| "%".to_owned(), |word| format!("%{word}%")))
}

/// A word without its plural, so that `lamps` finds a lamp.
fn stem(word: &str) -> &str {
    word.strip_suffix('s').filter(|stem| stem.chars().count() >= 3).unwrap_or(word)
}

fn escape(word: &str) -> String {
    word.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_looked_for_by_itself() {
        assert_eq!(patterns("Oak  lamps"), ["%oak%", "%lamp%", "%", "%"]);
        assert_eq!(patterns(""), ["%", "%", "%", "%"]);
    }

    #[test]
    fn what_means_something_in_a_pattern_is_taken_as_it_is() {
        assert_eq!(patterns(r"100%_\")[0], r"%100\%\_\\%");
    }
}
