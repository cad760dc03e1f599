use chassis::prelude::*;
use shop_money::Money;

use crate::CancelReason;

/// An order was taken. The inventory puts everything aside for it.
#[event(name = "order.placed", version = 1, key = order_id, owner = "orders")]
#[derive(PartialEq, Eq)]
pub struct OrderPlaced {
    /// The order.
    pub order_id: String,
    /// Who placed it.
    pub shopper: String,
    /// What was ordered.
    pub lines: Vec<PlacedLine>,
    /// What it comes to.
    pub total: Money,
    /// When, in milliseconds since 1970.
    pub placed_at: i64,
}

/// One article of an order.
#[model]
#[derive(PartialEq, Eq)]
pub struct PlacedLine {
    /// The article number.
    pub sku: String,
    /// How many.
    pub quantity: i64,
}

/// Everything is put aside for an order, so it is to be paid.
#[event(name = "order.payment_requested", version = 1, key = order_id, owner = "orders")]
#[derive(PartialEq, Eq)]
pub struct PaymentRequested {
    /// The order.
    pub order_id: String,
    /// What is to be paid.
    pub amount: Money,
    /// What the provider gave the shopper instead of their card's number.
    pub token: String,
}

/// An order is paid.
#[event(name = "order.confirmed", version = 1, key = order_id, owner = "orders")]
#[derive(PartialEq, Eq)]
pub struct OrderConfirmed {
    /// The order.
    pub order_id: String,
}

/// An order will not be carried out. Whoever did something for it undoes it.
#[event(name = "order.cancelled", version = 1, key = order_id, owner = "orders")]
#[derive(PartialEq, Eq)]
pub struct OrderCancelled {
    /// The order.
    pub order_id: String,
    /// Why.
    pub reason: CancelReason,
}
