//! What is known at a moment, and how it is followed.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::{Driver, Endpoint, Reporter};

/// What is known of the instances of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// All that there are, by address.
    pub endpoints: Arc<[Endpoint]>,
    /// Whether the source could be read at all so far.
    pub read: bool,
    /// Why the source cannot be read at the moment; the endpoints are then those of before.
    pub error: Option<Arc<str>>,
}

/// The instances of a service, as they change. Clones watch the same source; with the last of them the watching ends.
#[derive(Clone)]
pub struct Discovery {
    driver: &'static str,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Discovery {
    /// Begins to watch a source.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(driver: impl Driver) -> Self {
        let (sender, snapshots) = watch::channel(Arc::default());
        let name = driver.name();
        let task = tokio::spawn(Box::new(driver).watch(Reporter::new(sender)));
        Self { driver: name, snapshots, _task: Arc::new(AbortOnDropHandle::new(task)) }
    }

    /// The name of the driver.
    pub fn driver(&self) -> &'static str {
        self.driver
    }

    /// What is known now.
    pub fn now(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// What is known as soon as the source could be read once.
    pub async fn found(&self) -> Arc<Snapshot> {
        let mut snapshots = self.snapshots.clone();
        match snapshots.wait_for(|snapshot| snapshot.read).await {
            Ok(snapshot) => snapshot.clone(),
            // A driver that has ended says no more than what it said.
            Err(_) => self.now(),
        }
    }

    /// Every change from here on.
    pub fn changes(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }
}
