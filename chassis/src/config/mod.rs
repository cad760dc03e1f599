//! Settings from layers, each value with its origin, and one report of everything that is wrong with them.
//!
//! A later layer wins: defaults in code, `config/default.toml`, `config/{profile}.toml`, files named by `--config`, a
//! directory of secret files, environment variables (`CHASSIS__HTTP__PORT` is `http.port`), the command line. Below
//! `[services.NAME]` stands what is different for one service of a process that runs several.
//!
//! ```
//! use chassis::config::{Config, Faults, Settings};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! #[derive(Debug, Deserialize, JsonSchema)]
//! #[serde(default)]
//! struct Cache {
//!     /// How many entries it keeps.
//!     #[schemars(range(min = 1))]
//!     entries: u32,
//!     #[serde(with = "chassis::config::duration")]
//!     #[schemars(schema_with = "chassis::config::duration::schema")]
//!     ttl: std::time::Duration,
//! }
//!
//! impl Default for Cache {
//!     fn default() -> Self {
//!         Self { entries: 100, ttl: std::time::Duration::from_secs(60) }
//!     }
//! }
//!
//! impl Settings for Cache {
//!     const SECTION: &'static str = "cache";
//! }
//!
//! let config = Config::loader()
//!     .defaults("cache.ttl = '5s'")
//!     .environment([("CHASSIS__CACHE__ENTRIES".to_owned(), "7".to_owned())])
//!     .load()?;
//! let cache: Cache = config.read()?;
//! assert_eq!((cache.entries, cache.ttl.as_secs()), (7, 5));
//!
//! let wrong = Config::from_toml("[cache]\nentries = 0")?;
//! assert!(wrong.read::<Cache>().unwrap_err().to_string().contains("cache.entries: must be at least 1, is 0"));
//! # Ok::<(), Faults>(())
//! ```

mod check;
mod environment;
mod explain;
mod fault;
mod file;
mod layer;
mod loader;
mod mask;
mod origin;
mod schema;
mod secret;
mod section;
mod text;
mod tree;
mod unknown;
mod unread;
mod view;

pub mod duration;
pub mod size;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use explain::Explained;
pub use fault::{Fault, Faults};
pub use loader::Loader;
pub use mask::mask_url;
pub use origin::Origin;
pub use secret::Secret;
pub use section::KnownSection;
pub(crate) use unknown::nearest;
pub use view::Config;

/// A section of the configuration as a type.
///
/// The type's schema says what is required, which type each value has and which range; [`validate`](Settings::validate)
/// adds the rules that look at several values.
pub trait Settings: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Where the section stands: `http`, or with a dot for one inside another.
    const SECTION: &'static str;

    /// Checks rules across fields; keys are relative to the section.
    fn validate(&self, faults: &mut Faults) {
        let _ = faults;
    }
}

#[cfg(test)]
mod tests;
