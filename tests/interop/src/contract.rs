//! The contract that the document's client calls.

use chassis::prelude::*;

/// A wish to put something aside.
#[model]
pub struct Reserve {
    /// The article number.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// Something that was put aside.
#[model]
pub struct Reservation {
    /// Its id.
    pub id: String,
}

/// Why nothing was put aside.
#[derive(Debug, ApiError)]
pub enum InventoryError {
    /// There is not enough.
    #[api(status = 409, message = "Not enough of it")]
    OutOfStock {
        /// The article number.
        sku: String,
        /// How many there are.
        available: u32,
    },
    /// Anything else.
    #[api(unexpected)]
    Unexpected(Error),
}

/// Puts things aside.
#[contract(name = "inventory", version = 2)]
pub trait Inventory {
    /// Puts something aside.
    #[post("/reservations", idempotent, status = 201)]
    async fn reserve(&self, reserve: Reserve) -> Result<Reservation, InventoryError>;
}
