//! Orders that are placed, and handlers that hear of them.

use std::sync::Arc;

use chassis::Context;
use chassis::data::Database;
use chassis::messaging::amqp::Amqp;
use chassis::messaging::consumer::{
    self, ConsumerHandle, ConsumerHealth, Handler, RetryPolicy, Subscription, SubscriptionSpec,
};
use chassis::messaging::driver::{Driver, Outgoing};
use chassis::messaging::{Event, Message, envelope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::kit::{outgoing, within};

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

pub(crate) fn placed(order: u32) -> Message {
    envelope::encode(&Placed { order }, "orders", &Context::default()).unwrap()
}

/// Publishes it as the service `orders` would.
pub(crate) async fn publish(driver: &Amqp, message: Message) {
    driver.publish(Outgoing { message, ..outgoing("orders.events", Placed::KIND, "") }).await.unwrap();
}

/// The subscription of a function of the service `stock`.
pub(crate) const fn subscription(function: &'static str) -> SubscriptionSpec {
    SubscriptionSpec::new(function, Placed::KIND, Placed::OWNER)
}

/// Notes the order of each call.
pub(crate) fn noting(calls: mpsc::UnboundedSender<u32>) -> Handler {
    Handler::one(move |received, _| {
        let order = received.decode::<Placed>().map(|placed| placed.order);
        let calls = calls.clone();
        Box::pin(async move {
            let _ = calls.send(order?);
            Ok(())
        })
    })
}

/// Starts a handler of the service `stock`.
pub(crate) fn begin(
    driver: &Arc<Amqp>,
    spec: SubscriptionSpec,
    database: Option<Database>,
    handler: Handler,
) -> ConsumerHandle {
    let subscription = Subscription { service: "stock", spec, handler, database };
    consumer::start(driver.clone(), subscription, RetryPolicy::none()).unwrap()
}

pub(crate) async fn until_consuming(handle: &ConsumerHandle) {
    let mut health = handle.health();
    within("consuming", health.wait_for(|health| *health == ConsumerHealth::Consuming)).await.unwrap();
}

/// The same, and waits until it consumes.
pub(crate) async fn start(
    driver: &Arc<Amqp>,
    spec: SubscriptionSpec,
    database: Option<Database>,
    handler: Handler,
) -> ConsumerHandle {
    let handle = begin(driver, spec, database, handler);
    until_consuming(&handle).await;
    handle
}
