//! Cases of a consumer's end.

use std::time::Duration;

use tokio::time::sleep;

use super::Fixture;
use super::kit::{Kit, body, within};
use super::stage::{GRACE, QUEUE, SPEC, header, held, order_body, publish, start, until};
use crate::messaging::consumer::{ConsumerHealth, Drained, RetryPolicy, Shape, SubscriptionSpec};
use crate::messaging::driver::Outcome;
use crate::messaging::names::headers;

/// As many as brokers no longer keep in order by themselves: RabbitMQ does not from about 70 on.
const MANY: u16 = 200;

/// Draining finishes what has begun and returns the rest, and a return is no attempt.
pub async fn a_drained_consumer_returns_what_has_not_begun(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (slow, mut calls, go_on) = held(false);
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), slow).await;
    for order in 1..=3 {
        publish(&kit, order).await;
    }
    assert_eq!(calls.next().await, 1);
    handle.cancel();
    until(&handle, |health| *health == ConsumerHealth::Draining).await;
    go_on.notify_one();
    assert_eq!(handle.drain(GRACE).await, Drained { abandoned: 0 });
    let mut reader = kit.consume(QUEUE, 5).await;
    for order in [2, 3] {
        let returned = reader.next().await;
        assert_eq!(body(&returned), order_body(order));
        assert_eq!(header(&returned, headers::ATTEMPT), "");
        returned.settle.settle(Outcome::Ack).await.expect("acked");
    }
    // The first was acked.
    kit.nothing_more(QUEUE, &mut reader).await;
}

/// A handler that does not end within the grace is dropped, and its delivery returned.
pub async fn an_abandoned_delivery_is_returned(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (hangs, mut calls, _never) = held(false);
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), hangs).await;
    publish(&kit, 1).await;
    assert_eq!(calls.next().await, 1);
    assert_eq!(handle.drain(Duration::from_millis(20)).await, Drained { abandoned: 1 });
    let returned = kit.consume(QUEUE, 1).await.next().await;
    assert_eq!((body(&returned), returned.redelivered), (order_body(1), true));
    assert_eq!(header(&returned, headers::ATTEMPT), "");
}

/// What an ordered consumer has not begun goes back behind what it had begun and did not finish.
pub async fn a_drained_ordered_consumer_returns_in_order(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (fails_late, mut calls, go_on) = held(true);
    let spec = SubscriptionSpec { shape: Shape::Ordered, concurrency: 1, prefetch: Some(MANY), ..SPEC };
    let handle = start(&kit.driver, spec, RetryPolicy::standard(), fails_late).await;
    for order in 1..=u32::from(MANY) {
        publish(&kit, order).await;
    }
    assert_eq!(calls.next().await, 1);
    within("all to be delivered", async {
        while kit.driver.depth(QUEUE).await.expect("a depth") > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    handle.cancel();
    until(&handle, |health| *health == ConsumerHealth::Draining).await;
    go_on.notify_one();
    handle.drain(GRACE).await;
    let back = kit.consume(QUEUE, MANY).await.take(MANY.into()).await;
    assert!(back.iter().eq((1..=u32::from(MANY)).map(order_body).collect::<Vec<_>>().iter()), "{back:?}");
}
