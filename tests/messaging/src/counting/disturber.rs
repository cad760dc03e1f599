//! Who restarts the broker and kills the service.

use std::sync::Arc;

use harness::process::Process;
use harness::rabbitmq::Broker;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

use super::Plan;
use super::book::Book;
use crate::place::Place;

/// Where the service dies by itself.
const FAILPOINTS: [&str; 5] = [
    "outbox.after-commit-before-publish",
    "outbox.after-publish-before-delete",
    "consumer.before-commit",
    "consumer.after-commit-before-ack",
    "consumer.after-ack",
];
/// How long a service may take to die at a failpoint, its start included.
const DEATH: Duration = Duration::from_secs(120);

/// What was done, and what could be seen of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Brokers that were stopped in order and started again.
    pub stops: u32,
    /// Brokers that were killed and started again.
    pub kills: u32,
    /// Services that were killed from outside.
    pub services: u32,
    /// Services that killed themselves at a failpoint.
    pub failpoints: u32,
    /// Deliveries that the inbox recognised, as far as the service lived long enough to tell.
    pub duplicates: u64,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Stop,
    Kill,
    Service,
    /// Killed, and started so that it soon kills itself.
    Failpoint(&'static str, u32),
}

pub(super) struct Disturber<'a> {
    plan: &'a Plan,
    broker: &'a Broker,
    place: &'a Arc<Place>,
    book: &'a Arc<Book>,
    counts: Counts,
}

impl<'a> Disturber<'a> {
    pub(super) fn new(plan: &'a Plan, broker: &'a Broker, place: &'a Arc<Place>, book: &'a Arc<Book>) -> Self {
        Self { plan, broker, place, book, counts: Counts::default() }
    }

    /// Does all that is planned, spread over the whole.
    pub(super) async fn disturb(&mut self, service: &mut Process, began: Instant) {
        let faults = schedule(self.plan);
        for (index, fault) in faults.iter().enumerate() {
            self.until((index + 1) as f64 / (faults.len() + 2) as f64, began).await;
            (self.plan.say)(&format!(
                "{:>3} s, {} messages acknowledged: fault {} of {}, {fault:?}",
                began.elapsed().as_secs(),
                self.book.acknowledged(),
                index + 1,
                faults.len()
            ));
            self.strike(*fault, service).await;
            // Whatever it was, messages flow again before the next one.
            self.book.until(self.book.acknowledged() + 200).await;
        }
    }

    /// What was done.
    pub(super) async fn into_counts(mut self, place: &Place) -> Counts {
        self.count_duplicates(place).await;
        self.counts
    }

    async fn until(&self, progress: f64, began: Instant) {
        let mut tick = interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.plan.progress(self.book.acknowledged(), began) < progress {
            tick.tick().await;
        }
    }

    async fn strike(&mut self, fault: Fault, service: &mut Process) {
        match fault {
            Fault::Stop => {
                self.broker.stop().await;
                self.broker.restart().await;
                self.counts.stops += 1;
            }
            Fault::Kill => {
                self.broker.kill().await;
                self.broker.restart().await;
                self.counts.kills += 1;
            }
            Fault::Service => self.kill(service, None).await,
            Fault::Failpoint(name, hit) => {
                self.kill(service, Some(format!("{name}={hit}"))).await;
                let status = service.wait_within(DEATH).await;
                assert!(!status.success(), "a service that kills itself does not end well");
                self.counts.failpoints += 1;
                *service = self.place.program().start();
            }
        }
    }

    async fn kill(&mut self, service: &mut Process, failpoint: Option<String>) {
        self.count_duplicates(self.place).await;
        service.kill().await;
        self.counts.services += 1;
        let program = self.place.program();
        *service = match failpoint {
            Some(failpoint) => program.env("CHASSIS_FAILPOINT", failpoint).start(),
            None => program.start(),
        };
    }

    async fn count_duplicates(&mut self, place: &Place) {
        for queue in ["ledger.entry-made", "ledger.entry-booked"] {
            let parts = ["chassis_consumer_deliveries_total", "outcome=\"duplicate\"", queue];
            self.counts.duplicates += place.metric(&parts).await.unwrap_or_default() as u64;
        }
    }
}

/// The faults in their order. The last two are the broker's, so that the service that is looked at in the end has seen some.
fn schedule(plan: &Plan) -> Vec<Fault> {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let broker = |number: u32| if number.is_multiple_of(2) { Fault::Kill } else { Fault::Stop };
    let mut faults: Vec<Fault> = (0..plan.broker_restarts.saturating_sub(2)).map(broker).collect();
    // Each of these is two deaths.
    let failpoints = plan.service_kills / 3;
    faults.extend((0..plan.service_kills - 2 * failpoints).map(|_| Fault::Service));
    faults.extend(
        (0..failpoints)
            .map(|number| Fault::Failpoint(FAILPOINTS[number as usize % FAILPOINTS.len()], random.u32(5..80))),
    );
    random.shuffle(&mut faults);
    faults.extend((plan.broker_restarts.saturating_sub(2)..plan.broker_restarts).map(broker));
    faults
}
