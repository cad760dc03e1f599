//! The addresses or services of a name.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{RData, Record};
use hickory_resolver::{Resolver, TokioResolver};
use tokio::time::{Duration, sleep};

use super::{Driver, Endpoint, Reporter};
use crate::{BoxFuture, Error, ErrorKind, Result, ResultExt};

/// However short a record's time to live, servers are not asked more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// However long a record's time to live, a change is seen after this.
const LONGEST: Duration = Duration::from_secs(60);

/// Asks a DNS server, anew when the time to live of the last answer is over: at least every minute, at most every second.
///
/// A name without records is an error like a server that does not answer: what was found before stays.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
    question: Question,
}

#[derive(Debug, Clone)]
enum Question {
    /// Every address (A, else AAAA) of a host, at a port that is known.
    Host { name: Arc<str>, port: u16 },
    /// Every service (SRV) of a name: hosts with their ports, priorities and weights.
    Service { name: Arc<str> },
}

/// Instances, and for how long they hold.
type Found = (Vec<Endpoint>, Duration);

impl Dns {
    /// Every address of a host (A, or AAAA where there is no A), such as of a headless service of Kubernetes.
    ///
    /// # Errors
    /// There are no `name_servers`, and those of the system cannot be read.
    pub fn host(name: impl Into<Arc<str>>, port: u16, name_servers: &[SocketAddr]) -> Result<Self> {
        Ok(Self { resolver: resolver(name_servers)?, question: Question::Host { name: name.into(), port } })
    }

    /// Every service of a name (SRV), such as `_http._tcp.inventory.shop.svc.cluster.local`.
    ///
    /// # Errors
    /// As [`host`](Self::host).
    pub fn service(name: impl Into<Arc<str>>, name_servers: &[SocketAddr]) -> Result<Self> {
        Ok(Self { resolver: resolver(name_servers)?, question: Question::Service { name: name.into() } })
    }

    async fn ask(&self) -> Result<Found> {
        match &self.question {
            Question::Host { name, port } => {
                let (addresses, ttl) = self.addresses(name).await?;
                Ok((addresses.into_iter().map(|ip| at(ip, *port)).collect(), ttl))
            }
            Question::Service { name } => self.services(name).await,
        }
    }

    async fn addresses(&self, host: &str) -> Result<(Vec<IpAddr>, Duration)> {
        let found = self.resolver.lookup_ip(host).await.context(format!("DNS has no address of `{host}`"))?;
        Ok((found.iter().collect(), ttl(found.as_lookup().answers())))
    }

    async fn services(&self, name: &str) -> Result<Found> {
        let found = self.resolver.srv_lookup(name).await.context(format!("DNS has no service `{name}`"))?;
        let mut shortest = ttl(found.answers());
        let mut endpoints = Vec::new();
        for SRV { priority, weight, port, target, .. } in found.answers().iter().filter_map(service) {
            let (addresses, ttl) = self.addresses(&target.to_ascii()).await?;
            shortest = shortest.min(ttl);
            endpoints.extend(addresses.into_iter().map(|ip| at(ip, *port).share(*priority, *weight)));
        }
        Ok((endpoints, shortest))
    }
}

fn resolver(name_servers: &[SocketAddr]) -> Result<TokioResolver> {
    let builder = if name_servers.is_empty() {
        TokioResolver::builder_tokio().context("the system's DNS servers cannot be read")?
    } else {
        let servers = name_servers.iter().map(|server| name_server(*server)).collect();
        Resolver::builder_with_config(ResolverConfig::from_name_servers(servers), TokioRuntimeProvider::default())
    };
    // The time to live is kept here, so that a cache would only make it longer.
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    // A server that is away is to be told of soon, and is asked again anyway.
    options.timeout = Duration::from_secs(2);
    options.attempts = 1;
    options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    let built = builder.with_options(options).build();
    built.map_err(|error| Error::new(ErrorKind::Config, "the DNS resolver cannot be set up").with_source(error))
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    NameServerConfig::new(address.ip(), true, vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())])
}

fn at(ip: IpAddr, port: u16) -> Endpoint {
    Endpoint::new(SocketAddr::new(ip, port).to_string())
}

fn service(record: &Record) -> Option<&SRV> {
    match &record.data {
        RData::SRV(service) => Some(service),
        _ => None,
    }
}

fn ttl(records: &[Record]) -> Duration {
    let shortest = records.iter().map(|record| record.ttl).min().unwrap_or_default();
    Duration::from_secs(shortest.into()).clamp(SHORTEST, LONGEST)
}

impl Driver for Dns {
    fn name(&self) -> &'static str {
        match self.question {
            Question::Host { .. } => "dns",
            Question::Service { .. } => "srv",
        }
    }

    fn watch(self: Box<Self>, reporter: Reporter) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let wait = match self.ask().await {
                    Ok((endpoints, ttl)) => {
                        reporter.found(endpoints);
                        ttl
                    }
                    Err(error) => {
                        reporter.failed(format!("{error:#}"));
                        SHORTEST
                    }
                };
                // Services that were started together do not ask together for ever.
                sleep(wait.mul_f64(0.9 + fastrand::f64() * 0.2)).await;
            }
        })
    }
}
