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
use std::ops::Deref;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::engine::Engine;
use super::engine::store::Forgetful;

pub use super::engine::Embedded;
#[cfg(any(test, feature = "testing"))]
pub use super::engine::{Activity, Faults, Handled, Parked, PublishFault, Scheduled, Sent};

static NAMED: LazyLock<Mutex<HashMap<String, Weak<Engine>>>> = LazyLock::new(Mutex::default);

/// A broker in the memory of the process. Clones are the same broker; what it can do is what every [`Embedded`] one can.
#[derive(Clone)]
pub struct Broker(Embedded);

impl Broker {
    /// A broker of one's own.
    pub fn new() -> Self {
        Self::of(Arc::new(Engine::new("memory", Default::default(), Box::new(Forgetful))))
    }

    /// The process's broker of that name, so that services that are configured alike meet.
    pub fn named(name: &str) -> Self {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = named.get(name).and_then(Weak::upgrade) {
            return Self::of(engine);
        }
        named.retain(|_, engine| engine.strong_count() > 0);
        let broker = Self::new();
        named.insert(name.to_owned(), Arc::downgrade(broker.engine()));
        broker
    }

    fn of(engine: Arc<Engine>) -> Self {
        Self(Embedded::new(engine))
    }
}

impl Deref for Broker {
    type Target = Embedded;

    fn deref(&self) -> &Embedded {
        &self.0
    }
}

impl Default for Broker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
