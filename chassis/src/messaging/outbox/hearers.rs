//! Who must be there before events of a kind are sent.
//!
//! Where several services hear an event, one that is up makes it routable, and another that has never run yet would miss it. So
//! a kind may name the queues that must be read: what is published of it is kept until they all have been, once.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::messaging::driver::{BrowseError, Driver, PublishError};

/// The queues that must be read, by the type of event. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Hearers {
    wanted: Arc<BTreeMap<String, Vec<String>>>,
    /// Queues that were found to be read. They stay when their readers go.
    there: Arc<Mutex<HashSet<String>>>,
}

impl Hearers {
    pub(super) fn new(wanted: BTreeMap<String, Vec<String>>) -> Self {
        Self { wanted: Arc::new(wanted), there: Arc::default() }
    }

    /// Whether events of this type are kept for somebody, however long it takes.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.wanted.get(kind).is_some_and(|queues| !queues.is_empty())
    }

    /// Fails, as if nobody were there, as long as one who must hear an event is not.
    ///
    /// A queue that exists may not be bound yet; one that is read is, since its reader has bound it before.
    pub(super) async fn all_there(&self, driver: &dyn Driver, exchange: &str, kind: &str) -> Result<(), PublishError> {
        for queue in self.missing(kind) {
            match driver.consumers(&queue).await {
                Ok(1..) | Err(BrowseError::Unsupported) => {
                    self.there.lock().unwrap_or_else(PoisonError::into_inner).insert(queue);
                }
                Err(BrowseError::NotConnected(cause)) => return Err(PublishError::NotConnected(cause)),
                Ok(0) | Err(_) => {
                    tracing::debug!(kind, queue, "an event waits for somebody to read this queue");
                    let (exchange, routing_key) = (exchange.to_owned(), kind.to_owned());
                    return Err(PublishError::Unroutable { exchange, routing_key });
                }
            }
        }
        Ok(())
    }

    /// Those who must hear it and were not there so far.
    fn missing(&self, kind: &str) -> Vec<String> {
        let Some(wanted) = self.wanted.get(kind) else { return Vec::new() };
        let there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter(|queue| !there.contains(*queue)).cloned().collect()
    }
}
