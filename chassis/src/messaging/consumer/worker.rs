//! What becomes of one delivery.

use std::sync::Arc;
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::instruments::Instruments;
use super::policy::Next;
use super::{RetryPolicy, Subscription};
use crate::messaging::driver::{Driver, Incoming, Outcome, Settle};
use crate::messaging::{Envelope, Received, Undecodable};

pub(super) struct Worker {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) queue: Arc<str>,
    pub(super) subscription: Subscription,
    pub(super) instruments: Instruments,
    retry: RetryPolicy,
    cancel: CancellationToken,
}

impl Worker {
    pub(super) fn new(
        driver: Arc<dyn Driver>,
        queue: Arc<str>,
        subscription: Subscription,
        retry: RetryPolicy,
        cancel: CancellationToken,
    ) -> Self {
        let instruments = Instruments::new(subscription.service, driver.system(), &queue);
        Self { driver, queue, subscription, instruments, retry, cancel }
    }

    /// Handles a delivery to its end: acked, put off, parked or returned.
    pub(super) async fn handle(&self, incoming: Incoming) {
        let Incoming { message, exchange, routing_key, redelivered, settle } = incoming;
        if !settle.is_live() {
            // It waited here while its connection was lost: the broker has given, or will give, it to somebody.
            return;
        }
        let envelope = match Envelope::read(&message) {
            Ok(envelope) => envelope,
            Err(malformed) => {
                let cause = malformed.to_string();
                return self.park(message, (&exchange, &routing_key), 0, "malformed", &cause, settle).await;
            }
        };
        if envelope.is_expired(SystemTime::now()) {
            tracing::debug!(queue = %self.queue, id = envelope.id, "the message has expired and is dropped");
            self.instruments.expired.inc();
            return self.settle(settle, Outcome::Ack).await;
        }
        let _running = self.instruments.running.track();
        self.try_by_policy(Received::new(envelope, message, exchange, routing_key, redelivered), settle).await;
    }

    async fn try_by_policy(&self, mut received: Received, settle: Box<dyn Settle>) {
        loop {
            let error = match self.attempt(&received).await {
                Ok(done) => {
                    self.instruments.done(done);
                    self.settle(settle, Outcome::Ack).await;
                    crate::failpoint!("consumer.after-ack");
                    return;
                }
                Err(error) => error,
            };
            let attempt = received.attempt();
            tracing::warn!(queue = %self.queue, id = received.id(), kind = received.kind(), attempt, error = %format_args!("{error:#}"), "a handler failed");
            let (first, cause) = ((received.exchange(), received.routing_key()), format!("{error:#}"));
            let message = || received.message().clone();
            if error.downcast_ref::<Undecodable>().is_some() {
                return self.park(message(), first, attempt, "undecodable", &cause, settle).await;
            }
            match self.retry.after(attempt) {
                Next::Now if self.cancel.is_cancelled() => return self.settle(settle, Outcome::Return).await,
                Next::Now if !settle.is_live() => return,
                Next::Now => received.next_attempt(),
                Next::After(delay) => return self.put_off(message(), first, attempt, delay, settle).await,
                Next::Park => return self.park(message(), first, attempt, "failed", &cause, settle).await,
            }
        }
    }
}
