//! Cases of the consumer runtime over a real transport: actions by the kind of error, pauses, order, batches.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use super::Fixture;
use super::handling::{
    PARKING, Placed, QUEUE, Reserved, SPEC, handler, header, publish, publisher, retry, start, until,
};
use super::kit::{Kit, body, within};
use crate::context::Context;
use crate::messaging::consumer::{
    ConsumerHealth, FailureAction, Handler, PausePolicy, RetryPolicy, Shape, SubscriptionSpec,
};
use crate::messaging::driver::Outcome;
use crate::messaging::names::headers;
use crate::messaging::{Event, Message, Received, envelope};
use crate::{Error, ErrorKind, Result};

const GRACE: Duration = Duration::from_secs(10);

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
    kit.send(PARKING, "mark").await;
    assert_eq!(body(&kit.consume(PARKING, 1).await.next().await), "mark", "nothing was parked");
}

/// What becomes of a message follows from the kind of its error: invalid is parked at once, and others as the policy says.
pub async fn each_kind_of_error_has_its_own_action(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
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
    let mut tried: BTreeMap<u32, u32> = BTreeMap::new();
    for _ in 0..8 {
        let (order, attempt) = within("a call", calls.recv()).await.expect("called");
        tried.insert(order, attempt);
    }
    assert_eq!(tried, [(1, 1), (2, 1), (3, 2), (4, 3), (5, 1)].into());
    let mut parking = kit.consume(PARKING, 5).await;
    let mut parked = BTreeMap::new();
    for _ in 0..3 {
        let incoming = parking.next().await;
        parked.insert(body(&incoming), header(&incoming, headers::ATTEMPT).to_owned());
        incoming.settle.settle(Outcome::Ack).await.expect("acked");
    }
    let order = |order: u32| format!(r#"{{"order":{order}}}"#);
    let expected = [(order(1), "1".to_owned()), (order(3), "2".to_owned()), (order(4), "3".to_owned())];
    assert_eq!(parked, expected.into());
    handle.drain(GRACE).await;
    kit.send(QUEUE, "mark").await;
    assert_eq!(body(&kit.consume(QUEUE, 1).await.next().await), "mark", "what was discarded is gone");
}

/// A handler that fails whatever it gets does not empty its queue into the dead letters; when it works again so does the
/// listener, without being told.
pub async fn a_failing_listener_pauses_and_goes_on_by_itself(fixture: &dyn Fixture) {
    const TOO_MANY: u32 = 3;
    let kit = Kit::new(fixture).await;
    let broken = Arc::new(AtomicBool::new(true));
    let (seen, mut calls) = mpsc::unbounded_channel();
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
    let mut handled = Vec::new();
    for _ in 0..9 - TOO_MANY {
        handled.push(within("a call", calls.recv()).await.expect("called"));
    }
    handled.sort_unstable();
    let expected: Vec<_> = (TOO_MANY + 1..=9).map(|order| (order, 1)).collect();
    assert_eq!(handled, expected, "none of their failures was an attempt");
    handle.drain(GRACE).await;
    let mut parking = kit.consume(PARKING, 9).await;
    assert_eq!(parking.take(TOO_MANY as usize).await, [1, 2, 3].map(|order| format!(r#"{{"order":{order}}}"#)));
    kit.send(PARKING, "mark").await;
    assert_eq!(body(&parking.next().await), "mark", "no more were parked");
}

/// An operator's pause leaves messages in their queue until he resumes.
pub async fn an_operator_pauses_and_resumes(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let note = handler(move |delivery| {
        let _ = seen.send(delivery.order);
        Box::pin(async { Ok(()) })
    });
    let handle = start(&kit.driver, SPEC, RetryPolicy::none(), note).await;
    let control = handle.control();
    control.pause("maintenance");
    let paused = ConsumerHealth::Paused { cause: "maintenance".into(), by_operator: true };
    until(&handle, |health| *health == paused).await;
    publish(&kit, 1).await;
    let mut reader = kit.consume(control.queue(), 1).await;
    let waiting = reader.next().await;
    assert_eq!(body(&waiting), r#"{"order":1}"#);
    reader.cancel().await;
    waiting.settle.settle(Outcome::Return).await.expect("returned");
    drop(reader);
    assert_eq!(control.health(), paused);
    control.resume();
    assert_eq!(within("a call", calls.recv()).await, Some(1));
    assert_eq!(control.health(), ConsumerHealth::Consuming);
    handle.drain(GRACE).await;
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Step {
    key: u32,
    number: u32,
}

impl Event for Step {
    const NAME: &'static str = "order.step";
    const VERSION: u32 = 1;
    const OWNER: &'static str = "orders";
    const KIND: &'static str = "order.step.v1";

    fn key(&self) -> Option<String> {
        Some(self.key.to_string())
    }
}

const STEPS: SubscriptionSpec = SubscriptionSpec::new("order_step", Step::KIND, Step::OWNER);

/// What an ordered handler saw.
#[derive(Default)]
struct Seen {
    running: HashMap<u32, u32>,
    overlaps: u32,
    done: BTreeMap<u32, Vec<u32>>,
}

/// An ordered subscription handles those of one key one after the other in the order of their publication, whatever fails
/// in between and though connections are lost; those of different keys run side by side. What never succeeds is parked.
pub async fn order_per_key_outlives_failures(fixture: &dyn Fixture) {
    const KEYS: u32 = 5;
    const EACH: u32 = 12;
    let kit = Kit::new(fixture).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (told, mut calls) = mpsc::unbounded_channel();
    let work = {
        let seen = seen.clone();
        Handler::one(move |received, _| {
            let (seen, told) = (seen.clone(), told.clone());
            Box::pin(async move {
                let step = received.decode::<Step>()?;
                let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
                let other = lock().running.insert(step.key, step.number);
                lock().overlaps += u32::from(other.is_some());
                tokio::task::yield_now().await;
                lock().running.remove(&step.key);
                // The fifth of the third key has no luck at all, and every fourth needs a second attempt.
                let bad = (step.key, step.number) == (3, 5);
                if bad || (step.number % 4 == 0 && received.attempt() == 1) {
                    return Err(Error::msg("no luck"));
                }
                lock().done.entry(step.key).or_default().push(step.number);
                let _ = told.send(());
                Ok(())
            })
        })
    };
    let spec = SubscriptionSpec { concurrency: 3, prefetch: Some(20), shape: Shape::Ordered, ..STEPS };
    let handle = start(&kit.driver, spec, retry(2, &[10]), work).await;
    let publisher = publisher(&kit);
    for number in 1..=EACH {
        for key in 1..=KEYS {
            publisher.publish_now(Step { key, number }).await.expect("published");
        }
        if number == EACH / 2 {
            fixture.cut().await;
        }
    }
    let mut parking = kit.consume("stock.order-step.dlq", 1).await;
    let parked = parking.next().await;
    assert_eq!(body(&parked), r#"{"key":3,"number":5}"#);
    assert_eq!(header(&parked, headers::ATTEMPT), "3");
    loop {
        let all = |key: u32| if key == 3 { EACH - 1 } else { EACH } as usize;
        let firsts: BTreeMap<u32, Vec<u32>> = {
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.done.iter().map(|(key, done)| (*key, firsts(done))).collect()
        };
        if (1..=KEYS).all(|key| firsts.get(&key).is_some_and(|done| done.len() == all(key))) {
            for (key, done) in firsts {
                assert!(done.is_sorted(), "key {key} out of order: {done:?}");
            }
            break;
        }
        within("a call", calls.recv()).await;
    }
    handle.drain(GRACE).await;
    assert_eq!(seen.lock().unwrap_or_else(PoisonError::into_inner).overlaps, 0, "one of a key at a time");
}

/// What an ordered consumer has not begun goes back behind what it had begun and did not finish.
pub async fn a_drained_ordered_consumer_returns_in_order(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let fails_late = {
        let go_on = go_on.clone();
        handler(move |delivery| {
            let _ = seen.send(delivery.order);
            let go_on = go_on.clone();
            Box::pin(async move {
                go_on.notified().await;
                Err(Error::msg("no luck"))
            })
        })
    };
    let spec = SubscriptionSpec { shape: Shape::Ordered, prefetch: Some(5), ..SPEC };
    let handle = start(&kit.driver, spec, RetryPolicy::standard(), fails_late).await;
    for order in 1..=5 {
        publish(&kit, order).await;
    }
    assert_eq!(within("a call", calls.recv()).await, Some(1));
    handle.cancel();
    until(&handle, |health| *health == ConsumerHealth::Draining).await;
    go_on.notify_one();
    handle.drain(GRACE).await;
    let back = kit.consume(QUEUE, 5).await.take(5).await;
    assert_eq!(back, [1, 2, 3, 4, 5].map(|order| format!(r#"{{"order":{order}}}"#)));
}

/// Of two replicas of an ordered subscription one works; when it goes, the other goes on where it has ended.
pub async fn order_outlives_a_change_of_the_active_replica(fixture: &dyn Fixture) {
    let (kit, other) = (Kit::new(fixture).await, Kit::new(fixture).await);
    let (seen, mut calls) = mpsc::unbounded_channel();
    let note = |replica: &'static str| {
        let seen = seen.clone();
        Handler::one(move |received, _| {
            let seen = seen.clone();
            Box::pin(async move {
                // Time enough for another to overtake it, were there another.
                tokio::task::yield_now().await;
                let _ = seen.send((replica, received.decode::<Step>()?.number));
                Ok(())
            })
        })
    };
    let spec = SubscriptionSpec { shape: Shape::Ordered, concurrency: 4, ..STEPS };
    let first = start(&kit.driver, spec, RetryPolicy::none(), note("first")).await;
    let second = start(&other.driver, spec, RetryPolicy::none(), note("second")).await;
    let publisher = publisher(&kit);
    let mut handled = Vec::new();
    for numbers in [1..=20, 21..=40] {
        for number in numbers {
            publisher.publish_now(Step { key: 7, number }).await.expect("published");
        }
        for _ in 0..20 {
            handled.push(within("a call", calls.recv()).await.expect("called"));
        }
        first.cancel();
        until(&first, |health| *health == ConsumerHealth::Stopped).await;
    }
    let expected = (1..=40).map(|number| (if number <= 20 { "first" } else { "second" }, number));
    assert!(handled.iter().copied().eq(expected), "{handled:?}");
    second.drain(GRACE).await;
}

/// What came for the first time; a lost connection may bring what was handled once more.
fn firsts(done: &[u32]) -> Vec<u32> {
    let mut firsts = Vec::new();
    for number in done {
        if !firsts.contains(number) {
            firsts.push(*number);
        }
    }
    firsts
}

fn batch_spec(size: u16, within: Duration) -> SubscriptionSpec {
    SubscriptionSpec { shape: Shape::Batch { size, within }, ..SPEC }
}

fn orders(batch: &[Received]) -> Result<Vec<u32>> {
    batch.iter().map(|received| Ok(received.decode::<Placed>()?.order)).collect()
}

/// A batch is handled when it is full, or when its first message has waited long enough.
pub async fn batches_are_made_by_size_and_by_time(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let note = Handler::batch(move |batch, _| {
        let seen = seen.clone();
        Box::pin(async move {
            let _ = seen.send(orders(batch)?);
            Ok(())
        })
    });
    let handle = start(&kit.driver, batch_spec(3, Duration::from_millis(500)), RetryPolicy::none(), note).await;
    for order in 1..=3 {
        publish(&kit, order).await;
    }
    assert_eq!(within("a full batch", calls.recv()).await, Some(vec![1, 2, 3]));
    publish(&kit, 4).await;
    assert_eq!(within("a batch that waited", calls.recv()).await, Some(vec![4]));
    handle.drain(GRACE).await;
    kit.send(QUEUE, "mark").await;
    assert_eq!(body(&kit.consume(QUEUE, 1).await.next().await), "mark", "all were acked");
}

/// When a batch fails its messages are tried one by one, so that only the bad one is parked.
pub async fn a_bad_message_takes_no_neighbours_with_it(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = mpsc::unbounded_channel();
    let picky = Handler::batch(move |batch, _| {
        let seen = seen.clone();
        Box::pin(async move {
            let orders = orders(batch)?;
            let failed = orders.contains(&13);
            let _ = seen.send((orders, failed));
            if failed { Err(Error::msg("unlucky")) } else { Ok(()) }
        })
    });
    let handle = start(&kit.driver, batch_spec(4, Duration::from_secs(20)), retry(2, &[]), picky).await;
    publish(&kit, 1).await;
    publish(&kit, 13).await;
    let undecodable = envelope::encode(&Placed { order: 1 }, "orders", &Context::default()).expect("encodes");
    let undecodable = Message { body: "{}".into(), ..undecodable };
    kit.publish("orders.events", Placed::KIND, true, undecodable).await.expect("published");
    publish(&kit, 2).await;
    let mut got = Vec::new();
    for _ in 0..4 {
        got.push(within("a call", calls.recv()).await.expect("called"));
    }
    // The batch itself could not be decoded, so that the first call is of one.
    assert_eq!(got, [(vec![1], false), (vec![13], true), (vec![13], true), (vec![2], false)]);
    let mut parking = kit.consume(PARKING, 3).await;
    let mut parked = BTreeMap::new();
    for _ in 0..2 {
        let incoming = parking.next().await;
        parked.insert(header(&incoming, headers::REASON).to_owned(), body(&incoming));
        incoming.settle.settle(Outcome::Ack).await.expect("acked");
    }
    assert_eq!(parked, [("failed".into(), r#"{"order":13}"#.into()), ("undecodable".into(), "{}".into())].into());
    handle.drain(GRACE).await;
    kit.send(PARKING, "mark").await;
    assert_eq!(body(&parking.next().await), "mark", "its neighbours were not parked");
}
