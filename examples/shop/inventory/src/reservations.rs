//! What is put aside for an order: all of it or nothing, once, and never after the order has ended.

use chassis::data::Tx;
use chassis::{Error, Result};
use inventory_contract::Shortage;
use orders_contract::PlacedLine;

use crate::stock;

/// What became of a reservation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// Everything is put aside.
    Held,
    /// Nothing is, since there is not enough of this.
    Missing(Vec<Shortage>),
    /// Nothing is, since the order has ended already.
    TooLate,
}

/// Puts the units of all lines aside, in the order of their article numbers: two orders for the same articles then wait for each
/// other instead of blocking each other.
pub(crate) async fn reserve(tx: &mut Tx, order_id: &str, lines: &[PlacedLine]) -> Result<Reserved> {
    if !insert(tx, order_id, "held").await? {
        return match state(tx, order_id).await?.as_str() {
            "held" => Ok(Reserved::Held),
            _ => Ok(Reserved::TooLate),
        };
    }
    let mut lines: Vec<&PlacedLine> = lines.iter().collect();
    lines.sort_by(|a, b| a.sku.cmp(&b.sku));
    let (mut held, mut missing) = (Vec::new(), Vec::new());
    for line in lines {
        if stock::hold(tx, &line.sku, line.quantity).await? {
            held.push(line);
        } else {
            let available = stock::available(tx, &line.sku).await?;
            missing.push(Shortage { sku: line.sku.clone(), wanted: line.quantity, available });
        }
    }
    if !missing.is_empty() {
        for line in held {
            stock::put_back(tx, &line.sku, line.quantity).await?;
        }
        move_on(tx, order_id, "held", "rejected").await?;
        return Ok(Reserved::Missing(missing));
    }
    for line in held {
        sqlx::query("INSERT INTO reservation_lines (order_id, sku, quantity) VALUES ($1, $2, $3)")
            .bind(order_id)
            .bind(&line.sku)
            .bind(line.quantity)
            .execute(&mut *tx)
            .await?;
    }
    Ok(Reserved::Held)
}

/// Lets go what was put aside for a paid order.
pub(crate) async fn commit(tx: &mut Tx, order_id: &str) -> Result<()> {
    if !move_on(tx, order_id, "held", "committed").await? {
        return Err(Error::msg(format!("nothing is put aside for the paid order {order_id}")));
    }
    for (sku, quantity) in lines(tx, order_id).await? {
        stock::sell(tx, &sku, quantity).await?;
    }
    Ok(())
}

/// Puts back what was put aside for an order that has ended; gives whether anything was. Where nothing was yet, a tombstone
/// stays behind and refuses a reservation that comes late.
pub(crate) async fn release(tx: &mut Tx, order_id: &str) -> Result<bool> {
    if move_on(tx, order_id, "held", "released").await? {
        for (sku, quantity) in lines(tx, order_id).await? {
            stock::put_back(tx, &sku, quantity).await?;
        }
        return Ok(true);
    }
    insert(tx, order_id, "released").await?;
    Ok(false)
}

async fn insert(tx: &mut Tx, order_id: &str, state: &str) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO reservations (order_id, state, created_at, updated_at) VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING",
    )
    .bind(order_id)
    .bind(state)
    .bind(now())
    .execute(&mut *tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn move_on(tx: &mut Tx, order_id: &str, from: &str, to: &str) -> Result<bool> {
    let done = sqlx::query("UPDATE reservations SET state = $3, updated_at = $4 WHERE order_id = $1 AND state = $2")
        .bind(order_id)
        .bind(from)
        .bind(to)
        .bind(now())
        .execute(&mut *tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn state(tx: &mut Tx, order_id: &str) -> Result<String> {
    let (state,): (String,) =
        sqlx::query_as("SELECT state FROM reservations WHERE order_id = $1").bind(order_id).fetch_one(&mut *tx).await?;
    Ok(state)
}

async fn lines(tx: &mut Tx, order_id: &str) -> Result<Vec<(String, i64)>> {
    let lines = sqlx::query_as("SELECT sku, quantity FROM reservation_lines WHERE order_id = $1 ORDER BY sku")
        .bind(order_id)
        .fetch_all(&mut *tx)
        .await?;
    Ok(lines)
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests;
