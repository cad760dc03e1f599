//! Declaring exchanges, queues and bindings.

use lapin::Channel;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::difference::Difference;
use super::error;
use super::link::Link;
use crate::messaging::driver::{Binding, DeclareError, Exchange, ExchangeKind, Queue, QueueRole, Topology};

/// A backstop only: returns and broken connections count as well, so our own attempt count decides.
const DELIVERY_LIMIT: i32 = 1_000;

/// Each look at a parked message counts as a delivery, and RabbitMQ 4 drops what exceeds its default of 20. There -1 would say
/// without end, but 3.x may take it for an end; this number means the same to both.
const NO_DELIVERY_LIMIT: i32 = i32::MAX;

/// More arguments than a queue has.
const MOST_DIFFERENCES: usize = 20;

/// What of a topology the broker does not allow.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) errors: Vec<DeclareError>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) queues: Vec<Queue>,
    pub(super) bindings: Vec<Binding>,
    /// Queues that differ in nothing that matters, with what differs.
    pub(super) tolerated: Vec<(String, String)>,
}

/// Declares all of `topology` that the broker allows. The error is a lost connection.
pub(super) async fn all(link: &Link, topology: &Topology) -> Result<Faults, String> {
    let mut faults = Faults::default();
    let mut channel = Lazy { link, open: None };
    for item in &topology.exchanges {
        if let Some(fault) = channel.attempt(async |channel| exchange(channel, item).await).await? {
            faults.errors.push(fault.named(format!("exchange `{}`", item.name)));
            faults.exchanges.push(item.clone());
        }
    }
    for item in &topology.queues {
        match queue(&mut channel, item).await? {
            Declared::Alike => {}
            Declared::Tolerable(differences) => faults.tolerated.push((item.name.clone(), differences)),
            Declared::Not(fault) => {
                faults.errors.push(fault.named(format!("queue `{}`", item.name)));
                faults.queues.push(item.clone());
            }
        }
    }
    for item in &topology.bindings {
        if let Some(fault) = channel.attempt(async |channel| binding(channel, item).await).await? {
            faults.errors.push(fault.named(format!("binding of queue `{}`", item.queue)));
            faults.bindings.push(item.clone());
        }
    }
    Ok(faults)
}

/// A channel that is opened when it is needed, and again after the broker has closed it in answer to a declaration.
struct Lazy<'a> {
    link: &'a Link,
    open: Option<Channel>,
}

impl Lazy<'_> {
    async fn attempt(
        &mut self,
        declare: impl AsyncFnOnce(&Channel) -> Result<(), Failure>,
    ) -> Result<Option<Fault>, String> {
        let channel = match self.open.take() {
            Some(channel) => channel,
            None => self.link.channel().await.map_err(|error| error::words(&error))?,
        };
        match declare(&channel).await {
            Ok(()) => {
                self.open = Some(channel);
                Ok(None)
            }
            Err(Failure::TooLong(name)) => {
                self.open = Some(channel);
                Ok(Some(Fault::Refused(format!("`{name}` is longer than 255 bytes"))))
            }
            Err(Failure::Broker(error)) if error.is_amqp_soft_error() => Ok(Some(fault(&error))),
            Err(Failure::Broker(error)) => Err(error::words(&error)),
        }
    }
}

enum Failure {
    TooLong(String),
    Broker(lapin::Error),
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(error)
    }
}

/// A [`DeclareError`] that does not know yet what it is about.
enum Fault {
    Mismatch(Difference),
    /// The first of them and all in words.
    Mismatches(Difference, String),
    Refused(String),
}

impl Fault {
    fn named(self, what: String) -> DeclareError {
        let (difference, differences) = match self {
            Self::Refused(detail) => return DeclareError::Refused(format!("{what}: {detail}")),
            Self::Mismatch(difference) => {
                let words = difference.to_string();
                (difference, words)
            }
            Self::Mismatches(first, all) => (first, all),
        };
        let detail = format!(
            "{differences}; delete it once it is empty and not needed as it is, and it is made anew within a minute"
        );
        DeclareError::Mismatch { what, field: difference.field, detail }
    }
}

fn fault(error: &lapin::Error) -> Fault {
    let detail = error::words(error);
    match Difference::read(&detail) {
        Some(difference) if error::code(error) == Some(406) => Fault::Mismatch(difference),
        _ => Fault::Refused(detail),
    }
}

fn short(name: &str) -> Result<ShortString, Failure> {
    ShortString::try_new(name).map_err(|_| Failure::TooLong(name.to_owned()))
}

async fn exchange(channel: &Channel, exchange: &Exchange) -> Result<(), Failure> {
    let kind = match exchange.kind {
        ExchangeKind::Topic => lapin::ExchangeKind::Topic,
        ExchangeKind::Direct => lapin::ExchangeKind::Direct,
    };
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    Ok(channel.exchange_declare(short(&exchange.name)?, kind, options, FieldTable::default()).await?)
}

/// How a queue was found.
enum Declared {
    Alike,
    Tolerable(String),
    Not(Fault),
}

/// Declares a queue. Where it exists otherwise, the broker names one field only: declaring it with that one as it is finds the next.
async fn queue(channel: &mut Lazy<'_>, queue: &Queue) -> Result<Declared, String> {
    let mut arguments = arguments(queue);
    let mut differences: Vec<Difference> = Vec::new();
    while differences.len() < MOST_DIFFERENCES {
        let declaring = async |channel: &Channel| {
            let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(short(&queue.name)?, options, arguments.clone()).await?;
            Ok(())
        };
        match channel.attempt(declaring).await? {
            None => break,
            Some(Fault::Mismatch(difference)) => {
                let known = difference.adopt(&mut arguments);
                differences.push(difference);
                if !known {
                    break;
                }
            }
            Some(fault) => return Ok(Declared::Not(fault)),
        }
    }
    let words: Vec<_> = differences.iter().map(Difference::to_string).collect();
    let words = words.join(", ");
    let matters = differences.iter().position(|difference| !difference.is_harmless(queue.role));
    Ok(match matters {
        Some(first) => Declared::Not(Fault::Mismatches(differences.swap_remove(first), words)),
        None if differences.is_empty() => Declared::Alike,
        None => Declared::Tolerable(words),
    })
}

async fn binding(channel: &Channel, binding: &Binding) -> Result<(), Failure> {
    let (queue, exchange) = (short(&binding.queue)?, short(&binding.exchange)?);
    let key = short(&binding.routing_key)?;
    Ok(channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), FieldTable::default()).await?)
}

/// The arguments that follow from a queue's role. They can't be changed once the queue exists.
fn arguments(queue: &Queue) -> FieldTable {
    let mut table = FieldTable::default();
    let mut set = |key: &str, value: AMQPValue| {
        table.insert(key.into(), value);
    };
    let text = |text: &str| AMQPValue::LongString(text.into());
    set("x-queue-type", text("quorum"));
    match queue.role {
        QueueRole::Work | QueueRole::WorkSingleActive => {
            set("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT));
            // Dead letters arrive at least once only where a full queue refuses instead of dropping.
            set("x-overflow", text("reject-publish"));
            set("x-dead-letter-exchange", text(""));
            set("x-dead-letter-routing-key", text(&format!("{}.dlq", queue.name)));
            set("x-dead-letter-strategy", text("at-least-once"));
            if queue.role == QueueRole::WorkSingleActive {
                set("x-single-active-consumer", AMQPValue::Boolean(true));
            }
        }
        QueueRole::Parking => {
            set("x-overflow", text("reject-publish"));
            set("x-delivery-limit", AMQPValue::LongInt(NO_DELIVERY_LIMIT));
        }
        QueueRole::Delay(delay) => {
            let milliseconds = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            set("x-message-ttl", AMQPValue::LongLongInt(milliseconds));
            set("x-overflow", text("reject-publish"));
            // No routing key: each message keeps its own, which names the queue that it came from.
            set("x-dead-letter-exchange", text(""));
            set("x-dead-letter-strategy", text("at-least-once"));
        }
    }
    table
}
