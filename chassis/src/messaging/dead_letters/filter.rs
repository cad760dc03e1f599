use std::fmt;
use std::time::SystemTime;

use serde::de::Unexpected;
use serde::{Deserialize, Deserializer};

use super::Letter;

/// Which dead letters are meant: those that fit everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// The message's id.
    pub id: Option<String>,
    /// Name and version of the event, such as `order.placed.v1`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Why it was parked, such as `failed` or `undecodable`.
    pub reason: Option<String>,
    /// A part of the error's text, in upper or lower case.
    pub error: Option<String>,
    /// Not parked before this time.
    #[serde(deserialize_with = "time")]
    pub since: Option<SystemTime>,
    /// Parked before this time.
    #[serde(deserialize_with = "time")]
    pub until: Option<SystemTime>,
}

/// Which dead letters are to be replayed or discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The message of that id.
    Id(String),
    /// Those that a filter lets pass.
    Matching(Filter),
    /// All there are.
    All,
}

impl Filter {
    /// Whether nothing is said, so that everything fits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a letter fits.
    pub fn fits(&self, letter: &Letter) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let error = letter.error.as_deref().unwrap_or_default();
        same(&self.id, &letter.id)
            && same(&self.kind, &letter.kind)
            && same(&self.reason, &letter.reason)
            && self.error.as_deref().is_none_or(|part| contains(error, part))
            && self.since.is_none_or(|since| letter.parked_at.is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| letter.parked_at.is_some_and(|at| at < until))
    }
}

impl Selection {
    /// Whether a letter is meant.
    pub fn fits(&self, letter: &Letter) -> bool {
        match self {
            Self::Id(id) => letter.id == *id,
            Self::Matching(filter) => filter.fits(letter),
            Self::All => true,
        }
    }
}

/// As it stands in the audit log.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = match self {
            Self::Id(id) => return write!(f, "id={id}"),
            Self::All => return f.write_str("all"),
            Self::Matching(filter) => filter,
        };
        let time = |time: Option<SystemTime>| time.and_then(crate::messaging::envelope::rfc3339);
        let Filter { id, kind, reason, error, .. } = filter.clone();
        let (since, until) = (time(filter.since), time(filter.until));
        let said =
            [("id", id), ("type", kind), ("reason", reason), ("error", error), ("since", since), ("until", until)];
        let said = said.into_iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
        f.write_str(&said.collect::<Vec<_>>().join(" "))
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        let expected = "a time as in RFC 3339, such as 2026-01-31T12:00:00Z";
        serde::de::Error::invalid_value(Unexpected::Str(&text), &expected)
    })?;
    Ok(Some(time.into()))
}
