//! Cases of looking into queues.

use super::Fixture;
use super::kit::{Kit, within};
use crate::messaging::driver::{BrowseError, Seen};

/// More than one page of any transport.
const MANY: usize = 300;

impl Kit {
    /// The bodies that a look finds, of which those that `remove` picks are removed.
    async fn look(&self, queue: &str, most: usize, remove: impl Fn(&str) -> bool) -> Vec<String> {
        let mut look = within("a look", self.driver.browse(queue, most)).await.expect("browses");
        let mut bodies = Vec::new();
        while let Some(Seen { place, message }) = within("what is next", look.next()).await.expect("looks") {
            let body = String::from_utf8_lossy(&message.body).into_owned();
            if remove(&body) {
                within("a removal", look.remove(place)).await.expect("removed");
            }
            bodies.push(body);
        }
        within("the end of a look", look.finish()).await.expect("finished");
        bodies
    }

    async fn depth(&self, queue: &str) -> u64 {
        within("a depth", self.driver.depth(queue)).await.expect("a depth")
    }

    async fn parked(&self, count: usize) -> Vec<String> {
        self.queue("a").await;
        let bodies: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        for body in &bodies {
            self.send("a.dlq", body).await;
        }
        bodies
    }
}

/// A look shows everything, as often as one looks, and changes neither number nor order.
pub async fn a_look_leaves_everything_in_place(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let bodies = kit.parked(MANY).await;
    for _ in 0..3 {
        assert_eq!(kit.look("a.dlq", usize::MAX, |_| false).await, bodies);
        assert_eq!(kit.depth("a.dlq").await, MANY as u64);
    }
    assert_eq!(kit.consume("a.dlq", 10).await.take(MANY).await, bodies);
}

/// A look goes no further than it was told to, and leaves what it has seen at the front.
pub async fn a_look_ends_where_it_was_told_to(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let bodies = kit.parked(5).await;
    assert_eq!(kit.look("a.dlq", 2, |_| false).await, bodies[..2]);
    assert_eq!(kit.look("a.dlq", 2, |_| false).await, bodies[..2]);
    assert_eq!(kit.look("a.dlq", usize::MAX, |_| false).await, bodies);
}

/// What a look removes is gone; the rest stays in its order.
pub async fn a_look_removes_what_it_is_told_to(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let bodies = kit.parked(MANY).await;
    let odd = |body: &str| body.parse::<u32>().is_ok_and(|number| number % 2 == 1);
    assert_eq!(kit.look("a.dlq", usize::MAX, odd).await, bodies);
    let rest: Vec<_> = bodies.into_iter().filter(|body| !odd(body)).collect();
    assert_eq!(kit.depth("a.dlq").await, rest.len() as u64);
    assert_eq!(kit.look("a.dlq", usize::MAX, |_| false).await, rest);
}

/// A thousand looks lose nothing, though brokers count each as a delivery.
pub async fn a_thousand_looks_lose_nothing(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let bodies = kit.parked(3).await;
    for _ in 0..1_100 {
        assert_eq!(kit.look("a.dlq", usize::MAX, |_| false).await, bodies);
    }
    assert_eq!(kit.consume("a.dlq", 3).await.take(3).await, bodies);
}

/// A look that is dropped in the middle gives back what it had.
pub async fn a_look_that_is_dropped_loses_nothing(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let mut bodies = kit.parked(5).await;
    let mut look = kit.driver.browse("a.dlq", usize::MAX).await.expect("browses");
    for _ in 0..3 {
        look.next().await.expect("looks").expect("there are five");
    }
    drop(look);
    let mut found = kit.consume("a.dlq", 5).await.take(5).await;
    found.sort();
    bodies.sort();
    assert_eq!(found, bodies);
}

/// A queue that does not exist is named.
pub async fn looking_at_what_does_not_exist_is_an_error(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    let none = BrowseError::NoQueue("nowhere.dlq".to_owned());
    assert_eq!(kit.driver.depth("nowhere.dlq").await, Err(none.clone()));
    assert_eq!(kit.driver.browse("nowhere.dlq", 1).await.err(), Some(none));
}
