//! What must not be seen in a report or a log.

pub(super) const MASK: &str = "***";

/// Masks user and password of every URL in `text`, and the values of query parameters whose names speak of secrets.
///
/// ```
/// use chassis::config::mask_url;
///
/// assert_eq!(mask_url("amqp://shop:pa/ss@mq:5672/orders"), "amqp://***@mq:5672/orders");
/// assert_eq!(mask_url("postgres://db/shop?password=x&sslmode=require"), "postgres://db/shop?password=***&sslmode=require");
/// ```
pub fn mask_url(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        masked.push_str(before);
        let end =
            after.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')).unwrap_or(after.len());
        let (url, tail) = after.split_at(end);
        // Up to the very last @: a password that should have been encoded may hold any of the characters that end one.
        let shown = url.rfind('@').map_or(url, |at| {
            masked.push_str(MASK);
            &url[at..]
        });
        mask_query(&mut masked, shown);
        rest = tail;
    }
    masked.push_str(rest);
    masked
}

fn mask_query(masked: &mut String, url: &str) {
    let Some((path, query)) = url.split_once('?') else { return masked.push_str(url) };
    masked.push_str(path);
    for (n, pair) in query.split('&').enumerate() {
        masked.push(if n == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if speaks_of_secrets(name) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(MASK);
            }
            _ => masked.push_str(pair),
        }
    }
}

/// Whether a key's last part sounds like that of a secret. For keys that no schema knows; a schema says it itself.
pub(super) fn speaks_of_secrets(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "api_key",
        "apikey",
        "private_key",
        "authorization",
    ]
    .iter()
    .any(|word| last.contains(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_secrets_are_masked() {
        for (text, expected) in [
            ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a"),
            ("cannot reach postgres://u:p@db/x: refused", "cannot reach postgres://***@db/x: refused"),
            ("\"amqp://u:p@a\", \"amqp://u:p@b\"", "\"amqp://***@a\", \"amqp://***@b\""),
            ("user@example.org", "user@example.org"),
            ("http://h/?Token=a", "http://h/?Token=***"),
        ] {
            assert_eq!(mask_url(text), expected);
        }
    }

    proptest! {
        #[test]
        fn a_password_never_survives(password in "[a-z/?#@:%]{0,8}SECRET[a-z/?#@:%]{0,8}") {
            let masked = mask_url(&format!("amqp://user:{password}@host/path"));
            prop_assert!(!masked.contains("SECRET"), "{masked}");
        }
    }
}
