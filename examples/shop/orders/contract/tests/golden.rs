//! The events of the orders stay what their receivers know: `golden/` has a sample and the schema of each.

use chassis::testing::golden;
use shop_money::{Currency, Money};
use shop_orders_contract::{CancelReason, OrderCancelled, OrderConfirmed, OrderPlaced, PaymentRequested, PlacedLine};

fn order_id() -> String {
    "01926f3c-7d1e-7c40-8f43-6f1b2a9c5d10".into()
}

#[test]
fn events_stay_compatible() {
    let total = Money::new(4_900, Currency::Eur);
    golden::event(&OrderPlaced {
        order_id: order_id(),
        shopper: "s-42".into(),
        lines: vec![PlacedLine { sku: "walnut-organiser".into(), quantity: 1 }],
        total,
        placed_at: 1_790_000_000_000,
    });
    golden::event(&PaymentRequested { order_id: order_id(), amount: total, token: "tok_visa".into() });
    golden::event(&OrderConfirmed { order_id: order_id() });
    golden::event(&OrderCancelled { order_id: order_id(), reason: CancelReason::OutOfStock });
}
