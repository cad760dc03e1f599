//! The shortest way to use a driver.

use std::time::Duration;

use chassis::messaging::Message;
use chassis::messaging::amqp::{self, Amqp, AmqpSettings};
use chassis::messaging::driver::{
    Binding, ConnectionState, Consume, Consumer, Driver, Exchange, ExchangeKind, Incoming, Outcome, Outgoing,
    PublishError, Queue, QueueRole, Topology,
};
use tokio::time::{Instant, timeout};

/// How long anything that must happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// Settings that come back fast.
pub(crate) fn settings(uri: &str) -> AmqpSettings {
    AmqpSettings {
        backoff_min: Duration::from_millis(100),
        backoff_max: Duration::from_secs(1),
        heartbeat: Duration::from_secs(2),
        ..AmqpSettings::new(uri)
    }
}

pub(crate) async fn connect(uri: &str) -> Amqp {
    within("a connection", amqp::connect(&settings(uri))).await.unwrap()
}

pub(crate) async fn reaches(driver: &Amqp, what: &str, wanted: impl FnMut(&ConnectionState) -> bool) {
    within(what, driver.state().wait_for(wanted)).await.unwrap();
}

pub(crate) fn work_queue(name: &str) -> Topology {
    let queue = |name: String, role| Queue { name, role };
    Topology {
        queues: vec![queue(name.to_owned(), QueueRole::Work), queue(format!("{name}.dlq"), QueueRole::Parking)],
        ..Topology::default()
    }
}

/// A work queue that takes everything of `shop.events`.
pub(crate) fn bound_queue(name: &str, key: &str) -> Topology {
    let mut topology = work_queue(name);
    let exchange = "shop.events".to_owned();
    topology.exchanges.push(Exchange { name: exchange.clone(), kind: ExchangeKind::Topic });
    topology.bindings.push(Binding { queue: name.to_owned(), exchange, routing_key: key.to_owned() });
    topology
}

pub(crate) fn message(body: impl Into<String>) -> Message {
    Message { id: uuid::Uuid::now_v7().to_string(), body: body.into().into(), ..Message::default() }
}

pub(crate) fn outgoing(exchange: &str, key: &str, body: impl Into<String>) -> Outgoing {
    Outgoing {
        exchange: exchange.to_owned().into(),
        routing_key: key.to_owned().into(),
        mandatory: true,
        message: message(body),
        deadline: Instant::now() + PATIENCE,
    }
}

/// Sends `body` to a queue.
pub(crate) async fn send(driver: &Amqp, queue: &str, body: impl Into<String>) -> Result<(), PublishError> {
    driver.publish(outgoing("", queue, body)).await
}

/// The value of a metric of the driver called `service`, with a further label; zero while there is none.
pub(crate) fn metric(name: &str, service: &str, label: &str) -> f64 {
    let (text, service) = (chassis::telemetry::metrics::render(), format!("service=\"{service}\""));
    let line = text.lines().find(|line| {
        let (of, labels) = line.split_once('{').unwrap_or((line, ""));
        of == name && labels.contains(&service) && labels.contains(label)
    });
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or_default()
}

/// How many threads of lapin's and descriptors there are once those of a lost connection are gone: two connections, two
/// threads.
pub(crate) async fn settled() -> (usize, usize) {
    harness::eventually("two threads of lapin's", async || (lapin_threads() == 2).then_some(())).await;
    (lapin_threads(), descriptors())
}

/// How many threads of lapin's there are in this process.
pub(crate) fn lapin_threads() -> usize {
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("lapin")).count()
}

/// How many files and sockets this process has open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

pub(crate) async fn consume(driver: &Amqp, queue: &str, prefetch: u16) -> Box<dyn Consumer> {
    let spec = Consume { queue: queue.to_owned(), prefetch, spare: 0, ordered: false, tag: format!("{queue}.reader") };
    within("a consumer", driver.consume(spec)).await.unwrap()
}

pub(crate) async fn next(consumer: &mut Box<dyn Consumer>) -> Incoming {
    within("a delivery", consumer.next()).await.expect("the consumer goes on")
}

pub(crate) fn body(incoming: &Incoming) -> String {
    String::from_utf8_lossy(&incoming.message.body).into_owned()
}

/// The bodies of the next deliveries, each acked.
pub(crate) async fn take(consumer: &mut Box<dyn Consumer>, count: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    while bodies.len() < count {
        let incoming = next(consumer).await;
        bodies.push(body(&incoming));
        incoming.settle.settle(Outcome::Ack).await.unwrap();
    }
    bodies
}
