//! The events of the payments stay what their receivers know: `golden/` has a sample and the schema of each.

use chassis::testing::golden;
use shop_money::{Currency, Money};
use shop_payments_contract::{PaymentAuthorised, PaymentDeclined};

fn order_id() -> String {
    "01926f3c-7d1e-7c40-8f43-6f1b2a9c5d10".into()
}

#[test]
fn events_stay_compatible() {
    golden::event(&PaymentAuthorised { order_id: order_id(), amount: Money::new(4_900, Currency::Eur) });
    golden::event(&PaymentDeclined { order_id: order_id(), reason: "insufficient_funds".into() });
}
