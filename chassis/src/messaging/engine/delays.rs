//! Returns what was held back when its time has come.

use std::sync::{Arc, Weak};

use tokio::time::Instant;

use super::Engine;

/// Watches over a queue that holds messages back, until it is empty. The task keeps no broker alive.
pub(super) fn keep(engine: &Arc<Engine>, queue: Arc<str>) {
    // Outside of a runtime (a delivery that is dropped by a thread of its own) nothing enters a delay queue.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(watch(Arc::downgrade(engine), queue));
    }
}

async fn watch(engine: Weak<Engine>, queue: Arc<str>) {
    while let Some(due) = engine.upgrade().and_then(|engine| engine.release(&queue, Instant::now())) {
        tokio::time::sleep_until(due).await;
    }
}
