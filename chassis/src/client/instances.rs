//! Where a client's settings say that the instances are.

use std::sync::Arc;

use http::uri::{Authority, Scheme};

use super::ClientSettings;
use super::balance::Balancer;
use super::settings::Resolve;
use crate::Result;
use crate::discovery::{Discovery, Endpoint, file, fixed};

/// The instances of a service: how they are found, and how they are.
#[derive(Clone)]
pub(super) struct Instances {
    pub(super) discovery: Discovery,
    pub(super) balancer: Arc<Balancer>,
}

/// What finds the instances; `None` where the operating system does, at each connection.
///
/// # Errors
/// An endpoint that is no address, or a system whose DNS servers cannot be read.
pub(super) fn discovery(
    scheme: &Scheme,
    authority: &Authority,
    settings: &ClientSettings,
) -> Result<Option<Discovery>> {
    if let Some(path) = &settings.endpoints_file {
        return Ok(Some(Discovery::start(file::File::new(path))));
    }
    if !settings.endpoints.is_empty() {
        let endpoints = settings.endpoints.iter().map(|text| Endpoint::parse(text)).collect::<Result<Vec<_>>>()?;
        return Ok(Some(Discovery::start(fixed::List::new(endpoints))));
    }
    match settings.resolve {
        Resolve::System => Ok(None),
        by_dns => dns(by_dns, authority, port(scheme, authority), settings),
    }
}

/// The port of an address, said or not.
pub(super) fn port(scheme: &Scheme, authority: &Authority) -> u16 {
    authority.port_u16().unwrap_or(if *scheme == Scheme::HTTPS { 443 } else { 80 })
}

#[cfg(feature = "dns")]
fn dns(resolve: Resolve, authority: &Authority, port: u16, settings: &ClientSettings) -> Result<Option<Discovery>> {
    use std::net::SocketAddr;

    use crate::discovery::dns::Dns;

    // Those that are none have been reported.
    let servers: Vec<SocketAddr> = settings.name_servers.iter().filter_map(|server| server.parse().ok()).collect();
    let dns = match resolve {
        Resolve::Srv => Dns::service(authority.host(), &servers)?,
        Resolve::Dns | Resolve::System => Dns::host(authority.host(), port, &servers)?,
    };
    Ok(Some(Discovery::start(dns)))
}

#[cfg(not(feature = "dns"))]
fn dns(_: Resolve, _: &Authority, _: u16, _: &ClientSettings) -> Result<Option<Discovery>> {
    let message = "the program was built without the feature `dns` of chassis";
    Err(crate::Error::new(crate::ErrorKind::Config, message))
}
