//! Cases of taking queues out of use.

use super::Fixture;
use super::kit::{Kit, binding, exchange, message, within, work_queue};
use crate::messaging::driver::{BrowseError, DeleteError, ExchangeKind, PublishError, Topology};

impl Kit {
    async fn delete(&self, queue: &str) -> Result<(), DeleteError> {
        let mut rescued = Vec::new();
        let deleted = within("a deletion", self.driver.delete(queue, &mut rescued)).await;
        assert!(rescued.is_empty(), "nobody sends anything meanwhile: {rescued:?}");
        deleted
    }
}

fn unroutable(key: &str) -> PublishError {
    PublishError::Unroutable { exchange: "shop.events".to_owned(), routing_key: key.to_owned() }
}

/// Once unbound, a queue gets nothing more by that binding, and a lost connection does not bring it back. What it has it keeps.
pub async fn an_unbound_queue_gets_no_more(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let topology = Topology {
        exchanges: vec![exchange("shop.events", ExchangeKind::Topic)],
        bindings: vec![binding("a", "shop.events", "order.*"), binding("a", "shop.events", "page.viewed")],
        ..work_queue("a")
    };
    kit.declare(topology).await;
    kit.publish("shop.events", "order.placed", true, message("before")).await.expect("published");
    // The second was never bound.
    let orders = vec![binding("a", "shop.events", "order.*"), binding("a", "shop.events", "nothing")];
    for _ in 0..2 {
        within("an unbinding", kit.driver.unbind(orders.clone())).await.expect("unbound");
    }
    for round in 0..2 {
        let unheard = kit.publish("shop.events", "order.placed", true, message("after")).await;
        assert_eq!(unheard, Err(unroutable("order.placed")), "round {round}");
        kit.publish("shop.events", "page.viewed", true, message("still bound")).await.expect("published");
        fixture.cut().await;
    }
    assert_eq!(kit.consume("a", 10).await.take(3).await, ["before", "still bound", "still bound"]);
}

/// A queue is only deleted when it is empty and nobody reads it; then it is gone, and a lost connection does not bring it back.
pub async fn only_an_empty_queue_that_nobody_reads_is_deleted(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let topology = Topology {
        exchanges: vec![exchange("shop.events", ExchangeKind::Topic)],
        bindings: vec![binding("a", "shop.events", "order.placed")],
        ..work_queue("a")
    };
    kit.declare(topology).await;
    let mut reader = kit.consume("a", 1).await;
    assert_eq!(within("a number", kit.driver.consumers("a")).await, Ok(1));
    assert_eq!(kit.delete("a").await, Err(DeleteError::InUse { consumers: 1 }));
    reader.cancel().await;
    assert!(reader.rest().await.is_empty());
    assert_eq!(within("a number", kit.driver.consumers("a")).await, Ok(0));
    for body in ["one", "two"] {
        kit.publish("shop.events", "order.placed", true, message(body)).await.expect("published");
    }
    assert_eq!(kit.delete("a").await, Err(DeleteError::NotEmpty { messages: 2 }));
    let mut reader = kit.consume("a", 1).await;
    assert_eq!(reader.take(2).await, ["one", "two"]);
    reader.cancel().await;
    assert!(reader.rest().await.is_empty());
    // A broker may be told of the last acknowledgement a little later.
    while let Err(error) = kit.delete("a").await {
        assert!(matches!(error, DeleteError::NotEmpty { .. }), "{error}");
    }
    for round in 0..2 {
        assert_eq!(kit.delete("a").await, Ok(()), "round {round}");
        let none = BrowseError::NoQueue("a".to_owned());
        assert_eq!(kit.driver.depth("a").await, Err(none.clone()));
        assert_eq!(kit.driver.consumers("a").await, Err(none));
        let unheard = kit.publish("shop.events", "order.placed", true, message("after")).await;
        assert_eq!(unheard, Err(unroutable("order.placed")));
        fixture.cut().await;
    }
}
