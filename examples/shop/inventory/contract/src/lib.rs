//! What other services may ask the inventory, and hear from it.

use chassis::prelude::*;

/// How much there is of one article.
#[model]
#[derive(PartialEq, Eq)]
pub struct Stock {
    /// The article number.
    pub sku: String,
    /// Units that can still be ordered.
    pub available: i64,
    /// Units that are put aside for orders under way.
    pub reserved: i64,
}

/// Everything in an order is put aside for it.
#[event(name = "stock.reserved", version = 1, key = order_id, owner = "inventory")]
#[derive(PartialEq, Eq)]
pub struct StockReserved {
    /// The order.
    pub order_id: String,
}

/// There is not enough for an order; nothing of it is put aside.
#[event(name = "stock.rejected", version = 1, key = order_id, owner = "inventory")]
#[derive(PartialEq, Eq)]
pub struct StockRejected {
    /// The order.
    pub order_id: String,
    /// What is missing.
    pub missing: Vec<Shortage>,
}

/// What was put aside for an order has left the house.
#[event(name = "stock.committed", version = 1, key = order_id, owner = "inventory")]
#[derive(PartialEq, Eq)]
pub struct StockCommitted {
    /// The order.
    pub order_id: String,
}

/// What was put aside for an order is back on the shelf.
#[event(name = "stock.released", version = 1, key = order_id, owner = "inventory")]
#[derive(PartialEq, Eq)]
pub struct StockReleased {
    /// The order.
    pub order_id: String,
}

/// An article of which there is not enough.
#[model]
#[derive(PartialEq, Eq)]
pub struct Shortage {
    /// The article number.
    pub sku: String,
    /// How many were wanted.
    pub wanted: i64,
    /// How many there were.
    pub available: i64,
}

/// Why the inventory could not answer.
#[derive(Debug, ApiError)]
pub enum InventoryError {
    /// There is no such product.
    #[api(status = 404, code = "unknown_product", message = "There is no article {sku} in this shop.")]
    UnknownProduct {
        /// The number that was asked for.
        sku: String,
    },
    /// Anything else.
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

/// What is on the shelves.
#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    /// How much there is of one article.
    #[get("/stock/{sku}")]
    async fn stock(&self, sku: String) -> Result<Stock, InventoryError>;
}
