//! The orders' tables.

use chassis::data::{Database, Tx};
use chassis::{Error, ErrorKind, Result};
use orders_contract::{CancelReason, Checkout, Customer, Order, OrderLine, OrderState, Passed};
use shop_money::{Currency, Money};
use sqlx::Row;
use uuid::Uuid;

use crate::checkout::Accepted;
use crate::transition::Next;

/// What is known under a checkout's key.
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) fingerprint: String,
}

/// As much of an order as it takes to go on.
pub(crate) struct Current {
    pub(crate) state: OrderState,
    pub(crate) total: Money,
    pub(crate) payment_token: String,
}

/// What stands under a checkout's key.
pub(crate) async fn by_key(db: &Database, key: &str) -> Result<Option<Known>> {
    let found: Option<(String, String)> = sqlx::query_as("SELECT id, fingerprint FROM orders WHERE checkout_key = $1")
        .bind(key)
        .fetch_optional(db.pool())
        .await?;
    Ok(found.map(|(id, fingerprint)| Known { id, fingerprint }))
}

/// Stores a new order; `None` when its key stands for another one already.
pub(crate) async fn insert(
    tx: &mut Tx,
    key: &str,
    fingerprint: &str,
    checkout: &Checkout,
    accepted: &Accepted,
) -> Result<Option<Order>> {
    let (id, placed_at) = (Uuid::now_v7().to_string(), now());
    let (customer, total) = (&checkout.customer, accepted.total);
    let inserted = sqlx::query(
        "INSERT INTO orders (id, checkout_key, fingerprint, shopper, state, reason, name, email, street, postcode, city,
             payment_token, total, currency, placed_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
         ON CONFLICT (checkout_key) DO NOTHING",
    )
    .bind(&id)
    .bind(key)
    .bind(fingerprint)
    .bind(&checkout.shopper)
    .bind(OrderState::Placed.as_str())
    .bind(&customer.name)
    .bind(&customer.email)
    .bind(&customer.street)
    .bind(&customer.postcode)
    .bind(&customer.city)
    .bind(&checkout.payment_token)
    .bind(total.amount)
    .bind(total.currency.code())
    .bind(placed_at)
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    for line in &accepted.lines {
        sqlx::query("INSERT INTO order_lines (order_id, sku, name, quantity, unit_price) VALUES ($1, $2, $3, $4, $5)")
            .bind(&id)
            .bind(&line.sku)
            .bind(&line.name)
            .bind(line.quantity)
            .bind(line.unit_price.amount)
            .execute(&mut *tx)
            .await?;
    }
    pass(tx, &id, OrderState::Placed, placed_at).await?;
    Ok(Some(Order {
        id,
        shopper: checkout.shopper.clone(),
        state: OrderState::Placed,
        reason: None,
        customer: customer.clone(),
        lines: accepted.lines.clone(),
        total,
        placed_at,
        history: vec![Passed { state: OrderState::Placed, at: placed_at }],
    }))
}

/// Where an order stands.
pub(crate) async fn current(tx: &mut Tx, id: &str) -> Result<Current> {
    let row: (String, i64, String, String) =
        sqlx::query_as("SELECT state, total, currency, payment_token FROM orders WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *tx)
            .await?;
    let (state, total, currency, payment_token) = row;
    Ok(Current { state: parse_state(&state)?, total: Money::new(total, currency.parse()?), payment_token })
}

/// Takes an order from `from` to its next state.
pub(crate) async fn move_on(tx: &mut Tx, id: &str, from: OrderState, next: Next) -> Result<()> {
    let reason = if let Next::Cancel(reason) = next { reason.as_str() } else { "" };
    let at = now();
    let moved = sqlx::query("UPDATE orders SET state = $3, reason = $4, updated_at = $5 WHERE id = $1 AND state = $2")
        .bind(id)
        .bind(from.as_str())
        .bind(next.state().as_str())
        .bind(reason)
        .bind(at)
        .execute(&mut *tx)
        .await?;
    if moved.rows_affected() == 0 {
        return Err(Error::new(ErrorKind::Unavailable, format!("order {id} has just been moved on by another")));
    }
    pass(tx, id, next.state(), at).await
}

async fn pass(tx: &mut Tx, id: &str, state: OrderState, at: i64) -> Result<()> {
    sqlx::query("INSERT INTO order_history (order_id, step, state, at) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(state.step())
        .bind(state.as_str())
        .bind(at)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// An order with all that belongs to it.
pub(crate) async fn order(db: &Database, id: &str) -> Result<Option<Order>> {
    let row = sqlx::query("SELECT * FROM orders WHERE id = $1").bind(id).fetch_optional(db.pool()).await?;
    let Some(row) = row else { return Ok(None) };
    let currency: Currency = row.try_get::<String, _>("currency")?.parse()?;
    Ok(Some(Order {
        id: id.to_owned(),
        shopper: row.try_get("shopper")?,
        state: parse_state(row.try_get("state")?)?,
        reason: parse_reason(row.try_get("reason")?)?,
        customer: Customer {
            name: row.try_get("name")?,
            email: row.try_get("email")?,
            street: row.try_get("street")?,
            postcode: row.try_get("postcode")?,
            city: row.try_get("city")?,
        },
        lines: lines(db, id, currency).await?,
        total: Money::new(row.try_get("total")?, currency),
        placed_at: row.try_get("placed_at")?,
        history: history(db, id).await?,
    }))
}

async fn lines(db: &Database, id: &str, currency: Currency) -> Result<Vec<OrderLine>> {
    let rows: Vec<(String, String, i64, i64)> =
        sqlx::query_as("SELECT sku, name, quantity, unit_price FROM order_lines WHERE order_id = $1 ORDER BY sku")
            .bind(id)
            .fetch_all(db.pool())
            .await?;
    let line =
        |(sku, name, quantity, price)| OrderLine { sku, name, quantity, unit_price: Money::new(price, currency) };
    Ok(rows.into_iter().map(line).collect())
}

async fn history(db: &Database, id: &str) -> Result<Vec<Passed>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, at FROM order_history WHERE order_id = $1 ORDER BY step")
            .bind(id)
            .fetch_all(db.pool())
            .await?;
    rows.into_iter().map(|(state, at)| Ok(Passed { state: parse_state(&state)?, at })).collect()
}

fn parse_state(text: &str) -> Result<OrderState> {
    use OrderState::{Cancelled, Confirmed, Placed, Reserved};
    let state = [Placed, Reserved, Confirmed, Cancelled].into_iter().find(|state| state.as_str() == text);
    state.ok_or_else(|| Error::new(ErrorKind::Decode, format!("`{text}` is no state of an order")))
}

fn parse_reason(text: &str) -> Result<Option<CancelReason>> {
    match text {
        "" => Ok(None),
        "out_of_stock" => Ok(Some(CancelReason::OutOfStock)),
        "payment_declined" => Ok(Some(CancelReason::PaymentDeclined)),
        _ => Err(Error::new(ErrorKind::Decode, format!("`{text}` is no reason to cancel an order"))),
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
