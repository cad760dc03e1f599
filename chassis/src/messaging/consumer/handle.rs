//! A running consumer, seen from outside.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::supervisor::Supervisor;
use super::{ConsumerHealth, RetryPolicy, Subscription};
use crate::Result;
use crate::messaging::driver::Driver;

/// A running consumer. Dropped, it goes on; end it by [`cancel`](Self::cancel) and [`drain`](Self::drain).
pub struct ConsumerHandle {
    queue: Arc<str>,
    cancel: CancellationToken,
    abandon: CancellationToken,
    health: watch::Receiver<ConsumerHealth>,
    task: JoinHandle<usize>,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Deliveries whose handlers did not end in time; they will be delivered again.
    pub abandoned: usize,
}

/// Starts to consume, and keeps at it: a consumer that ends by itself is started again with back-off.
///
/// # Errors
/// The subscription is impossible, such as one in a transaction without a database.
pub fn start(driver: Arc<dyn Driver>, subscription: Subscription, retry: RetryPolicy) -> Result<ConsumerHandle> {
    let (reporter, health) = watch::channel(ConsumerHealth::Starting);
    let (cancel, abandon) = (CancellationToken::new(), CancellationToken::new());
    let supervisor = Supervisor::try_new(driver, subscription, retry, reporter, cancel.clone(), abandon.clone())?;
    let queue = supervisor.queue();
    let task = tokio::spawn(supervisor.run());
    Ok(ConsumerHandle { queue, cancel, abandon, health, task })
}

impl ConsumerHandle {
    /// The queue that it reads.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// How it is doing, as it changes.
    pub fn health(&self) -> watch::Receiver<ConsumerHealth> {
        self.health.clone()
    }

    /// Takes no more deliveries and returns those that have not begun. Does not wait.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Cancels, and waits for the handlers that run; after `grace` they are dropped and their deliveries returned.
    pub async fn drain(mut self, grace: Duration) -> Drained {
        self.cancel.cancel();
        let abandoned = match tokio::time::timeout(grace, &mut self.task).await {
            Ok(ended) => ended.unwrap_or(0),
            Err(_) => {
                self.abandon.cancel();
                self.task.await.unwrap_or(0)
            }
        };
        Drained { abandoned }
    }
}
