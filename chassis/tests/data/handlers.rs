//! What a handler whose time is over leaves behind in the server.

use std::time::Duration;

use chassis::Context;
use chassis::messaging::consumer::{self, Handler, Mode, RetryPolicy, Subscription, SubscriptionSpec};
use chassis::messaging::{Message, envelope, memory};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::support::Scratch;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Placed {
    order: u32,
}

impl chassis::messaging::Event for Placed {
    const NAME: &'static str = "order.placed";
    const VERSION: u32 = 1;
    const OWNER: &'static str = "orders";
    const KIND: &'static str = "order.placed.v1";
}

fn placed() -> Message {
    envelope::encode(&Placed { order: 1 }, "orders", &Context::default()).unwrap()
}

#[tokio::test]
async fn the_server_gives_up_with_the_handler() {
    let scratch = Scratch::postgres().await;
    let db = scratch.database().await;
    let broker = memory::Broker::new();
    let driver = broker.driver();
    let sleeps = Handler::one(|_, tx| {
        Box::pin(async move {
            let tx = tx.expect("it is transactional");
            sqlx::query("SELECT pg_sleep(600)").execute(tx).await?;
            Ok(())
        })
    });
    let spec = SubscriptionSpec {
        mode: Mode::Transactional,
        timeout: Some(Duration::from_millis(500)),
        ..SubscriptionSpec::new("order_placed", "order.placed.v1", "orders")
    };
    let subscription = Subscription { service: "stock", spec, handler: sleeps, database: Some(db.clone()) };
    let handle = consumer::start(driver.clone(), subscription, RetryPolicy::none()).unwrap();
    handle.health().wait_for(|health| *health == consumer::ConsumerHealth::Consuming).await.unwrap();
    let outgoing = chassis::messaging::driver::Outgoing {
        exchange: "orders.events".into(),
        routing_key: "order.placed.v1".into(),
        mandatory: true,
        message: placed(),
        deadline: tokio::time::Instant::now() + Duration::from_secs(20),
    };
    driver.publish(outgoing).await.unwrap();
    broker.until("stock.order-placed.dlq", |depth| depth.ready == 1).await;
    harness::eventually("the server gives up what a handler asked for that is gone", || async {
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                    AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
        let busy: i64 = sqlx::query_scalar(busy).fetch_one(db.pool()).await.unwrap();
        (busy == 0).then_some(())
    })
    .await;
    handle.drain(Duration::from_secs(10)).await;
}
