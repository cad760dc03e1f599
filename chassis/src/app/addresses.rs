//! Where a process listens.

use std::net::SocketAddr;

/// Where a process that is ready listens.
///
/// ```
/// # fn f(addresses: &chassis::app::Addresses) {
/// for (service, address) in addresses.services() {
///     println!("{service} at http://{address}");
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Addresses {
    pub(crate) management: SocketAddr,
    pub(crate) services: Vec<(&'static str, SocketAddr)>,
}

impl Addresses {
    /// The management listener of the process.
    pub fn management(&self) -> SocketAddr {
        self.management
    }

    /// The public listener of each service, in the order in which they were added.
    pub fn services(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.services.iter().copied()
    }

    /// The public listener of one service.
    pub fn service(&self, name: &str) -> Option<SocketAddr> {
        self.services().find(|(service, _)| *service == name).map(|(_, address)| address)
    }
}
