//! Where a database is: the URL of the settings, understood once.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::{DatabaseSettings, Engine};
use crate::config::mask_url;
use crate::{Error, ErrorKind, Result};

/// What may stand in a file's path within a URL as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A database as the settings name it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) engine: Engine,
    /// The URL in the form that sqlx takes.
    pub(super) url: String,
    /// The URL as people may see it.
    pub(super) shown: String,
    /// The file of an SQLite database.
    pub(super) file: Option<PathBuf>,
}

impl Target {
    pub(super) fn of(settings: &DatabaseSettings, service: &str) -> Result<Self> {
        match settings.url.as_deref() {
            Some(url) => Self::parse(url, service),
            None if cfg!(feature = "sqlite") => Self::parse(&format!("sqlite:data/{service}.db"), service),
            None => Err(config("`database.url` is missing; set it to postgres://user:password@host/name")),
        }
    }

    fn parse(url: &str, service: &str) -> Result<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => sqlite(url),
            Some("postgres" | "postgresql") => postgres(url, service),
            _ => Err(config(format!(
                "`database.url` is `{}`; it must begin with `sqlite:` or `postgres://`",
                mask_url(url)
            ))),
        }
    }
}

fn sqlite(url: &str) -> Result<Target> {
    if !cfg!(feature = "sqlite") {
        return Err(lacks("SQLite", "sqlite"));
    }
    let rest = url.trim_start_matches("sqlite://").trim_start_matches("sqlite:");
    let (path, _options) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() || path == ":memory:" {
        return Err(config(
            "`database.url` names no file; a database in memory would be a different one in each connection, \
             so use a file in a temporary folder",
        ));
    }
    let path = percent_decode_str(path).decode_utf8_lossy();
    let file = std::path::absolute(path.as_ref()).map_err(|error| {
        Error::from(error).context("`database.url` names no usable file").with_kind(ErrorKind::Config)
    })?;
    let encoded = utf8_percent_encode(&file.to_string_lossy(), PATH).to_string();
    Ok(Target {
        engine: Engine::Sqlite,
        url: format!("sqlite:{encoded}?mode=rwc"),
        shown: format!("sqlite:{}", file.display()),
        file: Some(file),
    })
}

fn postgres(url: &str, service: &str) -> Result<Target> {
    if !cfg!(feature = "postgres") {
        return Err(lacks("PostgreSQL", "postgres"));
    }
    let mut parsed = Url::parse(url)
        .map_err(|error| config(format!("`database.url` `{}` is no valid URL: {error}", mask_url(url))))?;
    if !parsed.query_pairs().any(|(key, _)| key == "application_name") {
        parsed.query_pairs_mut().append_pair("application_name", service);
    }
    Ok(Target { engine: Engine::Postgres, url: parsed.into(), shown: shown(url), file: None })
}

/// Parameters say how to connect and not where, and some are secrets.
fn shown(url: &str) -> String {
    mask_url(url.split('?').next().unwrap_or_default())
}

fn config(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

fn lacks(engine: &str, feature: &str) -> Error {
    config(format!(
        "`database.url` asks for {engine}, but the program is built without the feature `{feature}` of chassis"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_is_named_with_what_to_write() {
        let error = Target::parse("mysql://root:secret@db/shop", "shop").err().expect("no such engine");
        assert_eq!(
            error.to_string(),
            "`database.url` is `mysql://***@db/shop`; it must begin with `sqlite:` or `postgres://`"
        );
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_file_may_be_named_in_any_way() {
        for url in ["sqlite:a b/c.db", "sqlite://a b/c.db", "sqlite:a%20b/c.db?mode=rwc"] {
            let target = Target::parse(url, "shop").expect("a file");
            assert!(target.file.expect("a file").ends_with("a b/c.db"), "{url}");
            assert!(target.url.ends_with("/a%20b/c.db?mode=rwc"), "{url}");
        }
        assert!(Target::parse("sqlite::memory:", "shop").is_err());
    }
}
