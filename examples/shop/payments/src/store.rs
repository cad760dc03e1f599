//! The payments' table.

use chassis::data::{Database, Tx};
use chassis::{Error, ErrorKind, Result};
use orders_contract::PaymentRequested;
use payments_contract::{Payment, PaymentState};
use shop_money::Money;

/// How long a payment is left alone before it is asked for again, in milliseconds: longer than a call to the provider takes.
const PATIENCE: i64 = 10_000;

/// A payment of which it is not known yet what has become.
pub(crate) struct Open {
    pub(crate) amount: Money,
    pub(crate) token: String,
}

/// Writes down what is to be paid, once.
pub(crate) async fn request(tx: &mut Tx, request: &PaymentRequested) -> Result<()> {
    sqlx::query(
        "INSERT INTO payments (order_id, amount, currency, token, state, reason, attempts, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, '', 0, $6, $6) ON CONFLICT DO NOTHING",
    )
    .bind(&request.order_id)
    .bind(request.amount.amount)
    .bind(request.amount.currency.code())
    .bind(&request.token)
    .bind(PaymentState::Requested.as_str())
    .bind(now())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The payment, if it is still not known what has become of it.
pub(crate) async fn open(db: &Database, order_id: &str) -> Result<Option<Open>> {
    let row: Option<(i64, String, String)> =
        sqlx::query_as("SELECT amount, currency, token FROM payments WHERE order_id = $1 AND state = $2")
            .bind(order_id)
            .bind(PaymentState::Requested.as_str())
            .fetch_optional(db.pool())
            .await?;
    row.map(|(amount, currency, token)| Ok(Open { amount: Money::new(amount, currency.parse()?), token })).transpose()
}

/// The payments that nobody has asked for lately.
pub(crate) async fn overdue(db: &Database) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT order_id FROM payments WHERE state = $1 AND updated_at < $2 ORDER BY updated_at LIMIT 50",
    )
    .bind(PaymentState::Requested.as_str())
    .bind(now() - PATIENCE)
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|(order_id,)| order_id).collect())
}

/// Notes that the provider is being asked.
pub(crate) async fn count_attempt(db: &Database, order_id: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("UPDATE payments SET attempts = attempts + 1, updated_at = $2 WHERE order_id = $1")
        .bind(order_id)
        .bind(now())
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Writes down what has become of a payment; gives whether that was news.
pub(crate) async fn end(tx: &mut Tx, order_id: &str, state: PaymentState, reason: &str) -> Result<bool> {
    let ended =
        sqlx::query("UPDATE payments SET state = $2, reason = $3, updated_at = $4 WHERE order_id = $1 AND state = $5")
            .bind(order_id)
            .bind(state.as_str())
            .bind(reason)
            .bind(now())
            .bind(PaymentState::Requested.as_str())
            .execute(&mut *tx)
            .await?;
    Ok(ended.rows_affected() == 1)
}

/// The payment of an order.
pub(crate) async fn payment(db: &Database, order_id: &str) -> Result<Option<Payment>> {
    let row: Option<(i64, String, String, i64)> =
        sqlx::query_as("SELECT amount, currency, state, attempts FROM payments WHERE order_id = $1")
            .bind(order_id)
            .fetch_optional(db.pool())
            .await?;
    row.map(|(amount, currency, state, attempts)| {
        let amount = Money::new(amount, currency.parse()?);
        Ok(Payment { order_id: order_id.to_owned(), amount, state: parse_state(&state)?, attempts })
    })
    .transpose()
}

fn parse_state(text: &str) -> Result<PaymentState> {
    use PaymentState::{Authorised, Declined, Requested};
    let state = [Requested, Authorised, Declined].into_iter().find(|state| state.as_str() == text);
    state.ok_or_else(|| Error::new(ErrorKind::Decode, format!("`{text}` is no state of a payment")))
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
