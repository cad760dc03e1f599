//! One instance of a service.

use std::sync::Arc;

use http::uri::Authority;

use crate::{Error, ErrorKind, Result};

/// One instance of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Endpoint {
    /// Host and port, such as `10.0.0.1:8080` or `[2001:db8::1]:8080`.
    pub address: Arc<str>,
    /// Where it runs, such as `eu-central-1a`; nearer ones may be preferred.
    pub zone: Option<Arc<str>>,
    /// Others of a lower number are used first, as long as there are any.
    pub priority: u16,
    /// Its share among those of the same priority, 1 where nothing else is said.
    pub weight: u16,
}

impl Endpoint {
    /// An instance at an address, with host and port.
    pub fn new(address: impl Into<Arc<str>>) -> Self {
        Self { address: address.into(), zone: None, priority: 0, weight: 1 }
    }

    /// An instance at an address that somebody has written.
    ///
    /// # Errors
    /// It is no host with a port, and says what is missing.
    pub fn parse(address: &str) -> Result<Self> {
        check(address)?;
        Ok(Self::new(address))
    }

    /// Says where it runs.
    pub fn zone(mut self, zone: impl Into<Arc<str>>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// Sets its priority and its weight within it; a weight of zero counts as one.
    pub fn share(mut self, priority: u16, weight: u16) -> Self {
        self.priority = priority;
        self.weight = weight.max(1);
        self
    }
}

/// Whether something is a host and a port.
fn check(address: &str) -> Result<()> {
    let wrong = |why: &str| Error::new(ErrorKind::Config, format!("`{address}` is no address: {why}"));
    let authority: Authority = address.parse().map_err(|_| wrong("write host and port, such as \"10.0.0.1:8080\""))?;
    if authority.as_str().contains('@') {
        return Err(wrong("user and password cannot stand in it"));
    }
    match authority.port_u16() {
        Some(port) if port > 0 && !authority.host().is_empty() => Ok(()),
        _ => Err(wrong("it needs a host and a port, such as \"10.0.0.1:8080\"")),
    }
}
