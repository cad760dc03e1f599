//! Keeps a consumer consuming until it is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::flow::{Flow, Stage, Watch};
use super::worker::Worker;
use super::{ConsumerHealth, Mode, RetryPolicy, Shape, Subscription};
use crate::messaging::backoff::Backoff;
use crate::messaging::driver::{
    ConnectionState, Consume, Consumer, DeclareError, Driver, Incoming, Interruption, Outcome,
};
use crate::{Error, ErrorKind, Result};

/// What waits in place is unsettled all the while, and brokers take back what is unsettled for too long: RabbitMQ after
/// half an hour.
const LONGEST_IN_PLACE: Duration = Duration::from_secs(20 * 60);
/// For how long a message may wait here for others before its turn comes, so that there is time left for it.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// Before a consumer that ended by itself is started again.
const BACKOFF: Backoff = Backoff { min: Duration::from_millis(200), max: Duration::from_secs(30) };

pub(super) struct Supervisor {
    driver: Arc<dyn Driver>,
    consume: Consume,
    pub(super) worker: Arc<Worker>,
    pub(super) flow: Arc<Flow>,
    reporter: watch::Sender<ConsumerHealth>,
    cancel: CancellationToken,
    abandon: CancellationToken,
    /// Shared by successive consumers, since handlers of the one before may still run.
    pub(super) places: Arc<Semaphore>,
    pub(super) running: TaskTracker,
    /// How many deliveries were dropped since their handlers did not end in time.
    abandoned: Arc<AtomicUsize>,
}

/// Why a consumer ended.
pub(super) enum Ended {
    AsAsked,
    /// It takes more, or less, from now on.
    Turned,
    ByItself(Arc<str>),
}

/// What a running consumer has an eye on.
pub(super) struct Signals {
    stage: Watch,
    now: Stage,
    connection: watch::Receiver<ConnectionState>,
    interruption: watch::Receiver<Option<Interruption>>,
}

impl Supervisor {
    pub(super) fn try_new(
        driver: Arc<dyn Driver>,
        subscription: Subscription,
        retry: RetryPolicy,
        flow: Arc<Flow>,
        reporter: watch::Sender<ConsumerHealth>,
        cancel: CancellationToken,
        abandon: CancellationToken,
    ) -> Result<Self> {
        let queue = subscription.spec.queue_name(subscription.service);
        possible(&queue, &subscription, &retry)?;
        let spec = subscription.spec;
        let worker =
            Worker::new(driver.clone(), queue.as_str().into(), subscription, retry, flow.clone(), cancel.clone());
        Ok(Self {
            consume: Consume {
                queue: queue.clone(),
                prefetch: spec.effective_prefetch(),
                spare: 0,
                ordered: spec.shape == Shape::Ordered,
                tag: queue,
            },
            places: Arc::new(Semaphore::new(spec.concurrency.max(1).into())),
            worker: Arc::new(worker),
            running: TaskTracker::new(),
            abandoned: Arc::default(),
            driver,
            flow,
            reporter,
            cancel,
            abandon,
        })
    }

    pub(super) fn queue(&self) -> Arc<str> {
        self.worker.queue.clone()
    }

    /// How many handlers may run at once.
    pub(super) fn concurrency(&self) -> u16 {
        self.worker.subscription.spec.concurrency.max(1)
    }

    pub(super) fn prefetch(&self) -> usize {
        self.consume.prefetch.into()
    }

    /// Runs until cancelled and drained, and says how many deliveries were abandoned.
    pub(super) async fn run(self) -> usize {
        let mut failures = 0;
        loop {
            let cause = match self.consume_once(&mut failures).await {
                Ended::AsAsked => break,
                Ended::Turned => continue,
                Ended::ByItself(cause) => cause,
            };
            failures += 1;
            let wait = BACKOFF.pause(failures);
            tracing::warn!(queue = %self.worker.queue, %cause, attempt = failures, ?wait, "the consumer ended; it is started again");
            self.reporter.send_replace(ConsumerHealth::Restarting { attempt: failures, cause });
            tokio::select! {
                () = self.cancel.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
        let abandoned = self.wait_for_handlers().await;
        self.reporter.send_replace(ConsumerHealth::Stopped);
        abandoned
    }

    async fn consume_once(&self, failures: &mut u32) -> Ended {
        let mut stage = self.flow.watch();
        let Some(now) = self.wait_while_paused(&mut stage).await else { return Ended::AsAsked };
        let half_open = now != Stage::Open;
        // The more have failed already, the deeper in the queue a probe must be able to look.
        let few = u16::try_from(self.flow.suspects().len()).unwrap_or(u16::MAX).saturating_add(1);
        let prefetch = if half_open { few } else { self.consume.prefetch };
        let started = tokio::select! {
            () = self.cancel.cancelled() => return Ended::AsAsked,
            started = self.declare_and_consume(prefetch) => started,
        };
        let mut consumer = match started {
            Ok(consumer) => consumer,
            Err(error) => return Ended::ByItself(error.to_string().into()),
        };
        *failures = 0;
        let (connection, interruption) = (self.driver.consuming(), consumer.interruption());
        let mut signals = Signals { stage, now, connection, interruption };
        self.report(&mut signals);
        let consumer = &mut *consumer;
        let ended = match self.worker.subscription.spec.shape {
            _ if half_open => self.probe(consumer, &mut signals).await,
            Shape::Each => self.one_by_one(consumer, &mut signals).await,
            Shape::Ordered => self.by_lanes(consumer, &mut signals).await,
            Shape::Batch { size, within } => self.in_batches(size, within, consumer, &mut signals).await,
        };
        if !matches!(ended, Ended::ByItself(_)) {
            self.return_unstarted(consumer).await;
        }
        ended
    }

    async fn declare_and_consume(&self, prefetch: u16) -> Result<Box<dyn Consumer>, DeclareError> {
        self.driver.declare(self.worker.topology.clone()).await?;
        let spare = prefetch.saturating_sub(self.worker.subscription.spec.at_once());
        self.driver.consume(Consume { prefetch, spare, ..self.consume.clone() }).await
    }

    /// Waits until there is something to do; `None` when there will not be, since it shall end.
    async fn wait_while_paused(&self, stage: &mut Watch) -> Option<Stage> {
        let instruments = &self.worker.instruments;
        let mut paused = None;
        loop {
            let now = stage.seen();
            let Stage::Paused { cause, until } = now else {
                if paused.is_some() {
                    tracing::info!(queue = %self.worker.queue, half_open = now != Stage::Open, "the consumer goes on");
                }
                return Some(now);
            };
            if paused.is_none() {
                instruments.pauses.inc();
                paused = Some(instruments.paused.track());
                let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
                tracing::warn!(queue = %self.worker.queue, %cause, ?wait, "the consumer is paused; its messages stay in their queue");
            }
            self.reporter.send_replace(ConsumerHealth::Paused { cause, by_operator: until.is_none() });
            let over = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.cancel.cancelled() => return None,
                () = stage.changed() => {}
                () = over => self.flow.elapsed(),
            }
        }
    }

    /// Says how the consumer is as long as it is to go on; ends with why it is not.
    pub(super) async fn interrupted(&self, signals: &mut Signals) -> Ended {
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    self.reporter.send_replace(ConsumerHealth::Draining);
                    return Ended::AsAsked;
                }
                () = signals.stage.changed() => return Ended::Turned,
                Ok(()) = signals.connection.changed() => self.report(signals),
                Ok(()) = signals.interruption.changed() => self.report(signals),
            }
        }
    }

    /// Handles a delivery while it holds its place. When it is abandoned the delivery is dropped, and thereby returned.
    pub(super) fn handle(
        &self,
        incoming: Incoming,
        place: Option<OwnedSemaphorePermit>,
    ) -> impl Future<Output = ()> + use<> {
        let worker = self.worker.clone();
        // Boxed, since a task's future is moved several times before it runs.
        self.unless_abandoned(1, place, Box::pin(worker.handle(incoming)))
    }

    /// The same for many.
    pub(super) fn handle_batch(
        &self,
        batch: Vec<Incoming>,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + use<> {
        let worker = self.worker.clone();
        self.unless_abandoned(batch.len(), Some(place), async move { worker.handle_batch(batch).await })
    }

    fn unless_abandoned<F: Future<Output = ()>>(
        &self,
        deliveries: usize,
        place: Option<OwnedSemaphorePermit>,
        work: F,
    ) -> impl Future<Output = ()> + use<F> {
        let (abandon, abandoned) = (self.abandon.clone(), self.abandoned.clone());
        async move {
            let _place = place;
            if abandon.run_until_cancelled_owned(work).await.is_none() {
                abandoned.fetch_add(deliveries, Ordering::Relaxed);
            }
        }
    }

    fn report(&self, signals: &mut Signals) {
        let health = match &*signals.connection.borrow_and_update() {
            // Blocked publishers do not keep a consumer from consuming.
            ConnectionState::Connected | ConnectionState::Blocked(_) => {
                match (&*signals.interruption.borrow_and_update(), &signals.now) {
                    (Some(Interruption { attempt, cause }), _) => {
                        ConsumerHealth::Restarting { attempt: *attempt, cause: cause.clone() }
                    }
                    (None, Stage::HalfOpen { cause }) => ConsumerHealth::HalfOpen { cause: cause.clone() },
                    (None, _) => ConsumerHealth::Consuming,
                }
            }
            ConnectionState::Connecting => ConsumerHealth::Disconnected { cause: "connecting".into() },
            ConnectionState::Reconnecting { cause, .. } => ConsumerHealth::Disconnected { cause: cause.clone() },
            ConnectionState::Closed => ConsumerHealth::Disconnected { cause: "the connection was closed".into() },
        };
        self.reporter.send_if_modified(|now| {
            let changed = *now != health;
            *now = health;
            changed
        });
    }

    async fn return_unstarted(&self, consumer: &mut dyn Consumer) {
        consumer.cancel().await;
        while let Some(incoming) = consumer.next().await {
            give_back(incoming).await;
        }
    }

    async fn wait_for_handlers(&self) -> usize {
        self.running.close();
        self.running.wait().await;
        self.abandoned.load(Ordering::Relaxed)
    }
}

/// The next delivery, if one is `wanted`; otherwise the consumer is only kept going, and the answer is its end.
pub(super) async fn next_if(wanted: bool, consumer: &mut dyn Consumer) -> Option<Incoming> {
    if wanted {
        return match consumer.ready() {
            Some(ready) => Some(ready),
            None => consumer.next().await,
        };
    }
    consumer.keep().await;
    None
}

/// Returns a delivery that was not begun.
pub(super) async fn give_back(incoming: Incoming) {
    // Stale means that the broker has it back already.
    let _ = incoming.settle.settle(Outcome::Return).await;
}

pub(super) fn broker_ended() -> Ended {
    Ended::ByItself("the broker ended the consumer".into())
}

/// What cannot work is refused before anything is declared.
fn possible(queue: &str, subscription: &Subscription, retry: &RetryPolicy) -> Result<()> {
    let Subscription { service, spec, handler, database } = subscription;
    let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
    if spec.mode == Mode::Transactional && database.is_none() {
        return wrong(format!("`{queue}` handles its messages in transactions, but `{service}` has no database"));
    }
    if matches!(spec.shape, Shape::Batch { .. }) != handler.takes_batches() {
        let (takes, gets) =
            if handler.takes_batches() { ("batches", "single messages") } else { ("single messages", "batches") };
        return wrong(format!("the handler of `{queue}` takes {takes}, but is declared to get {gets}"));
    }
    let delays = u32::try_from(retry.delays().len()).unwrap_or(u32::MAX);
    let (attempts, waits) = match spec.shape {
        Shape::Ordered => (retry.attempts(), retry.delays().iter().sum()),
        Shape::Each | Shape::Batch { .. } => (retry.attempts().saturating_sub(delays), Duration::ZERO),
    };
    let timeout = spec.effective_timeout();
    if timeout.saturating_mul(attempts).saturating_add(waits) > LONGEST_IN_PLACE {
        let [timeout, waits, longest] = [timeout, waits, LONGEST_IN_PLACE].map(humantime::format_duration);
        let waiting = if spec.shape == Shape::Ordered {
            format!(", with {waits} between them as it is ordered")
        } else {
            String::new()
        };
        return wrong(format!(
            "`{queue}` may try a message {attempts} times in place for {timeout} each{waiting} (retry policy `{}`), but brokers take back \
             what is unsettled for too long: at most {longest} are possible in all",
            spec.retry
        ));
    }
    Ok(())
}
