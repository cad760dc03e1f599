//! Between the spans that end and the exporter: bounded, and never in anybody's way.
//!
//! A push is a short lock around a move; the exporter is woken once per batch, not once per span. What does not fit is
//! dropped and counted.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use super::recorder::Finished;
use crate::telemetry::metrics::{self, Counter};

/// As many make the exporter start before its time.
pub(crate) const BATCH: usize = 512;

static OPEN: AtomicBool = AtomicBool::new(false);
static CURRENT: ArcSwapOption<Queue> = ArcSwapOption::const_empty();
/// Held while the two above change, so that who closes his queue does not take away the one that another opens at the same moment.
static CHANGING: Mutex<()> = Mutex::new(());

fn changing() -> MutexGuard<'static, ()> {
    CHANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Spans that were never exported, by why.
pub(crate) fn dropped(reason: &str) -> Counter {
    let name = ("chassis.telemetry.dropped.spans", "{span}");
    metrics::counter(name, "Finished spans that could not be exported.", &[("reason", reason)])
}

/// Whether anybody takes spans.
pub(super) fn is_open() -> bool {
    OPEN.load(Relaxed)
}

/// Hands a span to the exporter.
pub(super) fn push(span: Finished) {
    if let Some(queue) = &*CURRENT.load() {
        queue.push(span);
    }
}

/// Finished spans that wait for the exporter.
#[derive(Debug)]
pub(crate) struct Queue {
    spans: Mutex<Vec<Finished>>,
    limit: usize,
    ready: Notify,
}

impl Queue {
    /// Makes the queue that all spans of the process go to from now on.
    pub(crate) fn open(limit: usize) -> Arc<Self> {
        let queue = Arc::new(Self::new(limit));
        let _changing = changing();
        CURRENT.store(Some(Arc::clone(&queue)));
        OPEN.store(true, Relaxed);
        queue
    }

    fn new(limit: usize) -> Self {
        Self { spans: Mutex::default(), limit, ready: Notify::new() }
    }

    fn push(&self, span: Finished) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() >= self.limit {
            drop(spans);
            static FULL: LazyLock<Counter> = LazyLock::new(|| dropped("queue_full"));
            FULL.inc();
            return;
        }
        spans.push(span);
        let batch = spans.len() == BATCH.min(self.limit);
        drop(spans);
        if batch {
            self.ready.notify_one();
        }
    }

    /// Takes all that is there.
    pub(crate) fn take(&self) -> Vec<Finished> {
        std::mem::take(&mut *self.spans.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until a batch is full.
    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Takes no more, unless another queue has been opened since.
    pub(crate) fn close(self: &Arc<Self>) {
        let _changing = changing();
        let current = CURRENT.load();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, self)) {
            OPEN.store(false, Relaxed);
            CURRENT.store(None);
        }
    }
}
