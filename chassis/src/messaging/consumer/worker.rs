//! What becomes of a delivery, or of a batch of them.

use std::slice;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::flow::{Fate, Flow, Stage};
use super::instruments::Instruments;
use super::policy::Next;
use super::settle::Aside;
use super::supervisor::LONGEST_WAIT;
use super::topology::topology;
use super::{Done, FailureAction, RetryPolicy, Shape, Subscription};
use crate::messaging::driver::{Driver, Incoming, Outcome, Settle, Topology};
use crate::messaging::envelope::View;
use crate::messaging::names::headers;
use crate::messaging::{Message, Received, Undecodable, envelope};
use crate::{Error, ErrorKind};

pub(super) struct Worker {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) queue: Arc<str>,
    /// What the queue needs.
    pub(super) topology: Topology,
    pub(super) subscription: Subscription,
    pub(super) instruments: Instruments,
    retry: RetryPolicy,
    pub(super) flow: Arc<Flow>,
    pub(super) cancel: CancellationToken,
}

/// A delivery that is the handler's to handle.
struct Admitted {
    received: Received,
    settle: Box<dyn Settle>,
}

/// A delivery that its handler does not see.
enum Misfit {
    /// It waited here while its connection was lost: the broker has given, or will give, it to somebody.
    Stale,
    /// It is no longer worth handling.
    Expired(Box<dyn Settle>),
    /// It is not what the handler takes, and why.
    Wrong(Aside, String, Box<Incoming>),
    /// It is of another version of the handler's event, and why that won't do.
    OtherVersion(Box<Admitted>, String),
}

impl Worker {
    pub(super) fn new(
        driver: Arc<dyn Driver>,
        queue: Arc<str>,
        subscription: Subscription,
        retry: RetryPolicy,
        flow: Arc<Flow>,
        cancel: CancellationToken,
    ) -> Self {
        let instruments = Instruments::new(subscription.service, driver.system(), &queue);
        let topology = topology(&queue, &subscription.spec, &retry);
        Self { driver, queue, topology, subscription, instruments, retry, flow, cancel }
    }

    /// Handles a delivery to its end: acked, put off, parked or returned.
    ///
    /// One of these runs for each delivery, so that neither the message nor what is rare is part of its future.
    pub(super) fn handle(self: Arc<Self>, incoming: Incoming) -> impl Future<Output = ()> {
        let admitted = self.admit(incoming);
        async move {
            match admitted {
                Ok(admitted) => {
                    let _running = self.instruments.running.track();
                    self.try_by_policy(admitted).await;
                }
                Err(misfit) => Box::pin(self.turn_away(misfit)).await,
            }
        }
    }

    /// Handles deliveries together; if that fails, each alone, so that one that is bad takes no others with it.
    pub(super) async fn handle_batch(&self, batch: Vec<Incoming>) {
        let mut admitted = Vec::with_capacity(batch.len());
        for incoming in batch {
            match self.admit(incoming) {
                Ok(one) => admitted.push(one),
                Err(misfit) => Box::pin(self.turn_away(misfit)).await,
            }
        }
        let begun = Instant::now();
        let _running: Vec<_> = admitted.iter().map(|_| self.instruments.running.track()).collect();
        if admitted.len() > 1 {
            let batch: Vec<Received> = admitted.iter().map(|admitted| admitted.received.clone()).collect();
            match self.attempt(&batch).await {
                Ok(done) => {
                    self.done(done);
                    join_all(admitted.into_iter().map(|one| self.settle(one.settle, Outcome::Ack))).await;
                    return;
                }
                Err(error) => {
                    tracing::warn!(queue = %self.queue, messages = batch.len(), error = %format_args!("{error:#}"), "a batch failed; its messages are tried one by one");
                }
            }
        }
        for one in admitted {
            let late = begun.elapsed() > LONGEST_WAIT;
            if late || self.cancel.is_cancelled() || matches!(self.flow.stage(), Stage::Paused { .. }) {
                self.settle(one.settle, Outcome::Return).await;
            } else if one.settle.is_live() {
                self.try_by_policy(one).await;
            }
        }
    }

    /// What a message is known by while the listener is ill: where order counts, its key stands for all that share it.
    pub(super) fn suspect<'a>(&self, message: &'a Message) -> &'a str {
        let key = envelope::ordering_key(message).filter(|_| self.is_ordered());
        key.unwrap_or_else(|| envelope::identity(message))
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.subscription.spec.shape == Shape::Ordered
    }

    /// Sorts out what the handler shall not see.
    fn admit(&self, incoming: Incoming) -> Result<Admitted, Misfit> {
        if !incoming.settle.is_live() {
            return Err(Misfit::Stale);
        }
        let envelope = match View::read(&incoming.message) {
            Ok(envelope) => envelope,
            Err(malformed) => return Err(Misfit::Wrong(Aside::Malformed, malformed.to_string(), Box::new(incoming))),
        };
        if envelope.is_expired(SystemTime::now()) {
            return Err(Misfit::Expired(incoming.settle));
        }
        let (spec, expires_at) = (&self.subscription.spec, envelope.expires_at);
        let misfit = (!spec.takes(envelope.kind)).then(|| {
            let cause = Undecodable::Kind { found: envelope.kind.to_owned(), expected: spec.kind }.to_string();
            (cause, spec.takes_other_versions_of(envelope.kind))
        });
        if let Some((cause, false)) = misfit {
            return Err(Misfit::Wrong(Aside::Unmatched, cause, Box::new(incoming)));
        }
        let Incoming { message, exchange, routing_key, redelivered, settle } = incoming;
        let received = Received::checked(message, exchange, routing_key, redelivered, expires_at);
        let admitted = Admitted { received, settle };
        match misfit {
            Some((cause, _)) => Err(Misfit::OtherVersion(Box::new(admitted), cause)),
            None => Ok(admitted),
        }
    }

    async fn turn_away(&self, misfit: Misfit) {
        match misfit {
            Misfit::Stale => {}
            Misfit::Expired(settle) => {
                tracing::debug!(queue = %self.queue, "a message has expired and is dropped");
                self.instruments.expired.inc();
                self.settle(settle, Outcome::Ack).await;
            }
            Misfit::Wrong(aside, cause, incoming) => {
                let Incoming { message, exchange, routing_key, settle, .. } = *incoming;
                self.set_aside(aside, message, (&exchange, &routing_key), 0, &cause, settle).await;
            }
            Misfit::OtherVersion(admitted, cause) => self.leave_to_others(*admitted, &cause).await,
        }
    }

    /// Instances of another release, which share the queue while it is rolled out, may take a version of the event that this one
    /// does not. So it is put off by the delays of the policy, without spending its attempts, and only then set aside.
    async fn leave_to_others(&self, Admitted { received, settle }: Admitted, cause: &str) {
        let mut left = left_to_others(received.message());
        loop {
            if received.expires_at().is_some_and(|at| at <= SystemTime::now()) {
                return Box::pin(self.turn_away(Misfit::Expired(settle))).await;
            }
            let (tried, first) = (received.attempt().saturating_sub(1), (received.exchange(), received.routing_key()));
            let Some(delay) = self.retry.delays().get(left).copied() else {
                let message = received.message().clone();
                return self.set_aside(Aside::Unmatched, message, first, tried, cause, settle).await;
            };
            left += 1;
            tracing::warn!(queue = %self.queue, id = received.id(), kind = received.kind(), ?delay, cause, "a message is left to an instance that takes its version");
            if !self.is_ordered() {
                let mut message = received.message().clone();
                message.headers.insert(headers::LEFT_TO_OTHERS, left.to_string());
                return self.put_off(message, first, tried, delay, settle).await;
            }
            // A delay queue would let the next of its key overtake it. An ill listener waits too: what comes next is of no use to it
            // before this is gone.
            if !self.waited(delay, |stage| !matches!(stage, Stage::Paused { .. })).await {
                return self.settle(settle, Outcome::Return).await;
            }
            if !settle.is_live() {
                return;
            }
        }
    }

    async fn try_by_policy(&self, mut admitted: Admitted) {
        loop {
            // It may have waited since it was admitted, for those of its batch or for its next attempt.
            if admitted.received.expires_at().is_some_and(|at| at <= SystemTime::now()) {
                return Box::pin(self.turn_away(Misfit::Expired(admitted.settle))).await;
            }
            match self.attempt(slice::from_ref(&admitted.received)).await {
                Ok(done) => {
                    self.done(done);
                    self.settle(admitted.settle, Outcome::Ack).await;
                    crate::failpoint!("consumer.after-ack");
                    return;
                }
                Err(error) => {
                    // What is logged of the message belongs to its trace, like what the handler logs.
                    let context = self.context(&admitted.received);
                    match Box::pin(context.scope(self.failed(admitted, error))).await {
                        Some(again) => admitted = again,
                        None => return,
                    }
                }
            }
        }
    }

    /// Decides what becomes of a delivery whose handler failed; gives it back where it is to be tried again.
    async fn failed(&self, Admitted { mut received, settle }: Admitted, error: Error) -> Option<Admitted> {
        let (attempt, cause) = (received.attempt(), format!("{error:#}"));
        tracing::warn!(queue = %self.queue, id = received.id(), kind = received.kind(), attempt, error = cause, "a handler failed");
        if !settle.is_live() {
            // Whoever has it by now goes on with it.
            return None;
        }
        let first = (received.exchange(), received.routing_key());
        let message = || received.message().clone();
        if error.downcast_ref::<Undecodable>().is_some() {
            self.set_aside(Aside::Undecodable, message(), first, attempt, &cause, settle).await;
            return None;
        }
        let next = self.retry.after(attempt, error.kind());
        if self.goes_back(&received, next, &error, &cause) {
            self.settle(settle, Outcome::Return).await;
            return None;
        }
        match next {
            Next::Now if self.cancel.is_cancelled() => self.settle(settle, Outcome::Return).await,
            Next::Now => {
                received.next_attempt();
                return Some(Admitted { received, settle });
            }
            // A delay queue would let the next of its key overtake it.
            Next::After(delay) if self.is_ordered() => {
                if !self.waited(delay, |stage| *stage == Stage::Open).await {
                    self.settle(settle, Outcome::Return).await;
                } else if settle.is_live() {
                    received.next_attempt();
                    return Some(Admitted { received, settle });
                }
            }
            Next::After(delay) => self.put_off(message(), first, attempt, delay, settle).await,
            Next::Park => self.set_aside(Aside::Failed, message(), first, attempt, &cause, settle).await,
            Next::Discard => self.discard(&received, &cause, settle).await,
            Next::Pause => self.settle(settle, Outcome::Return).await,
        }
        None
    }

    /// Whether the listener is at fault, or the process that ends, and not the message.
    fn goes_back(&self, received: &Received, next: Next, error: &Error, cause: &str) -> bool {
        if error.kind() == ErrorKind::Closed && self.cancel.is_cancelled() {
            return true;
        }
        match self.retry.action(error.kind()) {
            // The handler has judged the message, so that it works.
            FailureAction::Park | FailureAction::Discard => false,
            _ if next == Next::Now => false,
            action => {
                let trip = action == FailureAction::Pause;
                self.flow.failed(self.suspect(received.message()), cause, trip) == Fate::Return
            }
        }
    }

    /// Waits in place, in a stage that allows it; `false` when there is nothing to wait for any more.
    async fn waited(&self, delay: Duration, allows: fn(&Stage) -> bool) -> bool {
        let mut stage = self.flow.watch();
        if !allows(&stage.seen()) {
            return false;
        }
        tokio::select! {
            () = self.cancel.cancelled() => false,
            () = stage.changed() => false,
            () = tokio::time::sleep(delay) => true,
        }
    }

    fn done(&self, done: Done) {
        self.instruments.done(done);
        // A duplicate proves nothing: the handler was not called.
        if done.handled > 0 {
            self.flow.succeeded();
        }
    }
}

/// How often a message has been left to others.
fn left_to_others(message: &Message) -> usize {
    message.headers.get(headers::LEFT_TO_OTHERS).and_then(|text| text.parse().ok()).unwrap_or(0)
}
