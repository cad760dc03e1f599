//! Durations as text, such as `"250ms"` or `"1m 30s"`, for serde and schemars.
//!
//! ```
//! # use std::time::Duration;
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Retry {
//!     #[serde(with = "chassis::config::duration")]
//!     #[schemars(schema_with = "chassis::config::duration::schema")]
//!     first: Duration,
//!     #[serde(with = "chassis::config::duration::optional", default)]
//!     #[schemars(schema_with = "chassis::config::duration::optional::schema")]
//!     last: Option<Duration>,
//! }
//! ```

use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) const FORMAT: &str = "duration";

/// Writes a duration.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

/// Reads a duration.
///
/// # Errors
/// When it is no duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The schema of a duration.
pub fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": FORMAT })
}

/// Reads a duration as it stands in a configuration file.
///
/// # Errors
/// A sentence that says what is wrong with the text.
pub fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("must be a duration such as \"250ms\", \"5s\" or \"1m 30s\" ({error})"))
}

/// The same for `Option<Duration>`.
pub mod optional {
    use super::*;

    /// Writes a duration, if there is one.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a duration, if there is one.
    ///
    /// # Errors
    /// When it is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| parse(&text).map_err(D::Error::custom)).transpose()
    }

    /// The schema of a duration that may be absent.
    pub fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"], "format": FORMAT })
    }
}
