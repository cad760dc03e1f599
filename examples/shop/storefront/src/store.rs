//! Carts, and what is known of orders.

use chassis::Result;
use chassis::data::{Database, Tx};
use orders_contract::{OrderPlaced, OrderState};
use shop_money::Money;

/// One article in a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CartLine {
    pub(crate) sku: String,
    pub(crate) quantity: i64,
}

/// An order as the storefront has heard of it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) order_id: String,
    pub(crate) state: String,
    pub(crate) total: Money,
    pub(crate) placed_at: i64,
}

/// What is in a cart, the oldest first.
pub(crate) async fn cart(db: &Database, shopper: &str) -> Result<Vec<CartLine>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT sku, quantity FROM cart_lines WHERE shopper = $1 ORDER BY added_at, sku")
            .bind(shopper)
            .fetch_all(db.pool())
            .await?;
    Ok(rows.into_iter().map(|(sku, quantity)| CartLine { sku, quantity }).collect())
}

/// Adds to a cart, up to `most` of one article.
pub(crate) async fn add(db: &Database, shopper: &str, sku: &str, quantity: i64, most: i64) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO cart_lines (shopper, sku, quantity, added_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (shopper, sku) DO UPDATE SET quantity =
             CASE WHEN cart_lines.quantity + $3 > $5 THEN $5 ELSE cart_lines.quantity + $3 END",
    )
    .bind(shopper)
    .bind(sku)
    .bind(quantity)
    .bind(now())
    .bind(most)
    .execute(&mut tx)
    .await?;
    tx.commit().await
}

/// Sets how many of an article are in a cart; none takes it out.
pub(crate) async fn set(db: &Database, shopper: &str, sku: &str, quantity: i64) -> Result<()> {
    let mut tx = db.begin().await?;
    let query = if quantity == 0 {
        sqlx::query("DELETE FROM cart_lines WHERE shopper = $1 AND sku = $2").bind(shopper).bind(sku)
    } else {
        let update = "UPDATE cart_lines SET quantity = $3 WHERE shopper = $1 AND sku = $2";
        sqlx::query(update).bind(shopper).bind(sku).bind(quantity)
    };
    query.execute(&mut tx).await?;
    tx.commit().await
}

/// Remembers a new order and takes what was ordered out of the cart. What was added since stays in it. Doing it again changes
/// nothing, so that both the answer to the checkout and the event may do it, whichever comes first.
pub(crate) async fn see_placed(tx: &mut Tx, order: &OrderPlaced) -> Result<()> {
    let inserted = sqlx::query(
        "INSERT INTO orders_seen (order_id, shopper, total, currency, placed_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(&order.order_id)
    .bind(&order.shopper)
    .bind(order.total.amount)
    .bind(order.total.currency.code())
    .bind(order.placed_at)
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(());
    }
    for line in &order.lines {
        sqlx::query("DELETE FROM cart_lines WHERE shopper = $1 AND sku = $2 AND quantity <= $3")
            .bind(&order.shopper)
            .bind(&line.sku)
            .bind(line.quantity)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE cart_lines SET quantity = quantity - $3 WHERE shopper = $1 AND sku = $2 AND quantity > $3")
            .bind(&order.shopper)
            .bind(&line.sku)
            .bind(line.quantity)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Remembers how far an order is. In whatever order the events come, the last step stays.
pub(crate) async fn see(tx: &mut Tx, order_id: &str, state: OrderState) -> Result<()> {
    sqlx::query(
        "INSERT INTO order_states (order_id, step, state, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (order_id) DO UPDATE SET step = $2, state = $3, updated_at = $4 WHERE order_states.step < $2",
    )
    .bind(order_id)
    .bind(state.step())
    .bind(state.as_str())
    .bind(now())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The orders of a shopper, the newest first.
pub(crate) async fn seen(db: &Database, shopper: &str) -> Result<Vec<Seen>> {
    let rows: Vec<(String, String, i64, String, i64)> = sqlx::query_as(
        "SELECT o.order_id, COALESCE(s.state, 'placed'), o.total, o.currency, o.placed_at
         FROM orders_seen o LEFT JOIN order_states s ON s.order_id = o.order_id
         WHERE o.shopper = $1 ORDER BY o.placed_at DESC LIMIT 50",
    )
    .bind(shopper)
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|(order_id, state, total, currency, placed_at)| {
            Ok(Seen { order_id, state, total: Money::new(total, currency.parse()?), placed_at })
        })
        .collect()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
