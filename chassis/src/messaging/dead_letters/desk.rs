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
    /// Those that its handlers do not read any more.
    former: Mutex<Vec<String>>,
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
        Self {
            shared: Arc::new(Shared {
                driver,
                service,
                queues,
                former: Mutex::default(),
                metrics,
                turns: Mutex::default(),
            }),
        }
    }

    /// The service that they are of.
    pub fn service(&self) -> &'static str {
        self.shared.service
    }

    /// The queues that the service reads.
    pub fn queues(&self) -> &[String] {
        &self.shared.queues
    }

    /// Shows the dead letters of these queues too, which the service does not read any more.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(in crate::messaging) fn show_former(&self, queues: Vec<String>) {
        *self.shared.former.lock().unwrap_or_else(PoisonError::into_inner) = queues;
    }

    /// Shows those of a former queue no longer.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(in crate::messaging) fn forget_former(&self, queue: &str) {
        self.shared.former.lock().unwrap_or_else(PoisonError::into_inner).retain(|former| former != queue);
    }

    /// All that can be looked at: of each queue what its handler has given up on, and what it is not for.
    pub(super) fn piles(&self) -> Vec<String> {
        let former = self.shared.former.lock().unwrap_or_else(PoisonError::into_inner);
        self.queues().iter().chain(&*former).flat_map(|queue| [queue.clone(), names::unmatched_queue(queue)]).collect()
    }

    /// Whether a queue is, or was, one of the service's: also one whose handler is gone may have dead letters.
    pub fn has(&self, queue: &str) -> bool {
        let queue = Pile::named(queue).queue;
        self.reads(queue)
            || queue.strip_prefix(self.service()).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
    }

    /// Whether a queue is one that the service reads.
    pub(super) fn reads(&self, queue: &str) -> bool {
        let queue = Pile::named(queue).queue;
        self.queues().iter().any(|own| own == queue)
    }

    /// Begins to look at the dead letters of a queue, when it is its turn.
    pub(super) async fn look(&self, queue: &str, most: usize) -> Result<Turn, DeadLetterError> {
        let pile = Pile::named(queue);
        if !self.has(queue) {
            let (service, queue) = (self.service(), pile.queue.to_owned());
            return Err(DeadLetterError::UnknownQueue { service, queue });
        }
        let parking = pile.parking();
        let turn = self.turn(&parking).lock_owned().await;
        let failed = |error| failed(pile.queue, error);
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

/// Dead letters of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pile<'a> {
    /// The queue that they came from.
    pub(super) queue: &'a str,
    /// Whether they are what its handler is not for, rather than what it has given up on.
    unmatched: bool,
}

impl<'a> Pile<'a> {
    /// What is meant by the name of a queue, or that of either place where its messages are parked.
    pub(super) fn named(name: &'a str) -> Self {
        match name.strip_suffix(".unmatched") {
            Some(queue) => Self { queue, unmatched: true },
            None => Self { queue: name.strip_suffix(".dlq").unwrap_or(name), unmatched: false },
        }
    }

    /// How it is shown.
    pub(super) fn name(self) -> String {
        if self.unmatched { names::unmatched_queue(self.queue) } else { self.queue.to_owned() }
    }

    /// Where they are.
    pub(super) fn parking(self) -> String {
        if self.unmatched { self.name() } else { names::parking_queue(self.queue) }
    }
}
