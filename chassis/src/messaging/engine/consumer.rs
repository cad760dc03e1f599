//! One consumer of one queue, and its deliveries.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::queue::Handed;
use super::{Engine, codec};
use crate::BoxFuture;
use crate::messaging::driver::{Consumer, Incoming, Outcome, Settle, SettleError};
use crate::messaging::names::headers;

pub(super) struct EngineConsumer {
    engine: Arc<Engine>,
    queue: Arc<str>,
    consumer: u64,
    deliveries: UnboundedReceiver<Handed>,
}

impl EngineConsumer {
    pub(super) fn new(
        engine: Arc<Engine>,
        queue: Arc<str>,
        consumer: u64,
        deliveries: UnboundedReceiver<Handed>,
    ) -> Self {
        Self { engine, queue, consumer, deliveries }
    }

    fn unsubscribe(&self) {
        self.engine.change(|state| state.unsubscribe(&self.queue, self.consumer));
    }

    fn incoming(&self, handed: Handed) -> Incoming {
        let Handed { position, tag, entry } = handed;
        let mut message = codec::decode(&entry.letter.head, entry.letter.body.clone());
        if entry.deliveries > 0 {
            message.headers.insert(headers::DELIVERY_COUNT.to_owned(), entry.deliveries.to_string());
        }
        let (engine, queue) = (self.engine.clone(), self.queue.clone());
        Incoming {
            message,
            exchange: entry.letter.exchange.clone(),
            routing_key: entry.letter.routing_key.clone(),
            redelivered: entry.redelivered,
            settle: Box::new(EngineSettle { engine, queue, position, tag, settled: false }),
        }
    }
}

impl Consumer for EngineConsumer {
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>> {
        Box::pin(async move {
            let handed = self.deliveries.recv().await?;
            Some(self.incoming(handed))
        })
    }

    fn cancel(&mut self) -> BoxFuture<'_, ()> {
        self.unsubscribe();
        Box::pin(std::future::ready(()))
    }
}

impl Drop for EngineConsumer {
    fn drop(&mut self) {
        self.unsubscribe();
        // What was handed over and never taken out goes back.
        while let Ok(handed) = self.deliveries.try_recv() {
            drop(self.incoming(handed));
        }
    }
}

struct EngineSettle {
    engine: Arc<Engine>,
    queue: Arc<str>,
    position: u64,
    tag: u64,
    settled: bool,
}

impl EngineSettle {
    fn settle_once(&mut self, outcome: Outcome) -> Result<(), SettleError> {
        self.settled = true;
        let Self { queue, position, tag, .. } = self;
        self.engine.change(|state| state.settle(queue, *position, *tag, outcome, Instant::now())).0
    }
}

impl Settle for EngineSettle {
    fn is_live(&self) -> bool {
        self.engine.lock().state.queues.get(&self.queue).is_some_and(|queue| queue.holds(self.position, self.tag))
    }

    fn settle(mut self: Box<Self>, outcome: Outcome) -> BoxFuture<'static, Result<(), SettleError>> {
        // The store learns of it in its own time: what it misses is delivered again.
        Box::pin(std::future::ready(self.settle_once(outcome)))
    }
}

impl Drop for EngineSettle {
    fn drop(&mut self) {
        if !self.settled {
            // Stale means that it is back already.
            let _ = self.settle_once(Outcome::Return);
        }
    }
}
