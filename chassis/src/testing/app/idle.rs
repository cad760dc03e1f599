//! Waits until everything that follows from what a test did has happened.

use tokio::time::{Duration, Instant, timeout};

use super::RunningApp;
use crate::messaging::Event;
use crate::messaging::Publisher;
use crate::messaging::memory::Activity;
use crate::{Result, messaging};

/// An outbox tells nobody that it is empty.
const POLL: Duration = Duration::from_millis(2);

/// Longer than any chain of messages that ends.
const LIMIT: Duration = Duration::from_secs(30);

impl RunningApp {
    /// Publishes an event as the service that owns it would, to try a handler without that service.
    ///
    /// # Errors
    /// The event cannot be written as JSON, or is too large.
    pub async fn publish<E: Event>(&self, event: E) -> Result<()> {
        Publisher::new(self.broker.driver(), E::OWNER).publish_now(event).await
    }

    /// Waits until nothing is left to do (every outbox is sent and every delivery is done with) and tells what has
    /// happened since the start, or since it was last called. What is held back for a later attempt is told of and not
    /// waited for; [`run_delayed`](Self::run_delayed) does not wait for its time.
    ///
    /// Requests and jobs that still run are not waited for.
    ///
    /// # Panics
    /// When there still is something to do after 30 seconds, such as with handlers that answer each other for ever.
    pub async fn run_until_idle(&self) -> Activity {
        let start = Instant::now();
        let mut changes = self.broker.changes();
        loop {
            let before = *changes.borrow_and_update();
            let waiting = self.waiting().await;
            if waiting.is_empty() && *changes.borrow() == before {
                return self.broker.activity();
            }
            assert!(start.elapsed() < LIMIT, "still busy after {LIMIT:?}: {}", waiting.join(", "));
            // Either is a reason to look again.
            let _ = timeout(POLL, changes.changed()).await;
        }
    }

    /// Lets go at once what is held back for a later attempt, and runs until idle.
    ///
    /// # Panics
    /// As [`run_until_idle`](Self::run_until_idle).
    pub async fn run_delayed(&self) -> Activity {
        self.broker.release_delayed();
        self.run_until_idle().await
    }

    /// What there still is to do.
    async fn waiting(&self) -> Vec<String> {
        let mut waiting = Vec::new();
        #[cfg(any(feature = "sqlite", feature = "postgres"))]
        for service in &self.running.services {
            let Some(database) = service.resources.database() else { continue };
            match messaging::outbox::unsent(database).await {
                Ok(0) => {}
                Ok(rows) => waiting.push(format!("{rows} in the outbox of `{}`", service.name)),
                Err(error) => waiting.push(format!("the outbox of `{}` cannot be read: {error:#}", service.name)),
            }
        }
        waiting.extend(self.broker.busy().into_iter().map(|(queue, depth)| {
            format!("`{queue}` has {} messages to deliver and {} being handled", depth.ready, depth.unacked)
        }));
        waiting
    }
}
