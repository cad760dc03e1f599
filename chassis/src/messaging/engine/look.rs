//! What an operator sees of a queue.

use std::sync::Arc;

use super::store::Recorded;
use super::{Engine, codec};
use crate::BoxFuture;
use crate::messaging::driver::{BrowseError, Browser, Seen};

/// A look that takes nothing out, so that it has nothing to give back.
pub(super) struct Look {
    engine: Arc<Engine>,
    queue: Arc<str>,
    after: u64,
    left: usize,
    removals: Vec<Recorded>,
}

impl Look {
    pub(super) fn open(engine: Arc<Engine>, queue: &str, most: usize) -> Result<Self, BrowseError> {
        let depth = engine.depth(queue).ok_or_else(|| BrowseError::NoQueue(queue.to_owned()))?;
        // What comes later is not looked at: a message that is removed and comes back must not be seen without end.
        Ok(Self { engine, queue: queue.into(), after: 0, left: most.min(depth.ready), removals: Vec::new() })
    }

    fn seen(&mut self) -> Option<Seen> {
        self.left = self.left.checked_sub(1)?;
        let found = self.engine.lock().state.queues.get(&self.queue)?.behind(self.after);
        let (place, letter) = found?;
        self.after = place;
        Some(Seen { place, message: codec::decode(&letter.head, letter.body.clone()) })
    }
}

impl Browser for Look {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Seen>, BrowseError>> {
        let seen = self.seen();
        Box::pin(std::future::ready(Ok(seen)))
    }

    fn remove(&mut self, place: u64) -> BoxFuture<'_, Result<(), BrowseError>> {
        let ((), recorded) = self.engine.change(|state| state.remove(&self.queue, place));
        self.removals.push(recorded);
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), BrowseError>> {
        Box::pin(async move {
            for recorded in self.removals {
                recorded.safe().await?;
            }
            Ok(())
        })
    }
}
