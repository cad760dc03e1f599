//! Orders that nobody disturbs.

use crate::support::{APPROVED, DECLINED, LOST, Mode, Place, Shopper, order_id};

#[tokio::test]
async fn embedded() {
    every_kind_of_order(Mode::Embedded).await;
}

#[tokio::test]
async fn distributed() {
    every_kind_of_order(Mode::Distributed).await;
}

async fn every_kind_of_order(mode: Mode) {
    let place = Place::new(mode).await;
    let running = place.start(place.shop()).await;

    let approved = Shopper::with(&place, "LIG-01", 2).await.order(APPROVED).await;
    let declined = Shopper::with(&place, "LIG-01", 1).await.order(DECLINED).await;
    // There are three, for three who want two each.
    let (one, two, three) = tokio::join!(scarce(&place), scarce(&place), scarce(&place));
    let unheard = Shopper::with(&place, "KIT-01", 1).await.order(LOST).await;
    let twice = double_click(&place).await;

    let report = place.settle(7).await;
    let outcome = |id: &str| {
        let order = report.facts.orders.iter().find(|order| order.id == id).expect("the order is on record");
        (order.state.as_str(), order.reason.as_str())
    };
    for id in [&approved, &unheard, &twice] {
        assert_eq!(outcome(id), ("confirmed", ""));
    }
    assert_eq!(outcome(&declined), ("cancelled", "payment_declined"));
    let mut scarce = [outcome(&one), outcome(&two), outcome(&three)];
    scarce.sort_unstable();
    assert_eq!(scarce, [("cancelled", "out_of_stock"), ("cancelled", "out_of_stock"), ("confirmed", "")]);

    running.end().await;
    place.clear().await;
}

async fn scarce(place: &Place) -> String {
    Shopper::with(place, "KIT-12", 2).await.order(APPROVED).await
}

/// The same form twice at the same time, and once more when it is long done: one order. And nobody else may see it.
async fn double_click(place: &Place) -> String {
    let shopper = Shopper::with(place, "AUD-01", 1).await;
    let form = shopper.form().await;
    let (first, second) = tokio::join!(shopper.send(&form, APPROVED).send(), shopper.send(&form, APPROVED).send());
    let id = order_id(&first);
    assert_eq!(id, order_id(&second));
    assert_eq!(id, order_id(&shopper.send(&form, APPROVED).send().await));
    shopper.page(&id).await.expect(200);
    Shopper::with(place, "AUD-02", 1).await.page(&id).await.expect(404);
    id
}
