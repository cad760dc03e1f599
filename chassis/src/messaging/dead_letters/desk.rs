use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::metrics::Metrics;
use crate::messaging::driver::{BrowseError, Browser, Driver};
use crate::messaging::names;

/// How far into a queue a look goes.
pub(super) const SCAN: usize = 10_000;

/// The dead letters of one service. Cloning is cheap.
#[derive(Clone)]
pub struct DeadLetters {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) service: &'static str,
    pub(super) queues: Vec<String>,
    pub(super) metrics: Metrics,
    /// Whose turn it is to look at a queue.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Why dead letters can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeadLetterError {
    /// The queue is not one of the service's.
    #[error("`{service}` has no queue `{queue}`")]
    UnknownQueue {
        /// The service that was asked.
        service: &'static str,
        /// The queue that it was asked for.
        queue: String,
    },
    /// Nothing was ever parked there, nor will be: no handler has declared the queue.
    #[error("there are no dead letters of `{0}`: its queue has never been declared")]
    NeverDeclared(String),
    /// The queue can't be looked into at the moment.
    #[error(transparent)]
    Browse(BrowseError),
}

/// A turn at a queue, and the look that it allows.
pub(super) struct Turn {
    pub(super) look: Box<dyn Browser>,
    /// How many messages there were at its beginning.
    pub(super) depth: u64,
    _turn: OwnedMutexGuard<()>,
}

impl DeadLetters {
    /// The dead letters of the `queues` that `service` reads over `driver`; the names are those of the queues themselves.
    pub fn new(driver: Arc<dyn Driver>, service: &'static str, queues: impl IntoIterator<Item = String>) -> Self {
        let queues: Vec<String> = queues.into_iter().collect();
        let metrics = Metrics::new(service);
        Self { shared: Arc::new(Shared { driver, service, queues, metrics, turns: Mutex::default() }) }
    }

    /// The service that they are of.
    pub fn service(&self) -> &'static str {
        self.shared.service
    }

    /// The queues that the service reads.
    pub fn queues(&self) -> &[String] {
        &self.shared.queues
    }

    /// Whether a queue is, or was, one of the service's: also one whose handler is gone may have dead letters.
    pub fn has(&self, queue: &str) -> bool {
        let queue = work_queue(queue);
        self.queues().iter().any(|own| own == queue)
            || queue.strip_prefix(self.service()).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
    }

    /// Begins to look at the dead letters of a queue, when it is its turn.
    pub(super) async fn look(&self, queue: &str, most: usize) -> Result<Turn, DeadLetterError> {
        let queue = work_queue(queue);
        if !self.has(queue) {
            let (service, queue) = (self.service(), queue.to_owned());
            return Err(DeadLetterError::UnknownQueue { service, queue });
        }
        let turn = self.turn(queue).lock_owned().await;
        let parking = names::parking_queue(queue);
        let failed = |error| failed(queue, error);
        let depth = self.shared.driver.depth(&parking).await.map_err(failed)?;
        let look = self.shared.driver.browse(&parking, most).await.map_err(failed)?;
        Ok(Turn { look, depth, _turn: turn })
    }

    fn turn(&self, queue: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Names come from requests; those that nobody uses now are forgotten.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        turns.entry(queue.to_owned()).or_default().clone()
    }
}

impl From<BrowseError> for DeadLetterError {
    fn from(error: BrowseError) -> Self {
        Self::Browse(error)
    }
}

fn failed(queue: &str, error: BrowseError) -> DeadLetterError {
    match error {
        BrowseError::NoQueue(_) => DeadLetterError::NeverDeclared(queue.to_owned()),
        error => DeadLetterError::Browse(error),
    }
}

/// The queue itself, whether it or its parking queue was named.
pub(super) fn work_queue(queue: &str) -> &str {
    queue.strip_suffix(".dlq").unwrap_or(queue)
}
