//! Batches in one transaction.

use std::time::Duration;

use chassis::Error;
use chassis::messaging::consumer::{
    self, ConsumerHealth, Handler, Mode, RetryPolicy, Shape, Subscription, SubscriptionSpec,
};
use chassis::messaging::{Event, memory};
use tokio::sync::mpsc;

use crate::stock::{Placed, QUEUE, database, reserved};
use crate::transactions::{GRACE, placed, send};

const SPEC: SubscriptionSpec = SubscriptionSpec {
    mode: Mode::Transactional,
    shape: Shape::Batch { size: 5, within: Duration::from_secs(1) },
    ..SubscriptionSpec::new("order_placed", Placed::KIND, Placed::OWNER)
};

/// Writes a row for each order and fails after that if one of them is 13; tells the orders of each call.
fn reserve_all() -> (Handler, mpsc::UnboundedReceiver<Vec<u32>>) {
    let (seen, calls) = mpsc::unbounded_channel();
    let handler = Handler::batch(move |batch, tx| {
        let seen = seen.clone();
        Box::pin(async move {
            let tx = tx.expect("it is transactional");
            let mut orders = Vec::new();
            for received in batch {
                let order = received.decode::<Placed>()?.order;
                sqlx::query("INSERT INTO reserved VALUES ($1)").bind(i64::from(order)).execute(&mut *tx).await?;
                orders.push(order);
            }
            let unlucky = orders.contains(&13);
            let _ = seen.send(orders);
            if unlucky { Err(Error::msg("no luck")) } else { Ok(()) }
        })
    });
    (handler, calls)
}

#[tokio::test]
async fn a_batch_has_one_transaction_and_leaves_out_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let db = database(folder.path()).await;
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let (handler, mut calls) = reserve_all();
    let subscription = Subscription { service: "stock", spec: SPEC, handler, database: Some(db.clone()) };
    let handle = consumer::start(driver.clone(), subscription, RetryPolicy::none()).unwrap();
    handle.health().wait_for(|health| *health == ConsumerHealth::Consuming).await.unwrap();

    let (one, two) = (placed(1), placed(2));
    for message in [one.clone(), one.clone(), two.clone(), placed(3), placed(4)] {
        send(&driver, message).await;
    }
    assert_eq!(calls.recv().await.unwrap(), [1, 2, 3, 4], "what came twice is there once");
    broker.until(QUEUE, |depth| depth.ready + depth.unacked == 0).await;

    // Two that were handled before, two that are new, and one that fails.
    for message in [one, placed(5), placed(13), two, placed(6)] {
        send(&driver, message).await;
    }
    assert_eq!(calls.recv().await.unwrap(), [5, 13, 6]);
    let alone = [calls.recv().await.unwrap(), calls.recv().await.unwrap(), calls.recv().await.unwrap()];
    assert_eq!(alone, [[5], [13], [6]], "one by one, without those that were handled before");
    broker.until("stock.order-placed.dlq", |depth| depth.ready == 1).await;
    broker.until(QUEUE, |depth| depth.ready + depth.unacked == 0).await;
    assert_eq!(handle.drain(GRACE).await.abandoned, 0);
    assert_eq!(reserved(&db).await, [1, 2, 3, 4, 5, 6], "what the failed batch did was undone");
}
