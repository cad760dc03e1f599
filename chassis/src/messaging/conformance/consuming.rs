//! Cases of order, competition and prefetch.

use std::collections::BTreeSet;

use super::Fixture;
use super::kit::{Kit, body, within};
use crate::messaging::driver::{Consume, DeclareError, Outcome, Queue, QueueRole, Topology};

/// A queue with one reader keeps the order of one publisher.
pub async fn order_is_kept(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    let sent: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    for number in &sent {
        kit.send("a", number).await;
    }
    assert_eq!(kit.consume("a", 7).await.take(100).await, sent);
}

/// Consumers of one queue share its messages; none is delivered to both.
pub async fn consumers_of_a_queue_compete(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    let (mut one, mut other) = (kit.consume("a", 1).await, kit.consume("a", 1).await);
    for number in 0..10 {
        kit.send("a", &number.to_string()).await;
    }
    let mut got = BTreeSet::new();
    for _ in 0..5 {
        let (first, second) = (one.next().await, other.next().await);
        assert!(got.insert(body(&first)) && got.insert(body(&second)));
        first.settle.settle(Outcome::Ack).await.expect("acked");
        second.settle.settle(Outcome::Ack).await.expect("acked");
    }
    assert_eq!(got.len(), 10);
}

/// A consumer holds no more unsettled deliveries than its prefetch; settling one makes room for the next.
pub async fn prefetch_bounds_what_is_out(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    for number in ["1", "2", "3", "4"] {
        kit.send("a", number).await;
    }
    let mut one = kit.consume("a", 2).await;
    let (first, second) = (one.next().await, one.next().await);
    // Were more of them out, this one would get the last at best.
    let mut other = kit.consume("a", 1).await;
    let third = other.next().await;
    assert_eq!([body(&first), body(&second), body(&third)], ["1", "2", "3"]);
    first.settle.settle(Outcome::Ack).await.expect("acked");
    assert_eq!(body(&one.next().await), "4");
}

/// Of several consumers one reads alone; when it leaves, the next takes over.
pub async fn a_single_active_consumer_reads_alone(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let queue = |name: &str, role| Queue { name: name.into(), role };
    let queues = vec![queue("a", QueueRole::WorkSingleActive), queue("a.dlq", QueueRole::Parking)];
    kit.declare(Topology { queues, ..Topology::default() }).await;
    let mut active = kit.consume("a", 1).await;
    let mut waiting = kit.consume("a", 1).await;
    for number in ["1", "2", "3"] {
        kit.send("a", number).await;
    }
    assert_eq!(active.take(2).await, ["1", "2"]);
    let third = active.next().await;
    active.cancel().await;
    third.settle.settle(Outcome::Return).await.expect("returned");
    assert_eq!(waiting.take(1).await, ["3"]);
}

/// After a cancel no more is asked for; what has arrived is given, can be settled, and then the stream ends.
pub async fn a_cancelled_consumer_gives_what_it_has_and_ends(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    for number in ["1", "2", "3"] {
        kit.send("a", number).await;
    }
    let mut reader = kit.consume("a", 2).await;
    let first = reader.next().await;
    reader.cancel().await;
    first.settle.settle(Outcome::Ack).await.expect("a cancelled consumer can still settle");
    let rest = reader.rest().await;
    assert!(rest.len() <= 1, "no more than the prefetch");
    for incoming in rest {
        incoming.settle.settle(Outcome::Return).await.expect("returned");
    }
    assert_eq!(kit.consume("a", 2).await.take(2).await, ["2", "3"]);
}

/// A queue that does not exist is refused by name.
pub async fn consuming_what_does_not_exist_is_refused(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let spec = Consume { queue: "nowhere".into(), prefetch: 1, spare: 0, ordered: false, tag: "reader".into() };
    let Err(refused) = within("an answer", kit.driver.consume(spec)).await else { panic!("there is no such queue") };
    assert!(matches!(&refused, DeclareError::Refused(why) if why.contains("nowhere")), "{refused:?}");
}
