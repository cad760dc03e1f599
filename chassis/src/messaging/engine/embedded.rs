//! What a broker inside the process offers, whatever its store.

use std::sync::Arc;

#[cfg(any(test, feature = "testing"))]
use super::{Activity, Faults};
use super::{Engine, QueueDepth};
use crate::messaging::driver::Driver;

/// A broker inside the process. Clones are the same broker; with the last of them, and of its drivers, it is gone.
#[derive(Clone)]
pub struct Embedded {
    engine: Arc<Engine>,
}

impl Embedded {
    pub(in crate::messaging) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    pub(in crate::messaging) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A new connection to it.
    pub fn driver(&self) -> Arc<dyn Driver> {
        self.engine.connect(None)
    }

    /// A new connection to it for a service, under whose name metrics show what waits in the queues that it reads, and what it
    /// publishes that no queue takes.
    pub fn driver_of(&self, service: &str) -> Arc<dyn Driver> {
        self.engine.connect(Some(service))
    }

    /// What stands in a queue; `None` when there is no such queue.
    pub fn depth(&self, queue: &str) -> Option<QueueDepth> {
        self.engine.depth(queue)
    }

    /// Waits until `reached` holds of a queue.
    pub async fn until(&self, queue: &str, reached: impl Fn(QueueDepth) -> bool) -> QueueDepth {
        self.engine.until(queue, reached).await
    }

    /// Lets chance decide about what a broker does not promise, the same way for the same seed: the order among different
    /// queues, and whether a message comes once or twice.
    #[cfg(any(test, feature = "testing"))]
    pub fn shuffle(&self, seed: u64) {
        self.engine.shuffle(seed);
    }

    /// Notes from now on what passes, for [`activity`](Self::activity).
    #[cfg(any(test, feature = "testing"))]
    pub fn track(&self) {
        self.engine.track();
    }

    /// What has passed since it was last asked for.
    #[cfg(any(test, feature = "testing"))]
    pub fn activity(&self) -> Activity {
        self.engine.activity()
    }

    /// The queues whose handlers have something to do.
    #[cfg(any(test, feature = "testing"))]
    pub fn busy(&self) -> Vec<(Arc<str>, QueueDepth)> {
        self.engine.busy()
    }

    /// Lets go at once what is held back for a later attempt.
    #[cfg(any(test, feature = "testing"))]
    pub fn release_delayed(&self) {
        self.engine.release_delayed();
    }

    /// Counts everything that happens in it, so that a test can wait for the next change.
    #[cfg(any(test, feature = "testing"))]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.engine.changes()
    }

    /// Ways to break it, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn faults(&self) -> Faults {
        Faults::new(self.engine.clone())
    }
}
