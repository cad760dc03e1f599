//! A service as small as can be: each order that is placed becomes a row, and an event of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chassis::Result;
use chassis::data::{Database, DatabaseSettings};
use chassis::messaging::consumer::{
    self, ConsumerHandle, ConsumerHealth, Handler, Mode, RetryPolicy, Subscription, SubscriptionSpec,
};
use chassis::messaging::driver::Driver;
use chassis::messaging::{Event, Publisher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) const QUEUE: &str = "stock.order-placed";

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Placed {
    pub(crate) order: u32,
}

impl Event for Placed {
    const NAME: &'static str = "order.placed";
    const VERSION: u32 = 1;
    const OWNER: &'static str = "orders";
    const KIND: &'static str = "order.placed.v1";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Reserved {
    pub(crate) order: u32,
}

impl Event for Reserved {
    const NAME: &'static str = "stock.reserved";
    const VERSION: u32 = 1;
    const OWNER: &'static str = "stock";
    const KIND: &'static str = "stock.reserved.v1";

    fn key(&self) -> Option<String> {
        Some(self.order.to_string())
    }
}

pub(crate) const SPEC: SubscriptionSpec = SubscriptionSpec {
    concurrency: 4,
    mode: Mode::Transactional,
    ..SubscriptionSpec::new("order_placed", Placed::KIND, Placed::OWNER)
};

/// The service's database in `folder`.
pub(crate) async fn database(folder: &Path) -> Database {
    let url = format!("sqlite:{}", folder.join("stock.db").display());
    let db = Database::connect(&DatabaseSettings::at(url), "stock").await.unwrap();
    db.migrate_library().await.unwrap();
    sqlx::query("CREATE TABLE IF NOT EXISTS reserved(place INTEGER)").execute(db.pool()).await.unwrap();
    db
}

/// Orders for which there is a row, one for each row.
pub(crate) async fn reserved(db: &Database) -> Vec<i64> {
    sqlx::query_scalar("SELECT place FROM reserved ORDER BY place").fetch_all(db.pool()).await.unwrap()
}

/// Writes the row and publishes the event, both in the transaction.
pub(crate) fn reserve(publisher: Publisher) -> Handler {
    Handler::one(move |received, tx| {
        let publisher = publisher.clone();
        Box::pin(async move {
            let delivery = received.decode::<Placed>()?;
            let tx = tx.expect("it is transactional");
            sqlx::query("INSERT INTO reserved VALUES ($1)").bind(i64::from(delivery.order)).execute(&mut *tx).await?;
            publisher.publish(tx, Reserved { order: delivery.order }).await?;
            fail_first(delivery.order, delivery.attempt())
        })
    })
}

/// Order 13 has no luck at first.
fn fail_first(order: u32, attempt: u32) -> Result<()> {
    if order == 13 && attempt == 1 { Err(chassis::Error::msg("no luck")) } else { Ok(()) }
}

/// Starts the consumer and waits until it consumes.
pub(crate) async fn consume(driver: &Arc<dyn Driver>, db: &Database) -> ConsumerHandle {
    let handler = reserve(Publisher::new(driver.clone(), "stock"));
    let subscription = Subscription { service: "stock", spec: SPEC, handler, database: Some(db.clone()) };
    let handle = consumer::start(driver.clone(), subscription, RetryPolicy::standard()).unwrap();
    let mut health = handle.health();
    let consuming = health.wait_for(|health| *health == ConsumerHealth::Consuming);
    tokio::time::timeout(Duration::from_secs(20), consuming).await.unwrap().unwrap();
    handle
}
