//! Cases of the consumer runtime over a real transport: what is not for a handler, actions by the kind of error, pauses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::Fixture;
use super::kit::{Kit, body, within};
use super::stage::{
    Calls, GRACE, PARKING, Placed, QUEUE, Reserved, SPEC, handler, header, noting, order_body, publish, retry, start,
    until,
};
use crate::context::Context;
use crate::messaging::consumer::{
    ConsumerHealth, FailureAction, Handler, PausePolicy, RetryPolicy, Shape, SubscriptionSpec,
};
use crate::messaging::driver::Outcome;
use crate::messaging::names::headers;
use crate::messaging::{Event, envelope};
use crate::{Error, ErrorKind};

/// A message of another type than the handler takes goes to a queue of its own, unharmed.
pub async fn another_type_is_set_aside(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let handle = start(&kit.driver, SPEC, RetryPolicy::standard(), handler(|_| panic!("never called"))).await;
    let other = envelope::encode(&Reserved { order: 1 }, "stock", &Context::default()).expect("encodes");
    kit.publish("", QUEUE, true, other.clone()).await.expect("published");
    let aside = kit.consume("stock.order-placed.unmatched", 1).await.next().await;
    assert_eq!((aside.message.id.as_str(), aside.message.body.as_ref()), (other.id.as_str(), other.body.as_ref()));
    assert_eq!((header(&aside, headers::REASON), header(&aside, headers::ATTEMPT)), ("unmatched", "0"));
    let expected = "the message is a `stock.reserved.v1`, its queue's handler takes `order.placed.v1`";
    assert_eq!(header(&aside, headers::ERROR), expected);
    handle.drain(GRACE).await;
    kit.nothing_more(PARKING, &mut kit.consume(PARKING, 1).await).await;
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Newer {
    order: u32,
}

impl Event for Newer {
    const NAME: &'static str = "order.placed";
    const VERSION: u32 = 2;
    const OWNER: &'static str = "orders";
    const KIND: &'static str = "order.placed.v2";
}

/// While a release is rolled out its instances share the queue with those of the one before. A version of the event that only the
/// newer ones take is left to them, in its order where that counts; without them it is set aside in the end.
pub async fn a_version_that_another_release_takes_is_left_to_it(fixture: &dyn Fixture) {
    for (name, queue, shape) in
        [("order_placed", QUEUE, Shape::Each), ("placed_in_turn", "stock.placed-in-turn", Shape::Ordered)]
    {
        let (kit, other) = (Kit::new(fixture).await, Kit::new(fixture).await);
        let prefetch = Some(10);
        let older = SubscriptionSpec { shape, prefetch, ..SubscriptionSpec::new(name, Placed::KIND, Placed::OWNER) };
        let newer = SubscriptionSpec {
            accepts: &[(Placed::KIND, Placed::OWNER)],
            shape,
            prefetch,
            ..SubscriptionSpec::new(name, Newer::KIND, Newer::OWNER)
        };
        let never = || handler(|_| panic!("it is of another version"));
        let before = start(&kit.driver, older, retry(1, &[1_000, 1_001, 1_002]), never()).await;
        let send = async |order| {
            let message = envelope::encode(&Newer { order }, "orders", &Context::default()).expect("encodes");
            kit.publish("", queue, true, message).await.expect("published");
        };
        for order in 1..=4 {
            send(order).await;
        }
        within("all to be delivered", async {
            while kit.driver.depth(queue).await.expect("a depth") > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        let (seen, mut calls) = Calls::new();
        let note = Handler::one(move |received, _| {
            let seen = seen.clone();
            Box::pin(async move {
                let _ = seen.send(received.decode::<Newer>()?.order);
                Ok(())
            })
        });
        let after = start(&other.driver, newer, RetryPolicy::none(), note).await;
        before.drain(GRACE).await;
        let mut orders = calls.take(4).await;
        if matches!(shape, Shape::Each) {
            orders.sort_unstable();
        }
        assert_eq!(orders, [1, 2, 3, 4], "{shape:?}");
        after.drain(GRACE).await;

        let alone = start(&kit.driver, older, retry(1, &[10]), never()).await;
        send(5).await;
        let aside = kit.consume(&format!("{queue}.unmatched"), 1).await.next().await;
        assert_eq!((body(&aside), header(&aside, headers::ATTEMPT)), (order_body(5), "0"), "no other was set aside");
        assert_eq!(header(&aside, headers::REASON), "unmatched");
        aside.settle.settle(Outcome::Ack).await.expect("acked");
        alone.drain(GRACE).await;
    }
}

/// What becomes of a message follows from the kind of its error: invalid is parked at once, and others as the policy says.
pub async fn each_kind_of_error_has_its_own_action(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = Calls::new();
    let fail = handler(move |delivery| {
        let _ = seen.send((delivery.order, delivery.attempt()));
        let kind = match delivery.order {
            1 => Some(ErrorKind::Invalid),
            2 => Some(ErrorKind::Protocol),
            3 => Some(ErrorKind::Decode),
            4 => Some(ErrorKind::Overloaded),
            _ => None,
        };
        Box::pin(async move {
            match kind {
                Some(kind) => Err(Error::new(kind, "as told")),
                None => Ok(()),
            }
        })
    });
    let policy = retry(2, &[20]).on(ErrorKind::Protocol, FailureAction::Discard);
    let policy = policy.on(ErrorKind::Decode, FailureAction::RetryNow);
    let handle = start(&kit.driver, SPEC, policy, fail).await;
    for order in 1..=5 {
        publish(&kit, order).await;
    }
    let tried: BTreeMap<u32, u32> = calls.take(8).await.into_iter().collect();
    assert_eq!(tried, [(1, 1), (2, 1), (3, 2), (4, 3), (5, 1)].into());
    let mut parking = kit.consume(PARKING, 5).await;
    let mut parked = BTreeMap::new();
    for _ in 0..3 {
        let incoming = parking.next().await;
        parked.insert(body(&incoming), header(&incoming, headers::ATTEMPT).to_owned());
        incoming.settle.settle(Outcome::Ack).await.expect("acked");
    }
    let expected = [(1, "1"), (3, "2"), (4, "3")].map(|(order, attempts)| (order_body(order), attempts.to_owned()));
    assert_eq!(parked, expected.into());
    handle.drain(GRACE).await;
    // What was discarded is gone.
    kit.nothing_more(QUEUE, &mut kit.consume(QUEUE, 1).await).await;
}

/// A handler that fails whatever it gets does not empty its queue into the dead letters; when it works again so does the
/// listener, without being told.
pub async fn a_failing_listener_pauses_and_goes_on_by_itself(fixture: &dyn Fixture) {
    const TOO_MANY: u32 = 3;
    let kit = Kit::new(fixture).await;
    let broken = Arc::new(AtomicBool::new(true));
    let (seen, mut calls) = Calls::new();
    let depends = {
        let broken = broken.clone();
        handler(move |delivery| {
            let failed = broken.load(Ordering::Relaxed);
            if !failed {
                let _ = seen.send((delivery.order, delivery.attempt()));
            }
            Box::pin(async move { if failed { Err(Error::msg("no database")) } else { Ok(()) } })
        })
    };
    let pause = PausePolicy::try_new(TOO_MANY, Duration::from_millis(50), Duration::from_millis(100)).expect("valid");
    let handle = start(&kit.driver, SPEC, RetryPolicy::none().with_pause(pause), depends).await;
    for order in 1..=9 {
        publish(&kit, order).await;
    }
    // Twice, so that a probe has failed in between.
    for _ in 0..2 {
        let paused = ConsumerHealth::Paused { cause: "no database".into(), by_operator: false };
        until(&handle, |health| *health == paused).await;
        until(&handle, |health| *health == ConsumerHealth::HalfOpen { cause: "no database".into() }).await;
    }
    broken.store(false, Ordering::Relaxed);
    until(&handle, |health| *health == ConsumerHealth::Consuming).await;
    let mut handled = calls.take(9 - TOO_MANY as usize).await;
    handled.sort_unstable();
    let expected: Vec<_> = (TOO_MANY + 1..=9).map(|order| (order, 1)).collect();
    assert_eq!(handled, expected, "none of their failures was an attempt");
    handle.drain(GRACE).await;
    let mut parking = kit.consume(PARKING, 9).await;
    assert_eq!(parking.take(TOO_MANY as usize).await, [1, 2, 3].map(order_body));
    kit.nothing_more(PARKING, &mut parking).await;
}

/// An operator's pause leaves messages in their queue until he resumes.
pub async fn an_operator_pauses_and_resumes(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (note, mut calls) = noting();
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), note).await;
    let control = handle.control();
    control.pause("maintenance");
    let paused = ConsumerHealth::Paused { cause: "maintenance".into(), by_operator: true };
    until(&handle, |health| *health == paused).await;
    publish(&kit, 1).await;
    let mut reader = kit.consume(control.queue(), 1).await;
    let waiting = reader.next().await;
    assert_eq!(body(&waiting), order_body(1));
    reader.cancel().await;
    waiting.settle.settle(Outcome::Return).await.expect("returned");
    drop(reader);
    assert_eq!(control.health(), paused);
    control.resume();
    assert_eq!(calls.next().await, 1);
    assert_eq!(control.health(), ConsumerHealth::Consuming);
    handle.drain(GRACE).await;
}
