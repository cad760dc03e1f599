//! What the cases share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Fixture;
use crate::messaging::Message;
use crate::messaging::driver::{
    Binding, Consume, Consumer, Driver, Exchange, ExchangeKind, Incoming, Outcome, Outgoing, PublishError, Queue,
    QueueRole, Topology,
};

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection, and the shortest way to use it.
pub(super) struct Kit {
    pub(super) driver: Arc<dyn Driver>,
}

impl Kit {
    pub(super) async fn new(fixture: &dyn Fixture) -> Self {
        Self { driver: fixture.connect().await }
    }

    pub(super) async fn declare(&self, topology: Topology) {
        within("a topology", self.driver.declare(topology)).await.expect("declared");
    }

    /// A work queue and its dead letters.
    pub(super) async fn queue(&self, name: &str) {
        self.declare(work_queue(name)).await;
    }

    /// Sends `body` to a queue.
    pub(super) async fn send(&self, queue: &str, body: &str) {
        self.publish("", queue, true, message(body)).await.expect("published");
    }

    pub(super) async fn publish(
        &self,
        exchange: &str,
        key: &str,
        mandatory: bool,
        message: Message,
    ) -> Result<(), PublishError> {
        let (exchange, routing_key) = (exchange.to_owned().into(), key.to_owned().into());
        let deadline = Instant::now() + PATIENCE;
        self.driver.publish(Outgoing { exchange, routing_key, mandatory, message, deadline }).await
    }

    pub(super) async fn consume(&self, queue: &str, prefetch: u16) -> Reader {
        let spec =
            Consume { queue: queue.to_owned(), prefetch, spare: 0, ordered: false, tag: format!("{queue}.reader") };
        Reader { consumer: within("a consumer", self.driver.consume(spec)).await.expect("consumes") }
    }
}

/// A consumer that must get something.
pub(super) struct Reader {
    consumer: Box<dyn Consumer>,
}

impl Reader {
    /// The next delivery, which must come. One that went stale on its way is none.
    pub(super) async fn next(&mut self) -> Incoming {
        loop {
            let incoming = within("a delivery", self.consumer.next()).await.expect("the consumer goes on");
            if incoming.settle.is_live() {
                return incoming;
            }
        }
    }

    /// The bodies of the next deliveries, each acked.
    pub(super) async fn take(&mut self, count: usize) -> Vec<String> {
        let mut bodies = Vec::new();
        for _ in 0..count {
            let incoming = self.next().await;
            bodies.push(body(&incoming));
            incoming.settle.settle(Outcome::Ack).await.expect("acked");
        }
        bodies
    }

    pub(super) async fn cancel(&mut self) {
        within("a cancel", self.consumer.cancel()).await;
    }

    /// What is left after a cancel.
    pub(super) async fn rest(mut self) -> Vec<Incoming> {
        let mut rest = Vec::new();
        while let Some(incoming) = within("the end of a consumer", self.consumer.next()).await {
            rest.push(incoming);
        }
        rest
    }
}

/// Waits for what must happen.
pub(super) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

pub(super) fn body(incoming: &Incoming) -> String {
    String::from_utf8_lossy(&incoming.message.body).into_owned()
}

pub(super) fn message(body: &str) -> Message {
    Message { id: uuid::Uuid::now_v7().to_string(), body: body.to_owned().into(), ..Message::default() }
}

pub(super) fn work_queue(name: &str) -> Topology {
    let queue = |name: String, role| Queue { name, role };
    Topology {
        queues: vec![queue(name.to_owned(), QueueRole::Work), queue(format!("{name}.dlq"), QueueRole::Parking)],
        ..Topology::default()
    }
}

pub(super) fn exchange(name: &str, kind: ExchangeKind) -> Exchange {
    Exchange { name: name.to_owned(), kind }
}

pub(super) fn binding(queue: &str, exchange: &str, key: &str) -> Binding {
    Binding { queue: queue.to_owned(), exchange: exchange.to_owned(), routing_key: key.to_owned() }
}
