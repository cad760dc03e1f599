//! Cases of the consumer runtime over a real transport: what handlers see, retries, parking, drain.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use super::Fixture;
use super::kit::{Kit, binding, body, message, within, work_queue};
use crate::context::{Context, TraceContext};
use crate::messaging::consumer::{
    self, ConsumerHandle, ConsumerHealth, Drained, Handler, RetryPolicy, Subscription, SubscriptionSpec,
};
use crate::messaging::driver::{Driver, ExchangeKind, Incoming, Outcome};
use crate::messaging::names::headers;
use crate::messaging::{Delivery, Event, Message, Publisher, envelope};
use crate::{BoxFuture, Error, Result};

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

/// The handler gets the event, the message's id, trace and request id, and is called once.
pub async fn a_handler_gets_the_event_and_its_context(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let note = handler(move |delivery| {
        let _ = seen.send((delivery.order, delivery.attempt(), delivery.id().to_owned(), Context::current()));
        Box::pin(async { Ok(()) })
    });
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), note).await;
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect("well-formed");
    let sender = Context { trace: trace.clone(), request_id: Some("r-1".into()), ..Context::default() };
    sender.scope(publish(&kit, 7)).await;
    let (order, attempt, id, context) = within("a call", calls.recv()).await.expect("called");
    assert_eq!((order, attempt, id.len()), (7, 1, 36));
    assert_eq!(context.trace.trace_id, trace.trace_id);
    assert_eq!((context.service, context.request_id.as_deref()), (Some("stock"), Some("r-1")));
    assert!(context.remaining().is_some_and(|left| left <= Duration::from_secs(60)));
    assert_eq!(handle.drain(Duration::from_secs(10)).await, Drained { abandoned: 0 });
    assert!(calls.recv().await.is_none(), "called once");
}

/// What a handler publishes carries the id of what it handled, and its correlation.
pub async fn what_a_handler_publishes_names_its_cause(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let mut topology = work_queue("audit");
    topology.exchanges.push(super::kit::exchange("stock.events", ExchangeKind::Topic));
    topology.bindings.push(binding("audit", "stock.events", "#"));
    kit.declare(topology).await;
    let publisher = Publisher::new(kit.driver.clone(), "stock");
    let answer = handler(move |delivery| {
        let publisher = publisher.clone();
        Box::pin(async move { publisher.publish_now(Reserved { order: delivery.order }).await })
    });
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), answer).await;
    let cause = envelope::encode(&Placed { order: 7 }, "orders", &Context::default()).expect("encodes");
    kit.publish("orders.events", Placed::KIND, true, cause.clone()).await.expect("published");
    let effect = kit.consume("audit", 1).await.next().await;
    assert_eq!(body(&effect), r#"{"order":7}"#);
    assert_eq!(header(&effect, headers::CAUSATION_ID), cause.id);
    assert_eq!(effect.message.correlation_id, cause.correlation_id);
    handle.drain(Duration::from_secs(10)).await;
}

/// A message that always fails is tried exactly as often as the policy says and parked once, with its cause; its
/// neighbours flow.
pub async fn a_failing_message_is_tried_by_policy_and_parked_once(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let fail = handler(move |delivery| {
        let _ = seen.send((delivery.order, delivery.attempt()));
        let failed = delivery.order == 13;
        Box::pin(async move { if failed { Err(Error::msg("no luck").context("order 13")) } else { Ok(()) } })
    });
    let handle = start(&kit.driver, SPEC, retry(3, &[]), fail).await;
    publish(&kit, 13).await;
    publish(&kit, 14).await;
    let mut got = Vec::new();
    for _ in 0..4 {
        got.push(within("a call", calls.recv()).await.expect("called"));
    }
    assert_eq!(got, [(13, 1), (13, 2), (13, 3), (14, 1)]);
    let mut parking = kit.consume(PARKING, 5).await;
    let parked = parking.next().await;
    assert_eq!(body(&parked), r#"{"order":13}"#);
    assert_eq!(parked.message.kind, Placed::KIND);
    assert_eq!(header(&parked, headers::QUEUE), QUEUE);
    assert_eq!(header(&parked, headers::REASON), "failed");
    assert_eq!(header(&parked, headers::ERROR), "order 13: no luck");
    assert_eq!(header(&parked, headers::ATTEMPT), "3");
    assert_eq!(header(&parked, headers::EXCHANGE), "orders.events");
    assert_eq!(header(&parked, headers::ROUTING_KEY), Placed::KIND);
    assert!(!header(&parked, headers::PARKED_AT).is_empty());
    handle.drain(Duration::from_secs(10)).await;
    kit.send(PARKING, "mark").await;
    assert_eq!(body(&parking.next().await), "mark", "parked once");
}

/// An attempt after a delay goes on counting, and knows where the message was first sent.
pub async fn a_delayed_attempt_is_counted(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let third_time_lucky = handler(move |delivery| {
        let received = delivery.received();
        let _ = seen.send((delivery.attempt(), received.exchange().to_owned(), received.routing_key().to_owned()));
        let failed = delivery.attempt() < 3;
        Box::pin(async move { if failed { Err(Error::msg("not yet")) } else { Ok(()) } })
    });
    let handle = start(&kit.driver, SPEC, retry(1, &[20, 40]), third_time_lucky).await;
    publish(&kit, 1).await;
    for attempt in 1..=3 {
        let expected = (attempt, "orders.events".to_owned(), Placed::KIND.to_owned());
        assert_eq!(within("a call", calls.recv()).await, Some(expected));
    }
    handle.drain(Duration::from_secs(10)).await;
}

/// A handler that panics has failed; the process and the consumer go on.
pub async fn a_panic_is_a_failure(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let panics = handler(|delivery| Box::pin(async move { panic!("order {} is cursed", delivery.order) }));
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), panics).await;
    let mut parking = kit.consume(PARKING, 5).await;
    for order in [1, 2] {
        publish(&kit, order).await;
        let parked = parking.next().await;
        assert_eq!(header(&parked, headers::ERROR), format!("the handler panicked: order {order} is cursed"));
        parked.settle.settle(Outcome::Ack).await.expect("acked");
    }
    handle.drain(Duration::from_secs(10)).await;
}

/// A handler that does not end within its time has failed.
pub async fn a_handler_that_takes_too_long_has_failed(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let spec = SubscriptionSpec { timeout: Some(Duration::from_millis(30)), ..SPEC };
    let hangs = handler(|_| Box::pin(std::future::pending()));
    let handle = start(&kit.driver, spec, RetryPolicy::none(), hangs).await;
    publish(&kit, 1).await;
    let parked = kit.consume(PARKING, 1).await.next().await;
    assert!(header(&parked, headers::ERROR).starts_with("the handler did not end within"));
    handle.drain(Duration::from_secs(10)).await;
}

/// A message whose headers are no envelope is parked without being tried.
pub async fn malformed_headers_are_parked_unread(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let handle = start(&kit.driver, SPEC, RetryPolicy::standard(), handler(|_| panic!("never called"))).await;
    kit.publish("orders.events", Placed::KIND, true, message("?")).await.expect("published");
    let parked = kit.consume(PARKING, 1).await.next().await;
    assert_eq!((header(&parked, headers::REASON), header(&parked, headers::ATTEMPT)), ("malformed", "0"));
    assert_eq!(header(&parked, headers::ERROR), "header `cloudEvents_specversion` is missing or empty");
    assert_eq!(body(&parked), "?");
    handle.drain(Duration::from_secs(10)).await;
}

/// A body that is not what its type promises is parked without a second try.
pub async fn an_undecodable_body_is_parked_at_once(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let handle = start(&kit.driver, SPEC, RetryPolicy::standard(), handler(|_| panic!("never called"))).await;
    let wrong = envelope::encode(&Placed { order: 1 }, "orders", &Context::default()).expect("encodes");
    let wrong = Message { body: r#"{"order":"one"}"#.into(), ..wrong };
    kit.publish("orders.events", Placed::KIND, true, wrong).await.expect("published");
    let parked = kit.consume(PARKING, 1).await.next().await;
    assert_eq!((header(&parked, headers::REASON), header(&parked, headers::ATTEMPT)), ("undecodable", "1"));
    assert!(header(&parked, headers::ERROR).starts_with("the body is no `order.placed.v1`: invalid type"));
    handle.drain(Duration::from_secs(10)).await;
}

/// A message past its expiry is neither handled nor parked.
pub async fn an_expired_message_is_dropped(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let note = handler(move |delivery| {
        let _ = seen.send(delivery.order);
        Box::pin(async { Ok(()) })
    });
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), note).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    for (order, expires_at) in [(1, now - 1), (2, now + 600_000)] {
        let mut expiring = envelope::encode(&Placed { order }, "orders", &Context::default()).expect("encodes");
        expiring.headers.insert(headers::EXPIRES_AT.to_owned(), expires_at.to_string());
        kit.publish("orders.events", Placed::KIND, true, expiring).await.expect("published");
    }
    assert_eq!(within("a call", calls.recv()).await, Some(2));
    handle.drain(Duration::from_secs(10)).await;
    kit.send(PARKING, "mark").await;
    assert_eq!(body(&kit.consume(PARKING, 1).await.next().await), "mark", "nothing was parked");
}

/// Draining finishes what has begun and returns the rest, and a return is no attempt.
pub async fn a_drained_consumer_returns_what_has_not_begun(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let slow = {
        let go_on = go_on.clone();
        handler(move |delivery| {
            let _ = seen.send(delivery.order);
            let go_on = go_on.clone();
            Box::pin(async move {
                go_on.notified().await;
                Ok(())
            })
        })
    };
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), slow).await;
    for order in 1..=3 {
        publish(&kit, order).await;
    }
    assert_eq!(within("a call", calls.recv()).await, Some(1));
    handle.cancel();
    until(&handle, |health| *health == ConsumerHealth::Draining).await;
    go_on.notify_one();
    assert_eq!(handle.drain(Duration::from_secs(10)).await, Drained { abandoned: 0 });
    let mut reader = kit.consume(QUEUE, 5).await;
    for order in [2, 3] {
        let returned = reader.next().await;
        assert_eq!(body(&returned), format!(r#"{{"order":{order}}}"#));
        assert_eq!(header(&returned, headers::ATTEMPT), "");
        returned.settle.settle(Outcome::Ack).await.expect("acked");
    }
    kit.send(QUEUE, "mark").await;
    assert_eq!(body(&reader.next().await), "mark", "the first was acked");
}

/// A handler that does not end within the grace is dropped, and its delivery returned.
pub async fn an_abandoned_delivery_is_returned(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let hangs = handler(move |delivery| {
        let _ = seen.send(delivery.order);
        Box::pin(std::future::pending())
    });
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), hangs).await;
    publish(&kit, 1).await;
    assert_eq!(within("a call", calls.recv()).await, Some(1));
    assert_eq!(handle.drain(Duration::from_millis(20)).await, Drained { abandoned: 1 });
    let returned = kit.consume(QUEUE, 1).await.next().await;
    assert_eq!((body(&returned).as_str(), returned.redelivered), (r#"{"order":1}"#, true));
    assert_eq!(header(&returned, headers::ATTEMPT), "");
}
