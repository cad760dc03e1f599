use serde::{Deserialize, Serialize};

use super::*;
use crate::messaging::driver::{Queue, QueueRole};
use crate::messaging::memory::Broker;

#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
struct Placed {
    order: u32,
}

impl Event for Placed {
    const NAME: &'static str = "order.placed";
    const VERSION: u32 = 1;
    const OWNER: &'static str = "orders";
    const KIND: &'static str = "order.placed.v1";

    fn key(&self) -> Option<String> {
        None
    }
}

fn publisher(broker: &Broker) -> Publisher {
    Publisher::new(broker.driver(), "orders")
}

#[tokio::test(start_paused = true)]
async fn the_first_event_waits_for_a_connection_to_declare_its_exchange() {
    let broker = Broker::new();
    broker.faults().disconnect();
    let waiting = tokio::spawn({
        let publisher = publisher(&broker);
        async move { publisher.publish_now(Placed { order: 7 }).await }
    });
    sleep(PATIENCE - Duration::from_secs(1)).await;
    broker.faults().reconnect();
    waiting.await.expect("no panic").expect("published");
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_until_the_deadline_it_says_so() {
    let broker = Broker::new();
    broker.faults().disconnect();
    let begun = Instant::now();
    let error = publisher(&broker).publish_now(Placed { order: 7 }).await.expect_err("not published");
    assert_eq!((begun.elapsed(), error.kind()), (PATIENCE, ErrorKind::Unavailable));
    assert!(matches!(error.downcast_ref(), Some(PublishError::NotConnected(_))), "{error:#}");
}

#[tokio::test]
async fn an_exchange_of_another_kind_refuses() {
    let broker = Broker::new();
    let exchanges = vec![Exchange { name: "orders.events".to_owned(), kind: ExchangeKind::Direct }];
    let queues = vec![Queue { name: "a".to_owned(), role: QueueRole::Work }];
    let topology = Topology { exchanges, queues, ..Topology::default() };
    broker.driver().declare(topology).await.expect("declared");
    let error = publisher(&broker).publish_now(Placed { order: 7 }).await.expect_err("not published");
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    let Some(PublishError::Refused(why)) = error.downcast_ref() else { panic!("{error:#}") };
    assert!(why.contains("exchange `orders.events` exists already with another `type`"), "{why}");
}
