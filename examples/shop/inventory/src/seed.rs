//! What is on the shelves when the shop opens for the first time.

use std::collections::BTreeMap;

use chassis::data::Database;
use chassis::{Result, ResultExt};
use serde::Deserialize;

#[derive(Deserialize)]
struct Seed {
    stock: BTreeMap<String, i64>,
}

/// Fills empty shelves, all or nothing.
pub(crate) async fn fill(db: &Database) -> Result<()> {
    let mut tx = db.begin().await?;
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM stock").fetch_one(&mut tx).await?;
    if count > 0 {
        return Ok(());
    }
    let seed: Seed = toml::from_str(include_str!("../seed/stock.toml")).context("seed/stock.toml is wrong")?;
    for (sku, units) in &seed.stock {
        sqlx::query(
            "INSERT INTO stock (sku, initial, available, reserved, sold) VALUES ($1, $2, $2, 0, 0) ON CONFLICT DO NOTHING",
        )
        .bind(sku)
        .bind(units)
        .execute(&mut tx)
        .await?;
    }
    tx.commit().await
}
