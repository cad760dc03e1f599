//! How a test follows what a broker does.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use super::queue::QueueState;
use super::tracker::{Activity, Tracker};
use super::{Engine, QueueDepth};
use crate::messaging::driver::QueueRole;

/// Later than any delay that somebody would wait for.
const LATER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl Engine {
    /// Notes from now on what passes.
    pub(in crate::messaging) fn track(&self) {
        self.lock().state.tracker = Some(Tracker::default());
    }

    /// What has passed since it was last asked for.
    pub(in crate::messaging) fn activity(&self) -> Activity {
        self.lock().state.tracker.as_mut().map(Tracker::take).unwrap_or_default()
    }

    /// Lets chance shuffle queues and double messages, the same way for the same seed.
    pub(in crate::messaging) fn shuffle(&self, seed: u64) {
        self.lock().state.chaos = Some(fastrand::Rng::with_seed(seed));
    }

    /// The queues whose handlers have something to do.
    pub(in crate::messaging) fn busy(&self) -> Vec<(Arc<str>, QueueDepth)> {
        let inner = self.lock();
        let mut busy: Vec<_> =
            inner.state.queues.iter().filter_map(|(name, queue)| Some((name.clone(), work(queue)?))).collect();
        busy.sort_by(|one, other| one.0.cmp(&other.0));
        busy
    }

    /// Counts everything that happens.
    pub(in crate::messaging) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Lets go at once what is held back.
    pub(in crate::messaging) fn release_delayed(self: &Arc<Self>) {
        let delayed: Vec<Arc<str>> = {
            let inner = self.lock();
            let queues = inner.state.queues.iter();
            queues
                .filter(|(_, queue)| matches!(queue.role, QueueRole::Delay(_)))
                .map(|(name, _)| name.clone())
                .collect()
        };
        for queue in delayed {
            self.release(&queue, Instant::now() + LATER);
        }
    }
}

fn work(queue: &QueueState) -> Option<QueueDepth> {
    let depth = queue.depth();
    (queue.is_handled() && (depth.unacked > 0 || depth.ready > 0 && depth.consumers > 0)).then_some(depth)
}
