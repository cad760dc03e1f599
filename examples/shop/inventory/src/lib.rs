//! The inventory: what is on the shelves, and what is put aside for orders under way.
//!
//! It hears of orders and answers by events. Each handler's effect, its answer and the note that the event was handled are one
//! transaction, so that an event that comes twice is handled once.

mod reservations;
mod seed;
mod stock;

use chassis::prelude::*;
use inventory_contract::{
    Inventory, InventoryError, Stock, StockCommitted, StockRejected, StockReleased, StockReserved,
};
use orders_contract::{OrderCancelled, OrderConfirmed, OrderPlaced};
use reservations::Reserved;

/// The service.
pub struct InventoryService {
    db: Database,
    events: Publisher,
}

#[service(name = "inventory", provides(Inventory), migrations = "migrations")]
impl InventoryService {
    /// Fills the shelves where they are empty.
    #[init]
    pub async fn new(db: Database, events: Publisher) -> Result<Self> {
        seed::fill(&db).await?;
        Ok(Self { db, events })
    }

    /// Puts everything in an order aside, or says what is missing.
    #[subscribe]
    async fn order_placed(&self, order: Delivery<OrderPlaced>, tx: &mut Tx) -> Result<()> {
        let order_id = order.order_id.clone();
        match reservations::reserve(tx, &order_id, &order.lines).await? {
            Reserved::Held => self.events.publish(tx, StockReserved { order_id }).await,
            Reserved::Missing(missing) => self.events.publish(tx, StockRejected { order_id, missing }).await,
            Reserved::TooLate => {
                tracing::warn!(%order_id, "the order had ended before its goods were to be put aside");
                Ok(())
            }
        }
    }

    /// Lets go what was put aside: it is sold.
    #[subscribe]
    async fn order_confirmed(&self, order: Delivery<OrderConfirmed>, tx: &mut Tx) -> Result<()> {
        let order_id = order.order_id.clone();
        reservations::commit(tx, &order_id).await?;
        self.events.publish(tx, StockCommitted { order_id }).await
    }

    /// Puts back on the shelf what was put aside, if anything was.
    #[subscribe]
    async fn order_cancelled(&self, order: Delivery<OrderCancelled>, tx: &mut Tx) -> Result<()> {
        let order_id = order.order_id.clone();
        if reservations::release(tx, &order_id).await? {
            self.events.publish(tx, StockReleased { order_id }).await?;
        }
        Ok(())
    }
}

impl Inventory for InventoryService {
    async fn stock(&self, sku: String) -> Result<Stock, InventoryError> {
        stock::find(&self.db, &sku).await?.ok_or(InventoryError::UnknownProduct { sku })
    }
}
