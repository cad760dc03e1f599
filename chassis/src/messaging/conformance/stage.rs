//! What the cases of handlers share: events, handlers, and how they are started.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use super::kit::{Kit, Reader, body, within};
use crate::messaging::consumer::{
    self, ConsumerHandle, ConsumerHealth, Handler, RetryPolicy, Subscription, SubscriptionSpec,
};
use crate::messaging::driver::{Driver, Incoming};
use crate::messaging::{Delivery, Event, Publisher};
use crate::{BoxFuture, Error, Result};

/// How long a consumer may take to end.
pub(super) const GRACE: Duration = Duration::from_secs(10);
pub(super) const QUEUE: &str = "stock.order-placed";
pub(super) const PARKING: &str = "stock.order-placed.dlq";

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Placed {
    pub(super) order: u32,
}

impl Event for Placed {
    const NAME: &'static str = "order.placed";
    const VERSION: u32 = 1;
    const OWNER: &'static str = "orders";
    const KIND: &'static str = "order.placed.v1";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Reserved {
    pub(super) order: u32,
}

impl Event for Reserved {
    const NAME: &'static str = "stock.reserved";
    const VERSION: u32 = 1;
    const OWNER: &'static str = "stock";
    const KIND: &'static str = "stock.reserved.v1";
}

pub(super) const SPEC: SubscriptionSpec = SubscriptionSpec::new("order_placed", Placed::KIND, Placed::OWNER);

/// A handler of [`Placed`] from a function.
pub(super) fn handler(
    handle: impl Fn(Delivery<Placed>) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
) -> Handler {
    Handler::one(move |received, _| match received.decode() {
        Ok(delivery) => handle(delivery),
        Err(error) => Box::pin(std::future::ready(Err(error))),
    })
}

/// Starts a consumer and waits until it consumes.
pub(super) async fn start(
    driver: &Arc<dyn Driver>,
    spec: SubscriptionSpec,
    retry: RetryPolicy,
    handler: Handler,
) -> ConsumerHandle {
    let subscription = Subscription { service: "stock", spec, handler, database: None };
    let handle = consumer::start(driver.clone(), subscription, retry).expect("a possible subscription");
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    handle
}

pub(super) async fn until(handle: &ConsumerHandle, reached: impl FnMut(&ConsumerHealth) -> bool) {
    let mut health = handle.health();
    let reached = within("a consumer's health", health.wait_for(reached)).await;
    assert!(reached.is_ok(), "the consumer's task is gone");
}

pub(super) fn retry(immediate: u32, delays: &[u64]) -> RetryPolicy {
    RetryPolicy::try_new(immediate, delays.iter().copied().map(Duration::from_millis).collect()).expect("valid")
}

/// Publishes as the service `orders`.
pub(super) fn publisher(kit: &Kit) -> Publisher {
    Publisher::new(kit.driver.clone(), "orders")
}

pub(super) async fn publish(kit: &Kit, order: u32) {
    publisher(kit).publish_now(Placed { order }).await.expect("published");
}

pub(super) fn header<'a>(incoming: &'a Incoming, name: &str) -> &'a str {
    incoming.message.headers.get(name).map_or("", String::as_str)
}

/// The body of [`Placed`].
pub(super) fn order_body(order: u32) -> String {
    format!(r#"{{"order":{order}}}"#)
}

/// A handler that succeeds, and tells which orders it was called with.
pub(super) fn noting() -> (Handler, Calls<u32>) {
    let (seen, calls) = Calls::new();
    let note = handler(move |delivery| {
        let _ = seen.send(delivery.order);
        Box::pin(async { Ok(()) })
    });
    (note, calls)
}

/// A handler that goes on only when it is let, and then fails if it `fails`; it tells which orders it was called with.
pub(super) fn held(fails: bool) -> (Handler, Calls<u32>, Arc<Notify>) {
    let (seen, calls) = Calls::new();
    let go_on = Arc::new(Notify::new());
    let held = {
        let go_on = go_on.clone();
        handler(move |delivery| {
            let _ = seen.send(delivery.order);
            let go_on = go_on.clone();
            Box::pin(async move {
                go_on.notified().await;
                if fails { Err(Error::msg("no luck")) } else { Ok(()) }
            })
        })
    };
    (held, calls, go_on)
}

/// What a handler tells of its calls.
pub(super) struct Calls<T>(mpsc::UnboundedReceiver<T>);

impl<T> Calls<T> {
    pub(super) fn new() -> (mpsc::UnboundedSender<T>, Self) {
        let (seen, calls) = mpsc::unbounded_channel();
        (seen, Self(calls))
    }

    /// The next call, which must come.
    pub(super) async fn next(&mut self) -> T {
        within("a call", self.0.recv()).await.expect("the handler is there")
    }

    /// The next calls.
    pub(super) async fn take(&mut self, count: usize) -> Vec<T> {
        let mut calls = Vec::new();
        for _ in 0..count {
            calls.push(self.next().await);
        }
        calls
    }

    /// Whether there were no more until the handler was gone.
    pub(super) async fn are_over(&mut self) -> bool {
        self.0.recv().await.is_none()
    }
}

impl Kit {
    /// Shows that `queue` has nothing more for `reader`.
    pub(super) async fn nothing_more(&self, queue: &str, reader: &mut Reader) {
        self.send(queue, "mark").await;
        assert_eq!(body(&reader.next().await), "mark", "nothing more is in {queue}");
    }
}
