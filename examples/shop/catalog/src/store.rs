//! The catalog's tables.

use catalog_contract::{Category, Find, Picture, Product};
use chassis::data::Database;
use chassis::{Result, ResultExt};
use shop_money::Money;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::search;

pub(crate) async fn categories(db: &Database) -> Result<Vec<Category>> {
    // A category shows the fourth of its products: the first ones stand on the home page already.
    let rows = sqlx::query(
        "SELECT c.slug, c.name, c.blurb, p.picture_kind, p.picture_palette, p.picture_variant
         FROM categories c
         JOIN products p ON p.category = c.slug
             AND (SELECT COUNT(*) FROM products q WHERE q.category = p.category AND q.position < p.position) = 3
         ORDER BY c.position",
    )
    .fetch_all(db.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Category {
                slug: row.try_get("slug")?,
                name: row.try_get("name")?,
                blurb: row.try_get("blurb")?,
                picture: picture(row)?,
            })
        })
        .collect()
}

pub(crate) async fn products(db: &Database, find: &Find) -> Result<Vec<Product>> {
    let [first, second, third, fourth] = search::patterns(find.search.as_deref().unwrap_or_default());
    let rows = sqlx::query(
        r"SELECT * FROM products
          WHERE ($1 = '' OR category = $1) AND ($2 = '' OR label = $2) AND ($3 = '' OR $3 LIKE '%,' || sku || ',%')
              AND words LIKE $4 ESCAPE '\' AND words LIKE $5 ESCAPE '\' AND words LIKE $6 ESCAPE '\' AND words LIKE $7 ESCAPE '\'
          ORDER BY position",
    )
    .bind(find.category.as_deref().unwrap_or_default())
    .bind(find.label.as_deref().unwrap_or_default())
    .bind(if find.sku.is_empty() { String::new() } else { format!(",{},", find.sku.join(",")) })
    .bind(first)
    .bind(second)
    .bind(third)
    .bind(fourth)
    .fetch_all(db.pool())
    .await?;
    rows.iter().map(read).collect()
}

pub(crate) async fn product(db: &Database, sku: &str) -> Result<Option<Product>> {
    let row = sqlx::query("SELECT * FROM products WHERE sku = $1").bind(sku).fetch_optional(db.pool()).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<Product> {
    let (facts, label, currency): (String, String, String) =
        (row.try_get("facts")?, row.try_get("label")?, row.try_get("currency")?);
    Ok(Product {
        sku: row.try_get("sku")?,
        category: row.try_get("category")?,
        name: row.try_get("name")?,
        blurb: row.try_get("blurb")?,
        description: row.try_get("description")?,
        facts: facts.lines().map(str::to_owned).collect(),
        label: Some(label).filter(|label| !label.is_empty()),
        price: Money::new(row.try_get("price")?, currency.parse()?),
        picture: picture(row)?,
    })
}

fn picture(row: &AnyRow) -> Result<Picture> {
    let variant: i64 = row.try_get("picture_variant")?;
    Ok(Picture {
        kind: row.try_get("picture_kind")?,
        palette: row.try_get("picture_palette")?,
        variant: u32::try_from(variant).context("a picture's variant is out of range")?,
    })
}
