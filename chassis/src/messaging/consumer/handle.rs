//! A running consumer, seen from outside.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::flow::Flow;
use super::supervisor::Supervisor;
use super::{ConsumerHealth, RetryPolicy, Subscription};
use crate::Result;
use crate::messaging::driver::Driver;

/// A running consumer. Dropped, it goes on; end it by [`cancel`](Self::cancel) and [`drain`](Self::drain).
pub struct ConsumerHandle {
    control: ConsumerControl,
    cancel: CancellationToken,
    abandon: CancellationToken,
    task: JoinHandle<usize>,
}

/// What an operator sees of a running consumer, and can do to it. Clones are for the same consumer.
#[derive(Clone)]
pub struct ConsumerControl {
    queue: Arc<str>,
    flow: Arc<Flow>,
    health: watch::Receiver<ConsumerHealth>,
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
    let flow = Arc::new(Flow::new(retry.pause().clone()));
    let supervisor =
        Supervisor::try_new(driver, subscription, retry, flow.clone(), reporter, cancel.clone(), abandon.clone())?;
    let control = ConsumerControl { queue: supervisor.queue(), flow, health };
    let task = tokio::spawn(supervisor.run());
    Ok(ConsumerHandle { control, cancel, abandon, task })
}

impl ConsumerHandle {
    /// The queue that it reads.
    pub fn queue(&self) -> &str {
        &self.control.queue
    }

    /// How it is doing, as it changes.
    pub fn health(&self) -> watch::Receiver<ConsumerHealth> {
        self.control.health.clone()
    }

    /// What an operator can do to it while it runs.
    pub fn control(&self) -> ConsumerControl {
        self.control.clone()
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

impl ConsumerControl {
    /// The queue that it reads.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// How it is doing now.
    pub fn health(&self) -> ConsumerHealth {
        self.health.borrow().clone()
    }

    /// Takes no more deliveries until [`resume`](Self::resume). Those that have not begun go back to the queue; handlers that
    /// run end as ever. It does not outlive the process.
    pub fn pause(&self, reason: impl Into<Arc<str>>) {
        self.flow.pause(reason.into());
    }

    /// Ends a pause, whoever began it. A listener that had paused itself tries one message first.
    pub fn resume(&self) {
        self.flow.resume();
    }
}
