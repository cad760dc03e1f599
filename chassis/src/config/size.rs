//! Sizes in bytes, as a number or as text such as `"10 MiB"`, for serde and schemars.
//!
//! ```
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Uploads {
//!     #[serde(with = "chassis::config::size")]
//!     #[schemars(schema_with = "chassis::config::size::schema")]
//!     largest: usize,
//! }
//! assert_eq!(chassis::config::size::parse("10 MiB"), Ok(10 * 1024 * 1024));
//! ```

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// The units, largest first within their kind, so that a size is shown in the largest that fits.
const UNITS: [(&str, usize); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Writes a size as a number of bytes.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(size: &usize, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(*size).unwrap_or(u64::MAX))
}

/// Reads a size.
///
/// # Errors
/// When it is no size.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Number(bytes) => Ok(bytes),
        Written::Text(text) => parse(&text).map_err(D::Error::custom),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(usize),
    Text(String),
}

/// The schema of a size.
pub fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["integer", "string"], "minimum": 0 })
}

/// Reads a size as it stands in a configuration file.
///
/// # Errors
/// A sentence that says how sizes are written.
pub fn parse(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (text[..unit].parse::<usize>().ok(), text[unit..].trim_start());
    let factor = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor);
    let factor = if unit.is_empty() { Some(1) } else { factor };
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| "must be a size such as 1048576, \"512 KiB\" or \"10 MiB\"".to_owned())
}

/// A size in the largest unit of which it is a whole number.
pub(crate) fn show(bytes: usize) -> String {
    let fits = |(_, factor): &&(&str, usize)| bytes > 0 && bytes.is_multiple_of(*factor);
    let (unit, factor) = UNITS.iter().find(fits).copied().unwrap_or(("B", 1));
    format!("{} {unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, bytes, shown) in [
            ("10 MiB", 10 << 20, "10 MiB"),
            ("2mib", 2 << 20, "2 MiB"),
            ("1500", 1500, "1500 B"),
            ("20 kB", 20_000, "20 kB"),
            ("0", 0, "0 B"),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
            assert_eq!(show(bytes), shown);
        }
        for wrong in ["", "MiB", "-1", "1.5 MiB", "10 parsecs", "99999999999 GiB"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
