//! How a delivery ends: acked, put off, set aside, or discarded.

use std::time::{Duration, SystemTime};

use super::copy;
use super::worker::Worker;
use crate::messaging::driver::{Outcome, Settle};
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
        self.instruments.put_off.inc();
        remember(&mut message, first, attempt);
        self.replace(names::delay(delay), self.queue.to_string(), message, settle).await;
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
        let queue = if aside == Aside::Unmatched {
            tracing::warn!(queue = %self.queue, id = message.id, kind = &*message.kind, cause, "a message is of another type and set aside");
            self.instruments.unmatched.inc();
            names::unmatched_queue(&self.queue)
        } else {
            tracing::error!(queue = %self.queue, id = message.id, kind = &*message.kind, attempt, reason, cause, "a message is parked");
            self.instruments.parked.inc();
            names::parking_queue(&self.queue)
        };
        remember(&mut message, first, attempt);
        copy::say_why(&mut message, &self.queue, reason, cause);
        self.replace(String::new(), queue, message, settle).await;
    }

    /// Acks what its policy does not want to keep.
    pub(super) async fn discard(&self, received: &Received, cause: &str, settle: Box<dyn Settle>) {
        let (id, kind, attempt) = (received.id(), received.kind(), received.attempt());
        tracing::warn!(queue = %self.queue, id, kind, attempt, cause, "a message is discarded, as its policy says");
        self.instruments.discarded.inc();
        self.settle(settle, Outcome::Ack).await;
    }

    /// Acks a delivery once its copy is safe; otherwise returns it, so that it is never in neither place.
    async fn replace(&self, exchange: String, routing_key: String, message: Message, settle: Box<dyn Settle>) {
        match copy::publish(&*self.driver, exchange, routing_key, message).await {
            Ok(()) => self.settle(settle, Outcome::Ack).await,
            Err(error) => {
                tracing::error!(queue = %self.queue, %error, "a message could not be put off or parked; it is returned");
                tokio::time::sleep(PAUSE).await;
                self.settle(settle, Outcome::Return).await;
            }
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
