use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{BulkheadFull, BulkheadPolicy};

/// The places of a dependency. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Bulkhead(Arc<Shared>);

struct Shared {
    policy: BulkheadPolicy,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Bulkhead {
    /// A bulkhead whose places are all free.
    pub fn new(policy: BulkheadPolicy) -> Self {
        let free = Arc::new(Semaphore::new(policy.0.concurrent));
        Self(Arc::new(Shared { policy, free, waiting: AtomicUsize::new(0) }))
    }

    /// Takes a place, if one is free and nobody waits for it.
    ///
    /// # Errors
    /// When all are taken.
    pub fn try_acquire(&self) -> Result<Place, BulkheadFull> {
        Arc::clone(&self.0.free).try_acquire_owned().map(|permit| Place { _permit: permit }).map_err(|_| BulkheadFull)
    }

    /// Takes a place, or waits for one as far as that is allowed.
    ///
    /// # Errors
    /// When all are taken and too many wait, or it took too long.
    pub async fn acquire(&self) -> Result<Place, BulkheadFull> {
        match self.try_acquire() {
            Ok(place) => Ok(place),
            Err(full) => match self.queue() {
                Some(turn) => turn.await_place().await,
                None => Err(full),
            },
        }
    }

    /// How many calls are under way.
    pub fn active(&self) -> usize {
        self.0.policy.0.concurrent.saturating_sub(self.0.free.available_permits())
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Relaxed)
    }

    /// A place in the queue, if there is one.
    pub(super) fn queue(&self) -> Option<Turn> {
        let most = self.0.policy.0.waiting;
        let queued = self.0.waiting.fetch_update(Relaxed, Relaxed, |waiting| (waiting < most).then_some(waiting + 1));
        queued.ok().map(|_| Turn(self.clone()))
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead").field("active", &self.active()).field("waiting", &self.waiting()).finish()
    }
}

/// One that waits, until it is dropped.
pub(super) struct Turn(Bulkhead);

impl Turn {
    pub(super) async fn await_place(self) -> Result<Place, BulkheadFull> {
        let Shared { policy, free, .. } = &*self.0.0;
        match timeout(policy.0.wait, Arc::clone(free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Place { _permit: permit }),
            // The semaphore is never closed: what is left is that the wait was too long.
            Ok(Err(_)) | Err(_) => Err(BulkheadFull),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.waiting.fetch_sub(1, Relaxed);
    }
}
