//! Cases of connections that are lost and closed.

use std::time::Duration;

use super::Fixture;
use super::kit::{Kit, body, within};
use crate::messaging::driver::{ConnectionState, Outcome, SettleError};

/// A delivery whose connection was lost can't be settled any more, says so, and comes again.
pub async fn a_lost_connection_makes_its_deliveries_stale(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    kit.send("a", "once more").await;
    let mut reader = kit.consume("a", 1).await;
    let stale = reader.next().await;
    fixture.cut().await;
    let again = reader.next().await;
    assert!(!stale.settle.is_live());
    assert_eq!(stale.settle.settle(Outcome::Ack).await, Err(SettleError));
    assert_eq!((body(&again).as_str(), again.redelivered), ("once more", true));
    again.settle.settle(Outcome::Ack).await.expect("the new delivery can be settled");
}

/// A consumer goes on by itself after its connection was lost, again and again.
pub async fn consumers_outlive_a_lost_connection(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    let mut reader = kit.consume("a", 5).await;
    for round in ["1", "2", "3"] {
        kit.send("a", round).await;
        assert_eq!(reader.take(1).await, [round]);
        fixture.cut().await;
    }
    kit.send("a", "last").await;
    assert_eq!(reader.take(1).await, ["last"]);
}

/// What is published while the connection is lost is sent when it is back, and the state says so.
pub async fn publishers_outlive_a_lost_connection(fixture: &dyn Fixture) {
    let kit = Kit::new(fixture).await;
    kit.queue("a").await;
    fixture.cut().await;
    kit.send("a", "after all").await;
    assert_eq!(kit.consume("a", 1).await.take(1).await, ["after all"]);
    let mut state = kit.driver.state();
    let connected = within("a connection", state.wait_for(|state| *state == ConnectionState::Connected)).await;
    assert!(connected.is_ok());
}

/// Closing returns what is unsettled to the queue, for others.
pub async fn closing_returns_what_is_unsettled(fixture: &dyn Fixture) {
    let (kit, other) = (Kit::new(fixture).await, Kit::new(fixture).await);
    kit.queue("a").await;
    kit.send("a", "unsettled").await;
    let held = kit.consume("a", 1).await.next().await;
    within("a close", kit.driver.close(Duration::from_secs(5))).await;
    assert_eq!(*kit.driver.state().borrow(), ConnectionState::Closed);
    let again = other.consume("a", 1).await.next().await;
    assert_eq!((body(&again).as_str(), again.redelivered), ("unsettled", true));
    assert_eq!(held.settle.settle(Outcome::Ack).await, Err(SettleError));
}
