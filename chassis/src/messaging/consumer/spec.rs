//! What a subscription declares, and the handler behind it.

use std::sync::Arc;
use std::time::Duration;

use super::{Database, Tx};
use crate::messaging::{Received, names};
use crate::{BoxFuture, Result};

/// A subscription as `#[subscribe]` writes it.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionSpec {
    /// The function's name.
    pub name: &'static str,
    /// The queue's name without the service; after the function where it is `None`.
    pub queue: Option<&'static str>,
    /// What it takes, such as `order.placed.v1`.
    pub kind: &'static str,
    /// The service that publishes it.
    pub owner: &'static str,
    /// The name of its retry policy, `standard` where nothing else is said.
    pub retry: &'static str,
    /// How many deliveries are handled at once.
    pub concurrency: u16,
    /// How many deliveries are held at once; three times the concurrency where it is `None`.
    pub prefetch: Option<u16>,
    /// How long one attempt may take; 60 s where it is `None`.
    pub timeout: Option<Duration>,
    /// What is promised about duplicates.
    pub mode: Mode,
}

/// What a subscription promises about duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The handler works in a transaction in which the inbox remembers the message: its effect happens once.
    Transactional,
    /// The handler may see a message more than once.
    AtLeastOnce,
}

impl SubscriptionSpec {
    /// The queue that it reads in `service`.
    pub fn queue_name(&self, service: &str) -> String {
        names::queue(service, self.queue.unwrap_or(self.name))
    }

    /// How many deliveries are held at once.
    pub fn effective_prefetch(&self) -> u16 {
        self.prefetch.unwrap_or_else(|| self.concurrency.saturating_mul(3)).max(self.concurrency).max(1)
    }

    /// How long one attempt may take.
    pub fn effective_timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(60))
    }
}

/// Handles one delivery; the transaction is there when the subscription is [`Mode::Transactional`].
pub type Handler = Arc<dyn for<'a> Fn(&'a Received, Option<&'a mut Tx>) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// A subscription of one service, ready to be started.
#[derive(Clone)]
pub struct Subscription {
    /// The service that it belongs to.
    pub service: &'static str,
    /// What was declared.
    pub spec: SubscriptionSpec,
    /// What is called for each delivery.
    pub handler: Handler,
    /// Where transactions begin; needed by [`Mode::Transactional`].
    pub database: Option<Database>,
}
