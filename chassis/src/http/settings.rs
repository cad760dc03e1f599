//! What can be configured of the two listeners.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Duration;

use crate::config::{Secret, Settings};

/// The public listener: `[http]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The largest body that is taken, in bytes.
    pub body_limit: usize,
    /// The largest head of a request that is taken, in bytes; at least 8,192.
    #[schemars(range(min = 8192))]
    pub header_limit: usize,
    /// How long a client may take to send its headers.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub header_timeout: Duration,
    /// The deadline of a request that brings none.
    #[serde(with = "crate::config::duration")]
    #[schemars(schema_with = "crate::config::duration::schema")]
    pub deadline: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
            body_limit: 2 * 1024 * 1024,
            header_limit: 32 * 1024,
            header_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
        }
    }
}

impl Settings for HttpSettings {
    const SECTION: &'static str = "http";
}

/// The management listener: `[management]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ManagementSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Opens `/admin` in production, and is asked for by everything that changes something or shows details.
    pub token: Option<Secret<String>>,
    /// Host names under which `/admin` may be reached, besides IP addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Where a trace is shown, such as `https://jaeger.example/trace/{trace_id}`; dead letters are shown with it.
    pub trace_url: Option<String>,
}

impl Default for ManagementSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 9090)), token: None, hosts: Vec::new(), trace_url: None }
    }
}

impl Settings for ManagementSettings {
    const SECTION: &'static str = "management";
}
