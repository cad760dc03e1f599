//! What the records say.

use std::collections::BTreeMap;

/// What the records of all services and of the provider say.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The orders.
    pub orders: Vec<Order>,
    /// The reservations, by order.
    pub reservations: BTreeMap<String, Reservation>,
    /// The payments, by order.
    pub payments: BTreeMap<String, Payment>,
    /// The provider's records, by key.
    pub charges: BTreeMap<String, Charge>,
    /// The stock.
    pub stock: Vec<Stock>,
    /// The state of each order as the storefront has heard of it.
    pub seen: BTreeMap<String, String>,
    /// How many events each service has still to publish, or could not.
    pub unpublished: BTreeMap<&'static str, i64>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: String,
    /// Why it was cancelled, or nothing.
    pub reason: String,
    /// What it comes to, and in which currency.
    pub total: (i64, String),
    /// What was ordered.
    pub lines: Vec<Line>,
    /// The states it was in, in order.
    pub history: Vec<String>,
}

/// So many of one article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The article number.
    pub sku: String,
    /// How many.
    pub quantity: i64,
    /// What one costs; zero in a reservation.
    pub unit_price: i64,
}

/// What was put aside for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Where it stands.
    pub state: String,
    /// What was put aside.
    pub lines: Vec<Line>,
}

/// A payment as the shop has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Where it stands.
    pub state: String,
    /// How much, and in which currency.
    pub amount: (i64, String),
}

/// A charge as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Whether the card was charged.
    pub approved: bool,
    /// How much, and in which currency.
    pub amount: (i64, String),
}

/// An article on the shelves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The article number.
    pub sku: String,
    /// Units at the beginning.
    pub initial: i64,
    /// Units that can be ordered.
    pub available: i64,
    /// Units that are put aside.
    pub reserved: i64,
    /// Units that are sold.
    pub sold: i64,
}
