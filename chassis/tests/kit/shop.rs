//! Two services that know each other by events.

use chassis::prelude::*;
use chassis::sqlx;

#[event(name = "order.placed", version = 1, key = order_id, owner = "orders")]
#[derive(PartialEq)]
pub struct OrderPlaced {
    pub order_id: String,
    pub units: u32,
}

#[event(name = "stock.reserved", version = 1, key = order_id, owner = "inventory")]
#[derive(PartialEq)]
pub struct StockReserved {
    pub order_id: String,
}

#[event(name = "stock.short", version = 1, key = order_id, owner = "inventory")]
#[derive(PartialEq)]
pub struct StockShort {
    pub order_id: String,
}

#[contract(name = "orders", version = 1)]
pub trait Orders {
    #[post("/orders/{id}")]
    async fn place(&self, id: String, units: u32) -> Result<()>;
}

pub struct OrdersService {
    database: Database,
    events: Publisher,
}

#[service(name = "orders", provides(Orders))]
impl OrdersService {
    #[init]
    pub async fn new(database: Database, events: Publisher) -> Result<Self> {
        Ok(Self { database, events })
    }

    #[subscribe]
    async fn stock_reserved(&self, _event: Delivery<StockReserved>, _tx: &mut Tx) -> Result<()> {
        Ok(())
    }
}

impl Orders for OrdersService {
    async fn place(&self, id: String, units: u32) -> Result<()> {
        let mut tx = self.database.begin().await?;
        self.events.publish(&mut tx, OrderPlaced { order_id: id, units }).await?;
        tx.commit().await
    }
}

#[settings(section = "inventory")]
#[serde(default)]
pub struct InventorySettings {
    /// What there is of everything.
    pub units: i64,
}

impl Default for InventorySettings {
    fn default() -> Self {
        Self { units: 10 }
    }
}

pub struct Inventory {
    units: i64,
    events: Publisher,
}

#[service(name = "inventory", migrations = "tests/kit-migrations")]
impl Inventory {
    #[init]
    pub async fn new(settings: InventorySettings, _database: Database, events: Publisher) -> Result<Self> {
        Ok(Self { units: settings.units, events })
    }

    #[subscribe]
    async fn order_placed(&self, event: Delivery<OrderPlaced>, tx: &mut Tx) -> Result<()> {
        if event.order_id == "broken" {
            return Err(Error::msg("it is broken"));
        }
        let taken: i64 = sqlx::query_scalar("SELECT coalesce(sum(units), 0) FROM reserved").fetch_one(&mut *tx).await?;
        let (order_id, units) = (event.order_id.clone(), i64::from(event.units));
        if taken + units > self.units {
            return self.events.publish(tx, StockShort { order_id }).await;
        }
        sqlx::query("INSERT INTO reserved VALUES ($1, $2)")
            .bind(order_id.clone())
            .bind(units)
            .execute(&mut *tx)
            .await?;
        self.events.publish(tx, StockReserved { order_id }).await
    }
}

/// Its handler names a retry policy of its own.
pub struct Hasty;

#[service(name = "hasty")]
impl Hasty {
    #[subscribe(at_least_once, retry = "quick")]
    async fn order_placed(&self, _event: Delivery<OrderPlaced>) -> Result<()> {
        Ok(())
    }
}

/// Its handler wants more connections than it may be given.
pub struct Greedy;

#[service(name = "greedy")]
impl Greedy {
    #[init]
    pub async fn new(_database: Database) -> Result<Self> {
        Ok(Self)
    }

    #[subscribe(concurrency = 4)]
    async fn order_placed(&self, _event: Delivery<OrderPlaced>, _tx: &mut Tx) -> Result<()> {
        Ok(())
    }
}
