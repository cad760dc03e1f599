//! How a delivery ends: acked, put off, set aside, or discarded.

use std::time::{Duration, SystemTime};

use super::copy;
use super::worker::Worker;
use crate::messaging::driver::{Outcome, PublishError, Settle};
use crate::messaging::envelope::rfc3339;
use crate::messaging::names::{self, headers};
use crate::messaging::{Message, Received};

/// How long a message is kept back when its copy was refused, lest it go round in circles.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a message is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    /// Its handler failed as often as its policy allows.
    Failed,
    /// Its headers cannot be read.
    Malformed,
    /// Its body is not what its type promises.
    Undecodable,
    /// It is of another type than the handler takes, and nothing may be wrong with it.
    Unmatched,
}

impl Aside {
    fn reason(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Malformed => "malformed",
            Self::Undecodable => "undecodable",
            Self::Unmatched => "unmatched",
        }
    }
}

impl Worker {
    pub(super) async fn settle(&self, settle: Box<dyn Settle>, outcome: Outcome) {
        if outcome == Outcome::Return {
            self.instruments.returned.inc();
        }
        if settle.settle(outcome).await.is_err() {
            tracing::debug!(queue = %self.queue, ?outcome, "the delivery's connection is gone; it will be delivered again");
        }
    }

    /// Sends a copy to the delay queue, from which it comes back to this queue, and acks.
    pub(super) async fn put_off(
        &self,
        mut message: Message,
        first: (&str, &str),
        attempt: u32,
        delay: Duration,
        settle: Box<dyn Settle>,
    ) {
        remember(&mut message, first, attempt);
        if self.replace(names::delay(delay), self.queue.to_string(), message, settle).await {
            self.instruments.put_off.inc();
        }
    }

    /// Sends a copy to where a person finds it, with the cause in its headers, and acks.
    pub(super) async fn set_aside(
        &self,
        aside: Aside,
        mut message: Message,
        first: (&str, &str),
        attempt: u32,
        cause: &str,
        settle: Box<dyn Settle>,
    ) {
        let reason = aside.reason();
        let (queue, counter) = if aside == Aside::Unmatched {
            tracing::warn!(queue = %self.queue, id = message.id, kind = &*message.kind, cause, "a message is of another type and set aside");
            (names::unmatched_queue(&self.queue), &self.instruments.unmatched)
        } else {
            tracing::error!(queue = %self.queue, id = message.id, kind = &*message.kind, attempt, reason, cause, "a message is parked");
            (names::parking_queue(&self.queue), &self.instruments.parked)
        };
        remember(&mut message, first, attempt);
        copy::say_why(&mut message, &self.queue, reason, cause);
        if self.replace(String::new(), queue, message, settle).await {
            counter.inc();
        }
    }

    /// Acks what its policy does not want to keep.
    pub(super) async fn discard(&self, received: &Received, cause: &str, settle: Box<dyn Settle>) {
        let (id, kind, attempt) = (received.id(), received.kind(), received.attempt());
        tracing::warn!(queue = %self.queue, id, kind, attempt, cause, "a message is discarded, as its policy says");
        self.instruments.discarded.inc();
        self.settle(settle, Outcome::Ack).await;
    }

    /// Acks a delivery once its copy is safe, and says that it is; otherwise returns it, so that it is never in neither place.
    ///
    /// Of what is too large to be copied, as only others send it, the original goes to the dead letters: it would come back for ever.
    async fn replace(&self, exchange: String, routing_key: String, message: Message, settle: Box<dyn Settle>) -> bool {
        loop {
            match self.copy(&exchange, &routing_key, &message).await {
                Ok(()) => {
                    self.settle(settle, Outcome::Ack).await;
                    return true;
                }
                Err(error @ PublishError::TooLarge { .. }) => {
                    tracing::error!(queue = %self.queue, %error, "a message is too large for a copy; it is parked as it is, without its cause");
                    self.instruments.parked.inc();
                    self.settle(settle, Outcome::Reject).await;
                    return false;
                }
                Err(error) => {
                    tracing::error!(queue = %self.queue, %error, "a message could not be put off or parked; it is kept");
                    let ending = self.cancel.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none();
                    if ending {
                        self.settle(settle, Outcome::Return).await;
                        return false;
                    }
                    // Where order counts nothing may overtake it.
                    if !self.is_ordered() || !settle.is_live() {
                        // Counted by the broker, which ends it if it goes on for ever.
                        self.settle(settle, Outcome::Requeue).await;
                        return false;
                    }
                }
            }
        }
    }

    /// Publishes a copy. Where it is to go may have been deleted since it was declared.
    async fn copy(&self, exchange: &str, routing_key: &str, message: &Message) -> Result<(), PublishError> {
        let publish = || copy::publish(&*self.driver, exchange.to_owned(), routing_key.to_owned(), message.clone());
        match publish().await {
            Err(PublishError::Refused(_) | PublishError::Unroutable { .. }) => {
                self.driver
                    .declare(self.topology.clone())
                    .await
                    .map_err(|error| PublishError::Refused(error.to_string()))?;
                publish().await
            }
            done => done,
        }
    }
}

/// Notes what the broker will not remember of a copy, and drops what it said of the original.
fn remember(message: &mut Message, (exchange, routing_key): (&str, &str), attempt: u32) {
    copy::forget_deaths(message);
    message.headers.insert(headers::ATTEMPT, attempt.to_string());
    message.headers.insert(headers::EXCHANGE, exchange.to_owned());
    message.headers.insert(headers::ROUTING_KEY, routing_key.to_owned());
    if !message.headers.contains_key(headers::FIRST_FAILED_AT) {
        message.headers.insert(headers::FIRST_FAILED_AT, rfc3339(SystemTime::now()).unwrap_or_default());
    }
}
