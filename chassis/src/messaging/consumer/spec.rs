//! What a subscription declares.

use std::time::Duration;

use super::{Database, Handler};
use crate::messaging::driver::Binding;
use crate::messaging::names;

/// A subscription as `#[subscribe]` writes it.
///
/// ```
/// use chassis::messaging::consumer::{Shape, SubscriptionSpec};
///
/// let spec = SubscriptionSpec {
///     concurrency: 8,
///     shape: Shape::Ordered,
///     ..SubscriptionSpec::new("order_placed", "order.placed.v1", "orders")
/// };
/// assert_eq!(spec.queue_name("stock"), "stock.order-placed");
/// assert!(spec.is_single_active());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionSpec {
    /// The function's name.
    pub name: &'static str,
    /// The queue's name without the service; after the function where it is `None`.
    pub queue: Option<&'static str>,
    /// What it takes, such as `order.placed.v1`.
    pub kind: &'static str,
    /// The service that publishes it.
    pub owner: &'static str,
    /// Older versions of it that the handler takes as well, each with the service that publishes it.
    pub accepts: &'static [(&'static str, &'static str)],
    /// The name of its retry policy, `standard` where nothing else is said.
    pub retry: &'static str,
    /// How many deliveries, or batches, are handled at once; of an ordered subscription, how many lanes there are.
    pub concurrency: u16,
    /// How many deliveries are held at once; where it is `None`, three times what is handled at once.
    pub prefetch: Option<u16>,
    /// How long one attempt may take; 60 s where it is `None`.
    pub timeout: Option<Duration>,
    /// What is promised about duplicates.
    pub mode: Mode,
    /// How deliveries come to the handler.
    pub shape: Shape,
    /// Whether one consumer reads the queue at a time, however many replicas there are. Always so where it is ordered.
    pub single_active: bool,
}

/// What a subscription promises about duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The handler works in a transaction in which the inbox remembers the message: its effect happens once.
    Transactional,
    /// The handler may see a message more than once.
    AtLeastOnce,
}

/// How deliveries come to the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One by one, in any order.
    Each,
    /// One by one, and those of one ordering key in the order in which they were published.
    Ordered,
    /// Many at once.
    Batch {
        /// At most so many.
        size: u16,
        /// How long the first of them waits for others.
        within: Duration,
    },
}

impl SubscriptionSpec {
    /// A subscription of the function `name` to the events `kind` that `owner` publishes, one by one, at least once.
    pub const fn new(name: &'static str, kind: &'static str, owner: &'static str) -> Self {
        Self {
            name,
            queue: None,
            kind,
            owner,
            accepts: &[],
            retry: "standard",
            concurrency: 1,
            prefetch: None,
            timeout: None,
            mode: Mode::AtLeastOnce,
            shape: Shape::Each,
            single_active: false,
        }
    }

    /// The queue that it reads in `service`.
    pub fn queue_name(&self, service: &str) -> String {
        names::queue(service, self.queue.unwrap_or(self.name))
    }

    /// What leads to its `queue`: the events that it takes, of whatever version.
    pub fn bindings(&self, queue: &str) -> Vec<Binding> {
        let bound = |(kind, owner): &(&str, &str)| Binding {
            queue: queue.to_owned(),
            exchange: names::events_exchange(owner),
            routing_key: (*kind).to_owned(),
        };
        [(self.kind, self.owner)].iter().chain(self.accepts).map(bound).collect()
    }

    /// Whether the handler takes messages of this type.
    pub fn takes(&self, kind: &str) -> bool {
        self.kind == kind || self.accepts.iter().any(|(older, _)| *older == kind)
    }

    /// Whether the handler takes other versions of the event that `kind` is a version of.
    pub(super) fn takes_other_versions_of<'a>(&'a self, kind: &'a str) -> bool {
        let name = |kind: &'a str| {
            let (name, version) = kind.rsplit_once(".v")?;
            (!version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
        };
        name(kind).is_some_and(|of| name(self.kind) == Some(of))
    }

    /// How many deliveries are handled at once.
    pub(super) fn at_once(&self) -> u16 {
        match self.shape {
            Shape::Each | Shape::Ordered => self.concurrency,
            Shape::Batch { size, .. } => self.concurrency.saturating_mul(size),
        }
    }

    /// How many deliveries are held at once.
    pub fn effective_prefetch(&self) -> u16 {
        self.prefetch.unwrap_or_else(|| self.at_once().saturating_mul(3)).max(self.at_once()).max(1)
    }

    /// How long one attempt may take.
    pub fn effective_timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(60))
    }

    /// Whether one consumer reads the queue at a time.
    pub fn is_single_active(&self) -> bool {
        self.single_active || self.shape == Shape::Ordered
    }
}

/// A subscription of one service, ready to be started.
#[derive(Clone)]
pub struct Subscription {
    /// The service that it belongs to.
    pub service: &'static str,
    /// What was declared.
    pub spec: SubscriptionSpec,
    /// What is called for each delivery.
    pub handler: Handler,
    /// Where transactions begin; needed by [`Mode::Transactional`].
    pub database: Option<Database>,
}
