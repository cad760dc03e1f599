//! Cases of ordered subscriptions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fixture;
use super::kit::{Kit, body};
use super::stage::{Calls, GRACE, header, publisher, retry, start, until};
use crate::Error;
use crate::messaging::Event;
use crate::messaging::consumer::{ConsumerHealth, Handler, RetryPolicy, Shape, SubscriptionSpec};
use crate::messaging::names::headers;

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
    let (told, mut calls) = Calls::new();
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
        calls.next().await;
    }
    handle.drain(GRACE).await;
    assert_eq!(seen.lock().unwrap_or_else(PoisonError::into_inner).overlaps, 0, "one of a key at a time");
}

/// Of two replicas of an ordered subscription one works; when it goes, the other goes on where it has ended.
pub async fn order_outlives_a_change_of_the_active_replica(fixture: &dyn Fixture) {
    let (kit, other) = (Kit::new(fixture).await, Kit::new(fixture).await);
    let (seen, mut calls) = Calls::new();
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
        handled.extend(calls.take(20).await);
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
