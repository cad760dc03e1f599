//! What can be configured of the instances of a service.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::ClientSettings;
use crate::config::Faults;

/// How the host of a client's `url` becomes addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolve {
    /// As the operating system does it, whenever a connection is made. What balances lies behind the name.
    #[default]
    System,
    /// By DNS (A, AAAA): every address is an instance.
    Dns,
    /// By DNS (SRV): every service is an instance, with its port, priority and weight.
    Srv,
}

/// The rules about instances.
pub(super) fn check(settings: &ClientSettings, faults: &mut Faults) {
    let ClientSettings { resolve, endpoints, endpoints_file, name_servers, .. } = settings;
    let by_dns = *resolve != Resolve::System;
    if by_dns && !cfg!(feature = "dns") {
        faults.add("resolve", "asks DNS, but the program was built without the feature `dns`");
    }
    if [by_dns, !endpoints.is_empty(), endpoints_file.is_some()].into_iter().filter(|set| *set).count() > 1 {
        faults.add(
            "endpoints",
            "only one of `resolve`, `endpoints` and `endpoints_file` can say where the instances are",
        );
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        #[cfg(feature = "client")]
        if let Err(error) = crate::discovery::Endpoint::parse(endpoint) {
            faults.add(format!("endpoints[{index}]"), error.to_string());
        }
        let _ = (index, endpoint);
    }
    for (index, server) in name_servers.iter().enumerate() {
        if server.parse::<SocketAddr>().is_err() {
            faults.add(format!("name_servers[{index}]"), "is no address such as \"10.0.0.2:53\"");
        }
    }
    if !name_servers.is_empty() && !by_dns {
        faults.add("name_servers", "are not asked unless `resolve` is `dns` or `srv`");
    }
    if !settings.finds_instances() && settings.balance != super::BalanceSettings::default() {
        faults
            .add("balance", "is not applied: calls go to the one address of `url`")
            .hint("say where the instances are by `resolve`, `endpoints` or `endpoints_file`, or leave it out");
    }
    settings.balance.validate(faults);
}
