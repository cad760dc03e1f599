//! Where the engine's changes are recorded.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::BoxFuture;
use crate::messaging::driver::{Binding, BrowseError, Exchange, Queue};

/// Records changes in the order in which it is given them.
pub(in crate::messaging) trait Store: Send + Sync {
    /// Records what belongs together: all of it survives, or nothing.
    fn record(&self, changes: Vec<Change>) -> Recorded;

    /// Waits until all that was recorded is safe.
    fn flush(&self) -> BoxFuture<'_, ()>;
}

/// When a change is safe.
pub(in crate::messaging) enum Recorded {
    /// As safe as it will be.
    Now,
    /// When this resolves; an error means that the store is gone.
    Soon(oneshot::Receiver<()>),
}

impl Recorded {
    /// Waits until it is safe.
    pub(super) async fn safe(self) -> Result<(), BrowseError> {
        match self {
            Self::Now => Ok(()),
            Self::Soon(safe) => safe.await.map_err(|_| BrowseError::NotConnected("the store is gone".to_owned())),
        }
    }
}

/// A change to what must survive the process.
#[derive(Debug)]
pub(in crate::messaging) enum Change {
    Exchange(Exchange),
    Queue(Queue),
    Binding(Binding),
    Unbind(Binding),
    DeleteQueue(Arc<str>),
    Insert { position: u64, queue: Arc<str>, letter: Arc<Letter>, deliveries: u32, due: Option<Instant> },
    Remove { position: u64 },
    Count { position: u64, deliveries: u32 },
}

/// A message as it lies in queues.
#[derive(Debug)]
pub(in crate::messaging) struct Letter {
    pub(in crate::messaging) exchange: String,
    pub(in crate::messaging) routing_key: String,
    /// Properties and headers.
    pub(in crate::messaging) head: Bytes,
    pub(in crate::messaging) body: Bytes,
}

/// Keeps nothing.
pub(in crate::messaging) struct Forgetful;

impl Store for Forgetful {
    fn record(&self, _changes: Vec<Change>) -> Recorded {
        Recorded::Now
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
