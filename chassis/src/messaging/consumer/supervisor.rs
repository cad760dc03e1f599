//! Keeps a consumer consuming until it is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::topology::topology;
use super::worker::Worker;
use super::{ConsumerHealth, Mode, RetryPolicy, Subscription, backoff};
use crate::messaging::driver::{ConnectionState, Consume, Consumer, DeclareError, Driver, Incoming, Outcome, Topology};
use crate::{Error, ErrorKind, Result};

pub(super) struct Supervisor {
    driver: Arc<dyn Driver>,
    topology: Topology,
    consume: Consume,
    worker: Arc<Worker>,
    reporter: watch::Sender<ConsumerHealth>,
    cancel: CancellationToken,
    abandon: CancellationToken,
    /// Shared by successive consumers, since handlers of the one before may still run.
    places: Arc<Semaphore>,
    running: TaskTracker,
    /// How many handlers did not end in time.
    abandoned: Arc<AtomicUsize>,
}

/// Why a consumer ended.
enum Ended {
    AsAsked,
    ByItself(Arc<str>),
}

impl Supervisor {
    pub(super) fn try_new(
        driver: Arc<dyn Driver>,
        subscription: Subscription,
        retry: RetryPolicy,
        reporter: watch::Sender<ConsumerHealth>,
        cancel: CancellationToken,
        abandon: CancellationToken,
    ) -> Result<Self> {
        let Subscription { service, spec, database, .. } = &subscription;
        let queue = spec.queue_name(service);
        if spec.mode == Mode::Transactional && database.is_none() {
            let message = format!("`{queue}` handles its messages in transactions, but `{service}` has no database");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let consume = Consume { queue: queue.clone(), prefetch: spec.effective_prefetch(), tag: queue.clone() };
        Ok(Self {
            topology: topology(&queue, spec, &retry),
            places: Arc::new(Semaphore::new(spec.concurrency.max(1).into())),
            worker: Arc::new(Worker::new(driver.clone(), queue.into(), subscription, retry, cancel.clone())),
            running: TaskTracker::new(),
            abandoned: Arc::default(),
            driver,
            consume,
            reporter,
            cancel,
            abandon,
        })
    }

    pub(super) fn queue(&self) -> Arc<str> {
        self.worker.queue.clone()
    }

    /// Runs until cancelled and drained, and says how many handlers were abandoned.
    pub(super) async fn run(self) -> usize {
        let mut failures = 0;
        while let Ended::ByItself(cause) = self.consume_once(&mut failures).await {
            failures += 1;
            let wait = backoff::full_jitter(failures);
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
        let started = tokio::select! {
            () = self.cancel.cancelled() => return Ended::AsAsked,
            started = self.declare_and_consume() => started,
        };
        let mut consumer = match started {
            Ok(consumer) => consumer,
            Err(error) => return Ended::ByItself(error.to_string().into()),
        };
        *failures = 0;
        let ended = self.pass_on(&mut *consumer).await;
        if matches!(ended, Ended::AsAsked) {
            self.reporter.send_replace(ConsumerHealth::Draining);
            self.return_unstarted(&mut *consumer).await;
        }
        ended
    }

    async fn declare_and_consume(&self) -> Result<Box<dyn Consumer>, DeclareError> {
        self.driver.declare(self.topology.clone()).await?;
        self.driver.consume(self.consume.clone()).await
    }

    /// Gives each delivery a place and a task of its own. A delivery is only taken when there is a place for it, so that
    /// what has not begun can be returned.
    async fn pass_on(&self, consumer: &mut dyn Consumer) -> Ended {
        let mut connection = self.driver.state();
        self.report(&connection.borrow_and_update());
        let mut place = None;
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Ended::AsAsked,
                Ok(()) = connection.changed() => self.report(&connection.borrow_and_update()),
                Ok(free) = self.places.clone().acquire_owned(), if place.is_none() => place = Some(free),
                next = consumer.next(), if place.is_some() => {
                    let Some(incoming) = next else {
                        return Ended::ByItself("the broker ended the consumer".into());
                    };
                    self.running.spawn(self.handle(incoming, place.take()));
                }
            }
        }
    }

    /// Handles a delivery while it holds its place. When it is abandoned the delivery is dropped, and thereby returned.
    fn handle(&self, incoming: Incoming, place: Option<OwnedSemaphorePermit>) -> impl Future<Output = ()> + use<> {
        let (worker, abandon, abandoned) = (self.worker.clone(), self.abandon.clone(), self.abandoned.clone());
        async move {
            let _place = place;
            if abandon.run_until_cancelled_owned(worker.handle(incoming)).await.is_none() {
                abandoned.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn report(&self, connection: &ConnectionState) {
        let health = match connection {
            // Blocked publishers do not keep a consumer from consuming.
            ConnectionState::Connected | ConnectionState::Blocked(_) => ConsumerHealth::Consuming,
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
            // Stale means that the broker has it back already.
            let _ = incoming.settle.settle(Outcome::Return).await;
        }
    }

    async fn wait_for_handlers(&self) -> usize {
        self.running.close();
        self.running.wait().await;
        self.abandoned.load(Ordering::Relaxed)
    }
}
