//! How a topic exchange matches: words between dots, `*` for one word, `#` for any number of them.

/// Whether `pattern` matches `key`.
pub(super) fn matches(pattern: &str, key: &str) -> bool {
    words_match(Some(pattern), Some(key))
}

/// `None` is the end of a pattern or key; an empty one still has one empty word, as AMQP has it.
fn words_match(pattern: Option<&str>, key: Option<&str>) -> bool {
    let Some(pattern) = pattern else { return key.is_none() };
    let (word, patterns) = split(pattern);
    match (word, key) {
        // Either `#` is nothing, or it takes one more word.
        ("#", None) => words_match(patterns, None),
        ("#", Some(rest)) => words_match(patterns, key) || words_match(Some(pattern), split(rest).1),
        (_, None) => false,
        (word, Some(rest)) => {
            let (first, keys) = split(rest);
            (word == "*" || word == first) && words_match(patterns, keys)
        }
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('.').map_or((text, None), |(word, rest)| (word, Some(rest)))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn matches_as_amqp_has_it() {
        for (pattern, key, expected) in [
            ("order.placed.v1", "order.placed.v1", true),
            ("order.placed.v1", "order.placed.v2", false),
            ("order.placed", "order.placed.v1", false),
            ("order.*.v1", "order.placed.v1", true),
            ("order.*", "order.placed.v1", false),
            ("*", "", true),
            ("#", "", true),
            ("#", "order.placed.v1", true),
            ("order.#", "order", true),
            ("order.#", "order.placed.v1", true),
            ("order.#", "orders.placed", false),
            ("#.v1", "order.placed.v1", true),
            ("#.v1", "order.placed.v2", false),
            ("#.placed.#", "order.placed.v1", true),
            ("order.#.*", "order", false),
            ("order.#.*", "order.placed", true),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} on {key}");
        }
    }
}
