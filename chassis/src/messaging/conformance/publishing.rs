//! Cases of routing, confirms and what is refused.

use std::time::{Duration, SystemTime};

use super::Fixture;
use super::kit::{Kit, binding, exchange, message, within, work_queue};
use crate::messaging::driver::{DeclareError, ExchangeKind, PublishError, Queue, QueueRole, Topology};
use crate::messaging::limits::{MAX_BODY, MAX_HEADERS, MAX_SHORT};
use crate::messaging::{Headers, Message};

/// Every property and header of a message arrives as it was sent.
pub async fn properties_and_headers_arrive_unchanged(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("shop.orders").await;
    let sent = Message {
        id: "018f-1".into(),
        kind: "order.placed.v1".into(),
        app_id: Some("orders".into()),
        content_type: Some("application/json".into()),
        correlation_id: Some("c-1".into()),
        reply_to: Some("answers".into()),
        timestamp: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        headers: Headers::from([("cloudEvents_type", "order.placed.v1"), ("ü", "grün")]),
        body: vec![0, 1, 254, 255].into(),
    };
    kit.publish("", "shop.orders", true, sent.clone()).await.expect("published");
    let incoming = kit.consume("shop.orders", 1).await.next().await;
    assert_eq!(incoming.message, sent);
    assert_eq!((incoming.exchange.as_str(), incoming.routing_key.as_str()), ("", "shop.orders"));
    assert!(!incoming.redelivered);
}

/// A topic exchange matches patterns word by word.
pub async fn topic_patterns_decide_who_gets_it(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let patterns = [("one", "order.*.v1"), ("any", "order.#"), ("all", "#"), ("other", "payment.#")];
    for (queue, pattern) in patterns {
        let mut topology = work_queue(queue);
        topology.exchanges.push(exchange("shop.events", ExchangeKind::Topic));
        topology.bindings.push(binding(queue, "shop.events", pattern));
        kit.declare(topology).await;
    }
    for key in ["order.placed.v1", "order.placed.v2", "payment.taken.v1"] {
        kit.publish("shop.events", key, true, message(key)).await.expect("published");
    }
    for (queue, expected) in [
        ("one", &["order.placed.v1"][..]),
        ("any", &["order.placed.v1", "order.placed.v2"]),
        ("all", &["order.placed.v1", "order.placed.v2", "payment.taken.v1"]),
        ("other", &["payment.taken.v1"]),
    ] {
        // The mark comes last, so that nothing else can have been there.
        kit.send(queue, "mark").await;
        let mut got = kit.consume(queue, 10).await.take(expected.len() + 1).await;
        assert_eq!(got.pop().as_deref(), Some("mark"), "{queue}");
        assert_eq!(got, expected, "{queue}");
    }
}

/// A direct exchange matches equal keys only.
pub async fn direct_keys_must_be_equal(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let mut topology = work_queue("stock.reserve");
    topology.exchanges.push(exchange("stock.commands", ExchangeKind::Direct));
    topology.bindings.push(binding("stock.reserve", "stock.commands", "reserve.*"));
    kit.declare(topology).await;
    let other = kit.publish("stock.commands", "reserve.v1", true, message("other")).await;
    assert!(matches!(other, Err(PublishError::Unroutable { .. })), "{other:?}");
    kit.publish("stock.commands", "reserve.*", true, message("equal")).await.expect("published");
    assert_eq!(kit.consume("stock.reserve", 1).await.take(1).await, ["equal"]);
}

/// The default exchange routes to the queue that the key names.
pub async fn the_default_exchange_routes_to_the_queue_of_that_name(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    kit.queue("b").await;
    kit.send("b", "for b").await;
    kit.send("a", "for a").await;
    assert_eq!(kit.consume("a", 1).await.take(1).await, ["for a"]);
    assert_eq!(kit.consume("b", 1).await.take(1).await, ["for b"]);
}

/// Each queue that is bound gets a copy of its own.
pub async fn every_bound_queue_gets_a_copy(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    for queue in ["a", "b"] {
        let mut topology = work_queue(queue);
        topology.exchanges.push(exchange("shop.events", ExchangeKind::Topic));
        topology.bindings.push(binding(queue, "shop.events", "order.placed.v1"));
        kit.declare(topology).await;
    }
    kit.publish("shop.events", "order.placed.v1", true, message("news")).await.expect("published");
    assert_eq!(kit.consume("a", 1).await.take(1).await, ["news"]);
    assert_eq!(kit.consume("b", 1).await.take(1).await, ["news"]);
}

/// A queue whose bindings match twice gets one copy.
pub async fn a_queue_bound_twice_gets_one_copy(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let mut topology = work_queue("a");
    topology.exchanges.push(exchange("shop.events", ExchangeKind::Topic));
    topology.bindings.push(binding("a", "shop.events", "order.*"));
    topology.bindings.push(binding("a", "shop.events", "#"));
    kit.declare(topology).await;
    kit.publish("shop.events", "order.placed", true, message("once")).await.expect("published");
    kit.send("a", "mark").await;
    assert_eq!(kit.consume("a", 5).await.take(2).await, ["once", "mark"]);
}

/// A mandatory message that no queue takes is an error, and nothing else is disturbed.
pub async fn unroutable_is_an_error_when_mandatory(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    let lost = kit.publish("", "nowhere", true, message("lost")).await;
    let expected = PublishError::Unroutable { exchange: String::new(), routing_key: "nowhere".into() };
    assert_eq!(lost, Err(expected));
    kit.send("a", "next").await;
    assert_eq!(kit.consume("a", 1).await.take(1).await, ["next"]);
}

/// An event that nobody listens to is no error.
pub async fn unroutable_is_no_error_otherwise(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let exchanges = vec![exchange("shop.events", ExchangeKind::Topic)];
    kit.declare(Topology { exchanges, ..Topology::default() }).await;
    kit.publish("shop.events", "order.placed.v1", false, message("news")).await.expect("published");
}

/// An exchange that does not exist is refused by name, and the connection goes on.
pub async fn an_unknown_exchange_is_refused(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    let refused = kit.publish("nobodys.events", "order.placed.v1", false, message("news")).await;
    assert!(matches!(&refused, Err(PublishError::Refused(why)) if why.contains("nobodys.events")), "{refused:?}");
    kit.send("a", "next").await;
    assert_eq!(kit.consume("a", 1).await.take(1).await, ["next"]);
}

/// Bodies and headers over the limits are refused here; sent, they would tear down the connection.
pub async fn what_is_too_large_is_refused_before_it_is_sent(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    let body = Message { body: vec![b'x'; MAX_BODY + 1].into(), ..message("") };
    let refused = kit.publish("", "a", true, body).await;
    assert_eq!(refused, Err(PublishError::TooLarge { what: "body", size: MAX_BODY + 1, limit: MAX_BODY }));
    let mut headers = message("");
    headers.headers.insert("long", "x".repeat(140 * 1024));
    let refused = kit.publish("", "a", true, headers).await;
    assert!(matches!(refused, Err(PublishError::TooLarge { what: "headers", limit: MAX_HEADERS, .. })), "{refused:?}");
    let long = "x".repeat(MAX_SHORT + 1);
    let too_long = |what| Err(PublishError::TooLarge { what, size: MAX_SHORT + 1, limit: MAX_SHORT });
    let id = Message { id: long.clone(), ..message("") };
    assert_eq!(kit.publish("", "a", true, id).await, too_long("message id"));
    let correlated = Message { correlation_id: Some(long.clone()), ..message("") };
    assert_eq!(kit.publish("", "a", true, correlated).await, too_long("correlation id"));
    let mut named = message("");
    named.headers.insert(long.clone(), "x".to_owned());
    assert_eq!(kit.publish("", "a", true, named).await, too_long("header name"));
    assert_eq!(kit.publish("", &long, false, message("")).await, too_long("routing key"));
    assert_eq!(kit.publish(&long, "a", false, message("")).await, too_long("exchange name"));
    kit.send("a", "next").await;
    assert_eq!(kit.consume("a", 1).await.take(1).await, ["next"]);
}

/// A queue at its limit refuses more, and takes more again once it was read.
pub async fn a_full_queue_refuses(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    fixture.limit_length("a", 2).await;
    // A broker may let a few more pass than the limit says.
    let mut taken = 0;
    let refused = loop {
        match kit.publish("", "a", true, message("one more")).await {
            Ok(()) if taken < 50 => taken += 1,
            done => break done,
        }
    };
    assert_eq!(refused, Err(PublishError::Nacked));
    kit.consume("a", 10).await.take(taken).await;
    let again = async {
        while kit.publish("", "a", true, message("again")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within("room in the queue", again).await;
}

/// What exists and is the same is left alone, with what is in it.
pub async fn declaring_again_changes_nothing(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let mut topology = work_queue("a");
    topology.exchanges.push(exchange("shop.events", ExchangeKind::Topic));
    topology.bindings.push(binding("a", "shop.events", "#"));
    kit.declare(topology.clone()).await;
    kit.send("a", "kept").await;
    kit.declare(topology.clone()).await;
    Kit::new(fixture).await.declare(topology).await;
    kit.publish("shop.events", "any", true, message("one copy")).await.expect("published");
    kit.send("a", "mark").await;
    assert_eq!(kit.consume("a", 5).await.take(3).await, ["kept", "one copy", "mark"]);
}

/// What exists and is something else is named, and nothing else is disturbed.
pub async fn declaring_otherwise_is_a_mismatch(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    let queues = vec![Queue { name: "a".into(), role: QueueRole::Delay(Duration::from_secs(1)) }];
    let mismatch = within("an answer", kit.driver.declare(Topology { queues, ..Topology::default() })).await;
    let Err(DeclareError::Mismatch { what, field, .. }) = mismatch else { panic!("{mismatch:?}") };
    assert_eq!(what, "queue `a`");
    assert!(!field.is_empty());
    kit.send("a", "next").await;
    assert_eq!(kit.consume("a", 1).await.take(1).await, ["next"]);
}
