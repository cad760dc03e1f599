//! What a source of endpoints must be able to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Endpoint, Snapshot};
use crate::BoxFuture;

/// A source of endpoints.
pub trait Driver: Send + 'static {
    /// What it is called in logs and on the admin listener, such as `dns`.
    fn name(&self) -> &'static str;

    /// Watches the source and reports every change, for as long as it is not dropped. One that has nothing more to say
    /// may return.
    fn watch(self: Box<Self>, reporter: Reporter) -> BoxFuture<'static, ()>;
}

/// Where a driver says what it found.
pub struct Reporter(watch::Sender<Arc<Snapshot>>);

impl Reporter {
    pub(super) fn new(sender: watch::Sender<Arc<Snapshot>>) -> Self {
        Self(sender)
    }

    /// The source was read, and these are all instances that there are. Their order means nothing, and an address that
    /// comes twice is one instance.
    pub fn found(&self, endpoints: impl IntoIterator<Item = Endpoint>) {
        let by_address: BTreeMap<Arc<str>, Endpoint> =
            endpoints.into_iter().map(|endpoint| (endpoint.address.clone(), endpoint)).collect();
        let endpoints: Arc<[Endpoint]> = by_address.into_values().collect();
        self.replace(|_| Snapshot { endpoints, read: true, error: None });
    }

    /// The source could not be read. What was found before stays.
    pub fn failed(&self, error: impl ToString) {
        let error: Arc<str> = error.to_string().into();
        self.replace(|before| Snapshot { error: Some(error), ..before.clone() });
    }

    fn replace(&self, next: impl FnOnce(&Snapshot) -> Snapshot) {
        self.0.send_if_modified(|now| {
            let next = next(now);
            let changed = **now != next;
            if changed {
                *now = Arc::new(next);
            }
            changed
        });
    }
}
