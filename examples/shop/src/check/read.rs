//! Reads the records of all services.

use std::collections::BTreeMap;
use std::path::Path;

use chassis::data::{Database, DatabaseSettings};
use chassis::{Error, Result};

use super::facts::{Charge, Facts, Line, Order, Payment, Reservation, Stock};
use crate::services;
use crate::up::Urls;

/// Where the records are.
#[derive(Debug, Clone)]
pub struct Source {
    urls: BTreeMap<&'static str, String>,
}

impl Source {
    /// Those of a shop in one process, by its state folder.
    ///
    /// # Errors
    /// When there is no shop in the folder.
    pub fn embedded(state: &Path) -> Result<Self> {
        let file = |service: &str| state.join(format!("{service}.db"));
        let urls = services::names().map(|service| (service, format!("sqlite:{}", file(service).display())));
        if let Some(service) = services::names().into_iter().find(|service| !file(service).exists()) {
            return Err(Error::msg(format!("there is no shop in {}: {service}.db is missing", state.display())));
        }
        Ok(Self { urls: urls.into() })
    }

    /// Those of a shop on PostgreSQL.
    ///
    /// # Errors
    /// When the URL of PostgreSQL is none.
    pub fn distributed(urls: &Urls) -> Result<Self> {
        let urls = services::names().into_iter().map(|service| Ok((service, urls.database_url(service)?)));
        Ok(Self { urls: urls.collect::<Result<_>>()? })
    }

    async fn open(&self, service: &'static str) -> Result<Database> {
        let url = self.urls.get(service).cloned().unwrap_or_default();
        let settings = DatabaseSettings { max_connections: 2, ..DatabaseSettings::at(url) };
        Database::connect(&settings, service).await
    }
}

/// Reads everything.
///
/// # Errors
/// When a database cannot be read.
pub async fn read(source: &Source) -> Result<Facts> {
    let mut facts = Facts::default();
    for service in services::names() {
        let db = source.open(service).await?;
        match service {
            "orders" => facts.orders = orders(&db).await?,
            "inventory" => (facts.stock, facts.reservations) = inventory(&db).await?,
            "payments" => facts.payments = payments(&db).await?,
            "psp" => facts.charges = charges(&db).await?,
            "storefront" => facts.seen = seen(&db).await?,
            _ => {}
        }
        facts.unpublished.insert(service, unpublished(&db).await?);
        db.close().await;
    }
    Ok(facts)
}

async fn orders(db: &Database) -> Result<Vec<Order>> {
    let rows: Vec<(String, String, String, i64, String)> =
        sqlx::query_as("SELECT id, state, reason, total, currency FROM orders ORDER BY id")
            .fetch_all(db.pool())
            .await?;
    let mut lines: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let sql = "SELECT order_id, sku, quantity, unit_price FROM order_lines ORDER BY order_id, sku";
    let line_rows: Vec<(String, String, i64, i64)> = sqlx::query_as(sql).fetch_all(db.pool()).await?;
    for (order, sku, quantity, unit_price) in line_rows {
        lines.entry(order).or_default().push(Line { sku, quantity, unit_price });
    }
    let mut history: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let sql = "SELECT order_id, state FROM order_history ORDER BY order_id, step";
    let passed: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(db.pool()).await?;
    for (order, state) in passed {
        history.entry(order).or_default().push(state);
    }
    let order = |(id, state, reason, total, currency): (String, _, _, _, _)| Order {
        lines: lines.remove(&id).unwrap_or_default(),
        history: history.remove(&id).unwrap_or_default(),
        id,
        state,
        reason,
        total: (total, currency),
    };
    Ok(rows.into_iter().map(order).collect())
}

async fn inventory(db: &Database) -> Result<(Vec<Stock>, BTreeMap<String, Reservation>)> {
    let sql = "SELECT sku, initial, available, reserved, sold FROM stock ORDER BY sku";
    let rows: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(sql).fetch_all(db.pool()).await?;
    let stock = |(sku, initial, available, reserved, sold)| Stock { sku, initial, available, reserved, sold };
    let states: Vec<(String, String)> =
        sqlx::query_as("SELECT order_id, state FROM reservations").fetch_all(db.pool()).await?;
    let mut reservations: BTreeMap<String, Reservation> =
        states.into_iter().map(|(order, state)| (order, Reservation { state, lines: Vec::new() })).collect();
    let sql = "SELECT order_id, sku, quantity FROM reservation_lines ORDER BY order_id, sku";
    let lines: Vec<(String, String, i64)> = sqlx::query_as(sql).fetch_all(db.pool()).await?;
    for (order, sku, quantity) in lines {
        if let Some(reservation) = reservations.get_mut(&order) {
            reservation.lines.push(Line { sku, quantity, unit_price: 0 });
        }
    }
    Ok((rows.into_iter().map(stock).collect(), reservations))
}

async fn payments(db: &Database) -> Result<BTreeMap<String, Payment>> {
    let rows: Vec<(String, String, i64, String)> =
        sqlx::query_as("SELECT order_id, state, amount, currency FROM payments").fetch_all(db.pool()).await?;
    let payment = |(order, state, amount, currency)| (order, Payment { state, amount: (amount, currency) });
    Ok(rows.into_iter().map(payment).collect())
}

async fn charges(db: &Database) -> Result<BTreeMap<String, Charge>> {
    let rows: Vec<(String, i64, i64, String)> =
        sqlx::query_as("SELECT key, approved, amount, currency FROM charges").fetch_all(db.pool()).await?;
    let charge =
        |(key, approved, amount, currency)| (key, Charge { approved: approved == 1, amount: (amount, currency) });
    Ok(rows.into_iter().map(charge).collect())
}

async fn seen(db: &Database) -> Result<BTreeMap<String, String>> {
    let sql = "SELECT o.order_id, COALESCE(s.state, 'placed')
               FROM orders_seen o LEFT JOIN order_states s ON s.order_id = o.order_id";
    Ok(sqlx::query_as(sql)
        .fetch_all(db.pool())
        .await?
        .into_iter()
        .collect::<Vec<(String, String)>>()
        .into_iter()
        .collect())
}

/// What waits in the outbox, and what could not be published at all. Two kinds of event are for services that the shop does
/// not have; the outbox keeps them for a while, in case one is only late.
async fn unpublished(db: &Database) -> Result<i64> {
    let sql = "SELECT (SELECT COUNT(*) FROM chassis_outbox WHERE routing_key NOT IN ('stock.committed.v1', 'stock.released.v1'))
                    + (SELECT COUNT(*) FROM chassis_outbox_parked)";
    let (count,): (i64,) = sqlx::query_as(sql).fetch_one(db.pool()).await?;
    Ok(count)
}
