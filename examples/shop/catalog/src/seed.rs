//! What is on the shelves when the shop opens for the first time.

use catalog_contract::Picture;
use chassis::data::Database;
use chassis::{Result, ResultExt};
use serde::Deserialize;
use shop_money::Currency;

use crate::search;

#[derive(Deserialize)]
struct Seed {
    category: Vec<SeedCategory>,
    product: Vec<SeedProduct>,
}

#[derive(Deserialize)]
struct SeedCategory {
    slug: String,
    name: String,
    blurb: String,
}

#[derive(Deserialize)]
struct SeedProduct {
    sku: String,
    category: String,
    name: String,
    price: i64,
    picture: Picture,
    #[serde(default)]
    label: String,
    blurb: String,
    description: String,
    facts: Vec<String>,
}

/// Fills empty shelves, all or nothing.
pub(crate) async fn fill(db: &Database) -> Result<()> {
    let mut tx = db.begin().await?;
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM categories").fetch_one(&mut tx).await?;
    if count > 0 {
        return Ok(());
    }
    let seed: Seed = toml::from_str(include_str!("../seed/products.toml")).context("seed/products.toml is wrong")?;
    for (position, category) in (0i64..).zip(&seed.category) {
        sqlx::query(
            "INSERT INTO categories (slug, position, name, blurb) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(&category.slug)
        .bind(position)
        .bind(&category.name)
        .bind(&category.blurb)
        .execute(&mut tx)
        .await?;
    }
    for (position, product) in (0i64..).zip(&seed.product) {
        let facts = product.facts.join("\n");
        let words = search::words([
            &*product.name,
            &product.category,
            &product.blurb,
            &product.description,
            &facts,
            &product.sku,
        ]);
        sqlx::query(
            "INSERT INTO products (sku, position, category, name, blurb, description, facts, label, price, currency,
                 picture_kind, picture_palette, picture_variant, words)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
        )
        .bind(&product.sku)
        .bind(position)
        .bind(&product.category)
        .bind(&product.name)
        .bind(&product.blurb)
        .bind(&product.description)
        .bind(facts)
        .bind(&product.label)
        .bind(product.price)
        .bind(Currency::Eur.code())
        .bind(&product.picture.kind)
        .bind(&product.picture.palette)
        .bind(i64::from(product.picture.variant))
        .bind(words)
        .execute(&mut tx)
        .await?;
    }
    tx.commit().await
}
