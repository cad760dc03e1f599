//! Cases of handlers that take many messages at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Fixture;
use super::kit::{Kit, body};
use super::stage::{Calls, GRACE, PARKING, Placed, QUEUE, SPEC, header, order_body, publish, retry, start};
use crate::context::Context;
use crate::messaging::consumer::{Handler, RetryPolicy, Shape, SubscriptionSpec};
use crate::messaging::driver::Outcome;
use crate::messaging::names::headers;
use crate::messaging::{Event, Message, Received, envelope};
use crate::{Error, Result};

fn batch_spec(size: u16, within: Duration) -> SubscriptionSpec {
    SubscriptionSpec { shape: Shape::Batch { size, within }, ..SPEC }
}

fn orders(batch: &[Received]) -> Result<Vec<u32>> {
    batch.iter().map(|received| Ok(received.decode::<Placed>()?.order)).collect()
}

/// A batch is handled when it is full, or when its first message has waited long enough.
pub async fn batches_are_made_by_size_and_by_time(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = Calls::new();
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
    assert_eq!(calls.next().await, [1, 2, 3], "a full batch");
    publish(&kit, 4).await;
    assert_eq!(calls.next().await, [4], "a batch that waited");
    handle.drain(GRACE).await;
    // All were acked.
    kit.nothing_more(QUEUE, &mut kit.consume(QUEUE, 1).await).await;
}

/// When a batch fails its messages are tried one by one, so that only the bad one is parked.
pub async fn a_bad_message_takes_no_neighbours_with_it(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let (seen, mut calls) = Calls::new();
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
    // The batch itself could not be decoded, so that the first call is of one.
    let expected = [(vec![1], false), (vec![13], true), (vec![13], true), (vec![2], false)];
    assert_eq!(calls.take(4).await, expected);
    let mut parking = kit.consume(PARKING, 3).await;
    let mut parked = BTreeMap::new();
    for _ in 0..2 {
        let incoming = parking.next().await;
        parked.insert(header(&incoming, headers::REASON).to_owned(), body(&incoming));
        incoming.settle.settle(Outcome::Ack).await.expect("acked");
    }
    assert_eq!(parked, [("failed".into(), order_body(13)), ("undecodable".into(), "{}".into())].into());
    handle.drain(GRACE).await;
    // Its neighbours were not.
    kit.nothing_more(PARKING, &mut parking).await;
}
