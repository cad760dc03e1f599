//! Where a contract's implementation in the same process is found.

use std::sync::{Arc, OnceLock, Weak};

/// Where a service of this process will be found. Filled late, since services may need each other; held weakly, since two
/// that do would otherwise keep each other alive.
pub struct Slot<D: ?Sized>(Arc<OnceLock<Tenant<D>>>);

struct Tenant<D: ?Sized> {
    name: &'static str,
    service: Weak<D>,
}

impl<D: ?Sized> Default for Slot<D> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<D: ?Sized> Clone for Slot<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: ?Sized> Slot<D> {
    /// The service and its name; `None` before it has been made and after it has ended.
    pub fn get(&self) -> Option<(&'static str, Arc<D>)> {
        let tenant = self.0.get()?;
        Some((tenant.name, tenant.service.upgrade()?))
    }

    /// Puts the service of that name in. A second one is ignored.
    pub fn fill(&self, name: &'static str, service: &Arc<D>) {
        let _ = self.0.set(Tenant { name, service: Arc::downgrade(service) });
    }
}
