//! Cases of the consumer runtime over a real transport: what handlers see, retries, parking.

use std::time::{Duration, SystemTime};

use super::Fixture;
use super::kit::{Kit, binding, body, exchange, message, work_queue};
use super::stage::{
    Calls, GRACE, PARKING, Placed, QUEUE, Reserved, SPEC, handler, header, noting, order_body, publish, retry, start,
};
use crate::Error;
use crate::context::{Context, TraceContext};
use crate::messaging::consumer::{Drained, RetryPolicy, SubscriptionSpec};
use crate::messaging::driver::{ExchangeKind, Outcome};
use crate::messaging::names::headers;
use crate::messaging::{Event, Message, Publisher, envelope, limits};

/// The handler gets the event, the message's id, trace and request id, and is called once.
pub async fn a_handler_gets_the_event_and_its_context(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = Calls::new();
    let note = handler(move |delivery| {
        let _ = seen.send((delivery.order, delivery.attempt(), delivery.id().to_owned(), Context::current()));
        Box::pin(async { Ok(()) })
    });
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), note).await;
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect("well-formed");
    let sender = Context { trace: trace.clone(), request_id: Some("r-1".into()), ..Context::default() };
    sender.scope(publish(&kit, 7)).await;
    let (order, attempt, id, context) = calls.next().await;
    assert_eq!((order, attempt, id.len()), (7, 1, 36));
    assert_eq!(context.trace.trace_id, trace.trace_id);
    assert_eq!((context.service, context.request_id.as_deref()), (Some("stock"), Some("r-1")));
    assert!(context.remaining().is_some_and(|left| left <= Duration::from_secs(60)));
    assert_eq!(handle.drain(GRACE).await, Drained { abandoned: 0 });
    assert!(calls.are_over().await, "called once");
}

/// What a handler publishes carries the id of what it handled, and its correlation.
pub async fn what_a_handler_publishes_names_its_cause(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let mut topology = work_queue("audit");
    topology.exchanges.push(exchange("stock.events", ExchangeKind::Topic));
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
    assert_eq!(body(&effect), order_body(7));
    assert_eq!(header(&effect, headers::CAUSATION_ID), cause.id);
    assert_eq!(effect.message.correlation_id, cause.correlation_id);
    handle.drain(GRACE).await;
}

/// A message that always fails is tried exactly as often as the policy says and parked once, with its cause; its
/// neighbours flow.
pub async fn a_failing_message_is_tried_by_policy_and_parked_once(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = Calls::new();
    let fail = handler(move |delivery| {
        let _ = seen.send((delivery.order, delivery.attempt()));
        let failed = delivery.order == 13;
        Box::pin(async move { if failed { Err(Error::msg("no luck").context("order 13")) } else { Ok(()) } })
    });
    let handle = start(&kit.driver, SPEC, retry(3, &[]), fail).await;
    publish(&kit, 13).await;
    publish(&kit, 14).await;
    assert_eq!(calls.take(4).await, [(13, 1), (13, 2), (13, 3), (14, 1)]);
    let mut parking = kit.consume(PARKING, 5).await;
    let parked = parking.next().await;
    assert_eq!(body(&parked), order_body(13));
    assert_eq!(parked.message.kind, Placed::KIND);
    assert_eq!(header(&parked, headers::QUEUE), QUEUE);
    assert_eq!(header(&parked, headers::REASON), "failed");
    assert_eq!(header(&parked, headers::ERROR), "order 13: no luck");
    assert_eq!(header(&parked, headers::ATTEMPT), "3");
    assert_eq!(header(&parked, headers::EXCHANGE), "orders.events");
    assert_eq!(header(&parked, headers::ROUTING_KEY), Placed::KIND);
    assert!(!header(&parked, headers::PARKED_AT).is_empty());
    handle.drain(GRACE).await;
    // Parked once.
    kit.nothing_more(PARKING, &mut parking).await;
}

/// An attempt after a delay goes on counting, and knows where the message was first sent.
pub async fn a_delayed_attempt_is_counted(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = Calls::new();
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
        assert_eq!(calls.next().await, expected);
    }
    handle.drain(GRACE).await;
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
    handle.drain(GRACE).await;
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
    handle.drain(GRACE).await;
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
    handle.drain(GRACE).await;
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
    handle.drain(GRACE).await;
}

/// Where the cause has no room beside what came, the original goes to the dead letters, and does not come back for ever.
pub async fn what_is_too_large_for_a_copy_is_parked_as_it_is(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (note, mut calls) = noting();
    let handle = start(&kit.driver, SPEC, RetryPolicy::standard(), note).await;
    let mut large = envelope::encode(&Placed { order: 1 }, "orders", &Context::default()).expect("encodes");
    // As much as there is room for of the headers that a copy must have.
    let mut subject = "x".repeat(limits::MAX_HEADERS);
    large.headers.insert("cloudEvents_subject", subject.clone());
    while limits::check(&large).is_err() {
        subject.truncate(subject.len() - 50);
        large.headers.insert("cloudEvents_subject", subject.clone());
    }
    large.body = "?".into();
    kit.publish("orders.events", Placed::KIND, true, large.clone()).await.expect("published");
    let parked = kit.consume(PARKING, 1).await.next().await;
    assert_eq!((&parked.message.id, body(&parked)), (&large.id, "?".to_owned()));
    assert_eq!((header(&parked, headers::FIRST_DEATH_REASON), header(&parked, headers::REASON)), ("rejected", ""));
    assert_eq!(parked.message.headers.get("cloudEvents_subject"), large.headers.get("cloudEvents_subject"));
    publish(&kit, 2).await;
    assert_eq!(calls.next().await, 2);
    handle.drain(GRACE).await;
}

/// A message past its expiry is neither handled nor parked.
pub async fn an_expired_message_is_dropped(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (note, mut calls) = noting();
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), note).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    for (order, expires_at) in [(1, now - 1), (2, now + 600_000)] {
        let mut expiring = envelope::encode(&Placed { order }, "orders", &Context::default()).expect("encodes");
        expiring.headers.insert(headers::EXPIRES_AT.to_owned(), expires_at.to_string());
        kit.publish("orders.events", Placed::KIND, true, expiring).await.expect("published");
    }
    assert_eq!(calls.next().await, 2);
    handle.drain(GRACE).await;
    kit.nothing_more(PARKING, &mut kit.consume(PARKING, 1).await).await;
}
