//! Units of each article: how many are there, and their way from the shelf to the door.
//!
//! Every change is one conditional statement, so that no two orders get the same unit however they interleave.

use chassis::Result;
use chassis::data::{Database, Tx};
use inventory_contract::Stock;

/// How much there is of an article; `None` where it is not known.
pub(crate) async fn find(db: &Database, sku: &str) -> Result<Option<Stock>> {
    let found: Option<(i64, i64)> = sqlx::query_as("SELECT available, reserved FROM stock WHERE sku = $1")
        .bind(sku)
        .fetch_optional(db.pool())
        .await?;
    Ok(found.map(|(available, reserved)| Stock { sku: sku.to_owned(), available, reserved }))
}

/// How many units could still be ordered; none of an article that is not known.
pub(crate) async fn available(tx: &mut Tx, sku: &str) -> Result<i64> {
    let found: Option<(i64,)> =
        sqlx::query_as("SELECT available FROM stock WHERE sku = $1").bind(sku).fetch_optional(&mut *tx).await?;
    Ok(found.map_or(0, |(available,)| available))
}

/// Puts units aside, if there are enough.
pub(crate) async fn hold(tx: &mut Tx, sku: &str, quantity: i64) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE stock SET available = available - $2, reserved = reserved + $2 WHERE sku = $1 AND available >= $2",
    )
    .bind(sku)
    .bind(quantity)
    .execute(&mut *tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts units that were put aside back on the shelf.
pub(crate) async fn put_back(tx: &mut Tx, sku: &str, quantity: i64) -> Result<()> {
    sqlx::query("UPDATE stock SET available = available + $2, reserved = reserved - $2 WHERE sku = $1")
        .bind(sku)
        .bind(quantity)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Lets units that were put aside go.
pub(crate) async fn sell(tx: &mut Tx, sku: &str, quantity: i64) -> Result<()> {
    sqlx::query("UPDATE stock SET reserved = reserved - $2, sold = sold + $2 WHERE sku = $1")
        .bind(sku)
        .bind(quantity)
        .execute(&mut *tx)
        .await?;
    Ok(())
}
