//! What a transport must be able to do. Everything else (envelope, retries, parking, inbox, tracing) is written once above it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Message;
use crate::BoxFuture;

/// A connection to a broker, or the broker itself.
pub trait Driver: Send + Sync + 'static {
    /// The name of the messaging system as OpenTelemetry has it, such as `rabbitmq`.
    fn system(&self) -> &'static str;

    /// Declares what is missing of `topology` and remembers it, so that it is declared again after a reconnection,
    /// before any publish is released. Declaring the same thing twice changes nothing.
    fn declare(&self, topology: Topology) -> BoxFuture<'_, Result<(), DeclareError>>;

    /// Sends a message and waits until the broker has taken responsibility for it, or `outgoing.deadline` has passed.
    /// Lost connections are outwaited and the message sent again, under the same id.
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), PublishError>>;

    /// Starts to consume. The stream outlives reconnections; what was unsettled is delivered again.
    fn consume(&self, spec: Consume) -> BoxFuture<'_, Result<Box<dyn Consumer>, DeclareError>>;

    /// Looks at what stands in a queue, at most at the first `most` messages, and leaves it there. While the look lasts
    /// neither consumers nor other looks need find what it has seen.
    fn browse<'a>(&'a self, queue: &'a str, most: usize) -> BoxFuture<'a, Result<Box<dyn Browser>, BrowseError>> {
        let _ = (queue, most);
        Box::pin(std::future::ready(Err(BrowseError::Unsupported)))
    }

    /// How many messages of a queue wait to be delivered.
    fn depth<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<u64, BrowseError>> {
        let _ = queue;
        Box::pin(std::future::ready(Err(BrowseError::Unsupported)))
    }

    /// How many consumers read a queue at this moment.
    fn consumers<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<u64, BrowseError>> {
        let _ = queue;
        Box::pin(std::future::ready(Err(BrowseError::Unsupported)))
    }

    /// Removes bindings, so that what they match is no longer routed to their queues. What is not bound is passed over.
    fn unbind(&self, bindings: Vec<Binding>) -> BoxFuture<'_, Result<(), BrowseError>> {
        let _ = bindings;
        Box::pin(std::future::ready(Err(BrowseError::Unsupported)))
    }

    /// Deletes a queue that is empty and that nobody reads, and forgets that it was ever declared. One that does not exist is
    /// as good as deleted.
    ///
    /// What came into the queue at the last moment goes to `rescued`, and is the caller's from then on, whatever the result is; over a
    /// transport that decides under a lock nothing does.
    fn delete<'a>(&'a self, queue: &'a str, rescued: &'a mut Vec<Message>) -> BoxFuture<'a, Result<(), DeleteError>> {
        let _ = (queue, rescued);
        Box::pin(std::future::ready(Err(BrowseError::Unsupported.into())))
    }

    /// The names of the queues of handlers that are known without asking: all of them where the transport keeps them itself, those that
    /// were declared over it elsewhere.
    fn known_queues(&self) -> Vec<String> {
        Vec::new()
    }

    /// The state of the connection, as it changes; of several the worst.
    fn state(&self) -> watch::Receiver<ConnectionState>;

    /// The state of the connection over which messages are sent, where it is another one.
    fn publishing(&self) -> watch::Receiver<ConnectionState> {
        self.state()
    }

    /// The state of the connection over which messages come, where it is another one.
    fn consuming(&self) -> watch::Receiver<ConnectionState> {
        self.state()
    }

    /// Flushes what is in flight and closes, within `grace`.
    fn close(&self, grace: Duration) -> BoxFuture<'_, ()>;
}

/// A running consumer of one queue.
pub trait Consumer: Send {
    /// The next delivery; `None` once cancelled or closed and nothing is left, or when the broker has ended the consumer.
    ///
    /// A future that is dropped before it is done loses no delivery.
    fn next(&mut self) -> BoxFuture<'_, Option<Incoming>>;

    /// A delivery that is there already, where it can be told without waiting: a short cut past [`next`](Self::next).
    fn ready(&mut self) -> Option<Incoming> {
        None
    }

    /// Keeps the consumer going while no delivery is wanted, such as while every handler is busy: what interrupts it is noticed
    /// and mended meanwhile. Done only when the consumer has ended, as [`next`](Self::next) would say.
    ///
    /// A future that is dropped before it is done loses no delivery.
    fn keep(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// What keeps it from getting deliveries although the connection is there; `None` while it gets them.
    fn interruption(&self) -> watch::Receiver<Option<Interruption>> {
        watch::channel(None).1
    }

    /// Asks the broker for no more. Deliveries that have arrived already are still given by [`next`](Self::next).
    fn cancel(&mut self) -> BoxFuture<'_, ()>;
}

/// A consumer has lost its way to the broker, and is looking for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interruption {
    /// Counted from one.
    pub attempt: u32,
    /// Why it was interrupted, or why the last attempt failed.
    pub cause: Arc<str>,
}

/// A look at the messages of one queue, in their order. What it does not remove stays.
///
/// It ends with [`finish`](Self::finish); when it is dropped instead, what it has seen goes back all the same, but perhaps
/// in another order.
pub trait Browser: Send {
    /// The next message; `None` when there are no more, or as many were seen as were asked for.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Seen>, BrowseError>>;

    /// Removes a message that was seen. Only [`finish`](Self::finish) says whether it is really gone.
    fn remove(&mut self, place: u64) -> BoxFuture<'_, Result<(), BrowseError>>;

    /// Gives everything back that was not removed, in its order.
    ///
    /// # Errors
    /// The connection was lost before the broker had agreed: some of what was removed may still be there.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), BrowseError>>;
}

/// A message that a look has come across.
#[derive(Debug, Clone)]
pub struct Seen {
    /// By what it is removed; without a meaning beyond this look.
    pub place: u64,
    /// The message.
    pub message: Message,
}

/// Why a queue can't be looked into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrowseError {
    /// The transport can't do it.
    #[error("the transport cannot look into queues")]
    Unsupported,
    /// There is no such queue.
    #[error("there is no queue `{0}`")]
    NoQueue(String),
    /// The broker does not allow it.
    #[error("the broker does not allow it: {0}")]
    Refused(String),
    /// The connection broke or never came.
    #[error("not connected to the broker: {0}")]
    NotConnected(String),
}

/// Why a queue was not deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// There is something in it, or on its way back to it.
    #[error("{messages} messages wait in it")]
    NotEmpty {
        /// How many messages.
        messages: u64,
    },
    /// Somebody reads it.
    #[error("{consumers} consumers read it")]
    InUse {
        /// How many consumers.
        consumers: u64,
    },
    /// The broker can't be asked, or does not allow it.
    #[error(transparent)]
    Broker(#[from] BrowseError),
}

/// Exchanges, queues and bindings that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// Declared first.
    pub exchanges: Vec<Exchange>,
    /// Declared second.
    pub queues: Vec<Queue>,
    /// Declared last.
    pub bindings: Vec<Binding>,
}

/// A durable exchange.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// Such as `orders.events`.
    pub name: String,
    /// How it matches routing keys.
    pub kind: ExchangeKind,
}

/// How an exchange matches routing keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// By patterns: `*` is one word, `#` any number.
    Topic,
    /// By equality.
    Direct,
}

/// A durable queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Queue {
    /// Such as `inventory.order-placed`.
    pub name: String,
    /// What it is there for, which decides its arguments.
    pub role: QueueRole,
}

/// What a queue is there for; docs/wire.md has the arguments that follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueRole {
    /// Read by one handler; what is rejected goes to `<name>.dlq`.
    Work,
    /// Read by one handler, by one consumer at a time.
    WorkSingleActive,
    /// Keeps messages that a person must look at.
    Parking,
    /// Holds messages back for the given time and then returns each to the queue that its routing key names.
    Delay(Duration),
}

/// Routes what an exchange matches into a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The queue that receives.
    pub queue: String,
    /// The exchange that is matched.
    pub exchange: String,
    /// The pattern or key.
    pub routing_key: String,
}

/// A message on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Empty for the default exchange, which routes to the queue that the routing key names.
    pub exchange: Cow<'static, str>,
    /// What the exchange matches.
    pub routing_key: Cow<'static, str>,
    /// Whether a message that no queue takes is an error.
    pub mandatory: bool,
    /// The message.
    pub message: Message,
    /// When to give up.
    pub deadline: Instant,
}

/// What to consume.
#[derive(Debug, Clone)]
pub struct Consume {
    /// The queue.
    pub queue: String,
    /// How many unsettled deliveries may be held at once.
    pub prefetch: u16,
    /// How many of these are not worked on yet: so many may be settled before the broker is told of any of them.
    pub spare: u16,
    /// Whether what goes back goes back in the order in which it was delivered. Then nothing goes back alone: whoever returns a
    /// delivery ends the consumer, and all of them go back with its end, for which what is being handled must have come to its own.
    pub ordered: bool,
    /// The name under which the broker shows the consumer.
    pub tag: String,
}

/// A delivery that must be settled exactly once. Dropped unsettled, it is returned to its queue as by [`Outcome::Return`].
pub struct Incoming {
    /// The message.
    pub message: Message,
    /// The exchange it was published to.
    pub exchange: String,
    /// The key it was published with.
    pub routing_key: String,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// How it is settled.
    pub settle: Box<dyn Settle>,
}

/// Settles one delivery.
pub trait Settle: Send + Sync {
    /// Whether settling can still succeed; not so after the connection that delivered it was lost.
    fn is_live(&self) -> bool;

    /// Settles the delivery. It is done when the connection has what the broker is to be told.
    fn settle(self: Box<Self>, outcome: Outcome) -> BoxFuture<'static, Result<(), SettleError>>;
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done with.
    Ack,
    /// It goes back as a failure that counts towards the broker's delivery limit.
    Requeue,
    /// It goes back politely, as at shutdown.
    Return,
    /// It goes to the dead letters.
    Reject,
}

/// The delivery could not be settled since its connection is gone; it will be delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection that delivered the message is gone; it will be delivered again")]
pub struct SettleError;

/// Why a message was not (or perhaps not) published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// No queue is bound for it.
    #[error("no queue takes messages to exchange `{exchange}` with key `{routing_key}`")]
    Unroutable {
        /// The exchange it was sent to.
        exchange: String,
        /// The key it was sent with.
        routing_key: String,
    },
    /// The broker refused it, such as a queue that is full.
    #[error("the broker refused the message (a queue may be full)")]
    Nacked,
    /// It is larger than the transport allows; nothing was sent.
    #[error("the {what} of {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// `body` or `headers`.
        what: &'static str,
        /// What it has.
        size: usize,
        /// What it may have.
        limit: usize,
    },
    /// The broker does not allow it, such as an exchange that does not exist or may not be written to.
    #[error("the broker does not allow it: {0}")]
    Refused(String),
    /// The broker has blocked all publishers for want of memory or disk.
    #[error("the broker has blocked publishers: {0}")]
    Blocked(String),
    /// Too many messages wait to be sent already; nothing was sent.
    #[error("{limit} messages wait to be sent already")]
    BufferFull {
        /// How many may wait.
        limit: usize,
    },
    /// There was no connection until the deadline; nothing was sent.
    #[error("not connected to the broker: {0}")]
    NotConnected(String),
    /// The deadline passed.
    #[error("no confirmation from the broker in time")]
    Timeout {
        /// Whether the broker may have it.
        maybe_stored: bool,
    },
    /// The connection was lost and the deadline left no time to send again.
    #[error("the connection to the broker was lost")]
    ConnectionLost {
        /// Whether the broker may have it.
        maybe_stored: bool,
    },
}

impl PublishError {
    /// Whether the broker may have the message nevertheless, have given it to some of its queues, or still take it. To publish the
    /// same again then perhaps makes two of it, unless it is sent under the same id.
    pub fn maybe_stored(&self) -> bool {
        match self {
            Self::Timeout { maybe_stored } | Self::ConnectionLost { maybe_stored } => *maybe_stored,
            Self::Blocked(_) | Self::Nacked => true,
            Self::Unroutable { .. }
            | Self::TooLarge { .. }
            | Self::Refused(_)
            | Self::BufferFull { .. }
            | Self::NotConnected(_) => false,
        }
    }
}

/// Why a topology or a consumer could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// Something of that name exists with other properties.
    #[error("{what} exists already with another `{field}`: {detail}")]
    Mismatch {
        /// Such as ``queue `orders.placed` ``.
        what: String,
        /// The field that differs.
        field: String,
        /// The broker's words.
        detail: String,
    },
    /// The broker does not allow it.
    #[error("the broker does not allow it: {0}")]
    Refused(String),
    /// The connection broke or never came.
    #[error("not connected to the broker: {0}")]
    NotConnected(String),
}

/// The state of a connection to a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// The first attempt is under way.
    Connecting,
    /// Everything works.
    Connected,
    /// The broker takes no messages at the moment, for the given reason.
    Blocked(Arc<str>),
    /// The connection was lost and is being made again.
    Reconnecting {
        /// Counted from one.
        attempt: u32,
        /// Why it is gone.
        cause: Arc<str>,
    },
    /// It was closed by us.
    Closed,
}
