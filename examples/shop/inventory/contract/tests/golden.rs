//! The events of the inventory stay what their receivers know: `golden/` has a sample and the schema of each.

use chassis::testing::golden;
use shop_inventory_contract::{Shortage, StockCommitted, StockRejected, StockReleased, StockReserved};

fn order_id() -> String {
    "01926f3c-7d1e-7c40-8f43-6f1b2a9c5d10".into()
}

#[test]
fn events_stay_compatible() {
    golden::event(&StockReserved { order_id: order_id() });
    let missing = vec![Shortage { sku: "walnut-organiser".into(), wanted: 3, available: 1 }];
    golden::event(&StockRejected { order_id: order_id(), missing });
    golden::event(&StockCommitted { order_id: order_id() });
    golden::event(&StockReleased { order_id: order_id() });
}
