//! A broker in the memory of the process, for tests and for trying things out.
//!
//! ```
//! use chassis::messaging::memory;
//!
//! let broker = memory::Broker::new();
//! let driver = broker.driver();
//! assert_eq!(driver.system(), "memory");
//! ```

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::driver::Driver;
use super::engine::store::Forgetful;
use super::engine::{Engine, QueueDepth};

#[cfg(any(test, feature = "testing"))]
pub use super::engine::{Activity, Faults, Handled, Parked, PublishFault, Scheduled, Sent};

static NAMED: LazyLock<Mutex<HashMap<String, Weak<Engine>>>> = LazyLock::new(Mutex::default);

/// A broker in the memory of the process. Clones are the same broker; with the last of them, and of its drivers, it is gone.
#[derive(Clone)]
pub struct Broker {
    engine: Arc<Engine>,
}

impl Broker {
    /// A broker of one's own.
    pub fn new() -> Self {
        Self { engine: Arc::new(Engine::new("memory", Default::default(), Box::new(Forgetful))) }
    }

    /// The process's broker of that name, so that services that are configured alike meet.
    pub fn named(name: &str) -> Self {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = named.get(name).and_then(Weak::upgrade) {
            return Self { engine };
        }
        named.retain(|_, engine| engine.strong_count() > 0);
        let broker = Self::new();
        named.insert(name.to_owned(), Arc::downgrade(&broker.engine));
        broker
    }

    /// A new connection to it.
    pub fn driver(&self) -> Arc<dyn Driver> {
        self.engine.connect()
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

impl Default for Broker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
