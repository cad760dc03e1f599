//! A shop is opened on servers on which there was never one, its services one by one, in the worst order.

use harness::process::Process;

use crate::support::{APPROVED, DECLINED, Mode, Place, Shopper};

/// Those who sell come long before those who deliver and those who are paid. The storefront hears of each order too, so that
/// nobody else could tell that somebody is missing.
#[tokio::test]
async fn who_comes_late_has_missed_nothing() {
    let place = Place::new(Mode::Distributed).await;
    let open = async |name: &str| {
        let mut process: Process = place.service(name).start();
        process.wait_for_line("\"ready\"").await;
        process
    };
    let mut orders = open("orders").await;
    let _storefront = open("storefront").await;
    let _catalog = open("catalog").await;
    Shopper::with(&place, "LIG-01", 2).await.order(APPROVED).await;
    Shopper::with(&place, "AUD-01", 1).await.order(DECLINED).await;
    orders.wait_for_line("events `order.placed.v1` are kept until `inventory.order-placed` is read").await;

    let _inventory = open("inventory").await;
    orders.wait_for_line("events `order.payment_requested.v1` are kept until").await;
    let _payments = open("payments").await;
    let _psp = open("psp").await;
    let report = place.settle(2).await;
    let mut states: Vec<_> = report.facts.orders.iter().map(|order| order.state.as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["cancelled", "confirmed"]);
    place.clear().await;
}
