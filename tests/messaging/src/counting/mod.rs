//! Everything is counted while the broker is restarted and the service killed, over and over.
//!
//! Two ways of publishing are watched: confirmed by the broker, and committed to the outbox. What was acknowledged either way
//! must be booked, once. What was refused or never answered may be booked, once too.

mod auditor;
mod book;
mod disturber;
mod footprint;
mod publishers;
mod report;

use std::sync::Arc;

use chassis::messaging::amqp::{self, AmqpSettings};
use harness::eventually_within;
use harness::rabbitmq::Broker;
use tokio::time::{Duration, Instant};

use self::auditor::Auditor;
use self::book::Book;
use self::disturber::Disturber;
use self::publishers::Publishers;
use crate::place::Place;

pub use auditor::Audit;
pub use disturber::Counts;
pub use footprint::Footprint;
pub use report::Report;

/// How long the last messages may take once nobody disturbs any more. It covers a retry after a failed attempt.
const REST: Duration = Duration::from_secs(180);

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides when what happens.
    pub seed: u64,
    /// How many messages must be acknowledged at least.
    pub messages: u64,
    /// For how long it lasts at least.
    pub lasting: Duration,
    /// How often the broker is restarted, every second time after a SIGKILL.
    pub broker_restarts: u32,
    /// How often the service is killed, part of it by itself at a failpoint.
    pub service_kills: u32,
    /// Is told what happens.
    pub say: fn(&str),
}

impl Plan {
    /// How much of it is done, from 0 to 1.
    fn progress(&self, acknowledged: u64, began: Instant) -> f64 {
        let of = |done: f64, all: f64| if all > 0.0 { (done / all).min(1.0) } else { 1.0 };
        let messages = of(acknowledged as f64, self.messages as f64);
        messages.min(of(began.elapsed().as_secs_f64(), self.lasting.as_secs_f64()))
    }
}

/// Does what `plan` says with the program at `ledger`.
pub async fn run(plan: &Plan, ledger: &str) -> Report {
    let broker = Broker::start().await;
    let place = Arc::new(Place::new(ledger, &broker.uri()));
    let mut service = place.start().await;
    let settings = AmqpSettings {
        name: "publisher".to_owned(),
        backoff_max: Duration::from_secs(1),
        heartbeat: Duration::from_secs(5),
        ..AmqpSettings::new(broker.uri())
    };
    let driver = Arc::new(amqp::connect(&settings).await.expect("a connection to the broker"));
    let auditor = Auditor::new(&place).await;
    let book = Arc::new(Book::default());

    // What is made once for the process, such as lapin's thread of its own, is made before the first look.
    let publishers = Publishers::start(&driver, &place, &book, &auditor);
    book.until(500).await;
    broker.restart().await;
    book.until(1_000).await;
    publishers.stop().await;
    rest(&broker, &auditor, &place).await;
    let before = Footprint::of(service.id());
    let own_before = Footprint::of(std::process::id());
    let bindings = bindings(&broker).await;

    let began = Instant::now();
    let publishers = Publishers::start(&driver, &place, &book, &auditor);
    let mut disturber = Disturber::new(plan, &broker, &place, &book);
    disturber.disturb(&mut service, began).await;
    while plan.progress(book.acknowledged(), began) < 1.0 {
        book.until(book.acknowledged() + 1).await;
    }
    publishers.stop().await;
    let lasted = began.elapsed();
    place.up().await;
    rest(&broker, &auditor, &place).await;

    let counts = disturber.into_counts(&place).await;
    let after = before.settled(service.id()).await;
    let own_after = own_before.settled(std::process::id()).await;
    Report {
        seed: plan.seed,
        broker: broker.version().await,
        lasted,
        counts,
        audit: auditor.audit(&book, parked(&broker).await).await,
        acknowledged: book.acknowledged(),
        unanswered: book.unanswered(),
        bindings: (bindings, self::bindings(&broker).await),
        service: (before, after),
        publisher: (own_before, own_after),
    }
}

/// Waits until every message is where it belongs.
async fn rest(broker: &Broker, auditor: &Auditor, place: &Place) {
    place.up().await;
    eventually_within(REST, "outbox and queues are empty", async || {
        let queued: u64 = queues(broker).await.iter().filter(|(name, _)| !parks(name)).map(|(_, count)| count).sum();
        (auditor.waiting().await + queued == 0).then_some(())
    })
    .await;
}

/// How many messages are parked.
async fn parked(broker: &Broker) -> u64 {
    queues(broker).await.into_iter().filter(|(name, _)| parks(name)).map(|(_, count)| count).sum()
}

fn parks(queue: &str) -> bool {
    queue.ends_with(".dlq")
}

/// Every queue, with what is in it.
async fn queues(broker: &Broker) -> Vec<(String, u64)> {
    let text = broker.ctl(&["list_queues", "--no-table-headers", "name", "messages"]).await;
    let line = |line: &str| Some((line.split_once('\t')?.0.to_owned(), line.split_once('\t')?.1.trim().parse().ok()?));
    text.lines().filter_map(line).collect()
}

async fn bindings(broker: &Broker) -> usize {
    broker.ctl(&["list_bindings", "--no-table-headers"]).await.lines().count()
}
