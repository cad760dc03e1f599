//! Copies of messages, which are published before their originals are acked or removed.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::messaging::Message;
use crate::messaging::driver::{Driver, Outgoing, PublishError};
use crate::messaging::envelope::rfc3339;
use crate::messaging::names::{self, headers};

/// How long a copy of a message may take to be confirmed.
const PATIENCE: Duration = Duration::from_secs(30);
/// An error is cut to this length, so that it fits a header.
const ERROR_CHARS: usize = 2000;

/// What the names of headers begin with that a copy cannot do without.
const OURS: [&str; 3] = ["x-chassis-", "chassis-", "cloudEvents_"];

/// Publishes a copy, and waits until it is safe.
pub(super) async fn publish(
    driver: &dyn Driver,
    exchange: String,
    routing_key: String,
    message: Message,
) -> Result<(), PublishError> {
    let deadline = Instant::now() + PATIENCE;
    let (exchange, routing_key) = (exchange.into(), routing_key.into());
    let outgoing = Outgoing { exchange, routing_key, mandatory: true, message, deadline };
    match driver.publish(outgoing.clone()).await {
        // What came with headers near the limit has no room for ours: the cause is worth more than the rest.
        Err(PublishError::TooLarge { what: "headers", .. }) => {
            let mut outgoing = outgoing;
            outgoing.message.headers.retain(|name, _| OURS.iter().any(|prefix| name.starts_with(prefix)));
            driver.publish(outgoing).await
        }
        done => done,
    }
}

/// Writes into a message that is parked where it comes from and why.
pub(super) fn say_why(message: &mut Message, queue: &str, reason: &str, cause: &str) {
    let mut set = |name: &str, value: String| message.headers.insert(name.to_owned(), value);
    set(headers::QUEUE, queue.to_owned());
    set(headers::REASON, reason.to_owned());
    set(headers::ERROR, cause.chars().map(printable).take(ERROR_CHARS).collect());
    set(headers::PARKED_AT, rfc3339(SystemTime::now()).unwrap_or_default());
}

/// Drops what the broker said of the original.
pub(super) fn forget_deaths(message: &mut Message) {
    message.headers.retain(|name, _| !names::is_brokers(name));
}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
