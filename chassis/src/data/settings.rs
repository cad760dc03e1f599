use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Faults, Settings, mask_url};

/// The section `database`.
///
/// ```toml
/// [database]
/// url = "postgres://orders:secret@db.internal/orders"
/// max_connections = 20
/// acquire_timeout = "2s"
/// ```
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DatabaseSettings {
    /// `sqlite:path/to/file.db` or `postgres://user:password@host/name`. Unset, it is the SQLite file
    /// `data/<service>.db`, which is made with its folder where it is missing.
    pub url: Option<String>,
    /// How many connections the pool may hold. Handlers that run at once need one each.
    #[schemars(range(min = 2, max = 1000))]
    pub max_connections: u32,
    /// How many connections are kept open when there is nothing to do.
    pub min_connections: u32,
    /// How long to wait for a connection, for a first answer at start, and on SQLite for the turn to write.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub acquire_timeout: Duration,
    /// After how long an unused connection is closed.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub idle_timeout: Duration,
    /// After how long a connection is replaced, used or not.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub max_lifetime: Duration,
    /// SQLite: how long a statement waits for another process to finish its write.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub busy_timeout: Duration,
    /// PostgreSQL: how long one statement may take; zero for no limit.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub statement_timeout: Duration,
}

impl DatabaseSettings {
    /// The defaults, for the database at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: 10,
            min_connections: 0,
            acquire_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(10 * 60),
            max_lifetime: Duration::from_secs(30 * 60),
            busy_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

impl Settings for DatabaseSettings {
    const SECTION: &'static str = "database";

    fn validate(&self, faults: &mut Faults) {
        if self.min_connections > self.max_connections {
            faults.add("min_connections", "must not be more than `max_connections`");
        }
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("url", &self.url.as_deref().map(mask_url))
            .field("max_connections", &self.max_connections)
            .field("min_connections", &self.min_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .field("busy_timeout", &self.busy_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .finish()
    }
}
