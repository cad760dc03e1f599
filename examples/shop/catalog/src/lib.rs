//! The catalog: what the shop sells, and at what price.

mod search;
mod seed;
mod store;

use catalog_contract::{Catalog, CatalogError, Category, Find, Product, Sort};
use chassis::prelude::*;

/// The most products that one answer has.
const MOST: usize = 100;

/// The service.
pub struct CatalogService {
    db: Database,
}

#[service(name = "catalog", provides(Catalog), migrations = "migrations")]
impl CatalogService {
    /// Fills the shelves where they are empty.
    #[init]
    pub async fn new(db: Database) -> Result<Self> {
        seed::fill(&db).await?;
        Ok(Self { db })
    }
}

impl Catalog for CatalogService {
    async fn categories(&self) -> Result<Vec<Category>, CatalogError> {
        Ok(store::categories(&self.db).await?)
    }

    async fn products(&self, find: Find) -> Result<Vec<Product>, CatalogError> {
        let mut products = store::products(&self.db, &find).await?;
        match find.sort {
            Sort::Shop => {}
            Sort::Cheapest => products.sort_by_key(|product| product.price.amount),
            Sort::Dearest => products.sort_by_key(|product| std::cmp::Reverse(product.price.amount)),
            Sort::Name => products.sort_by(|a, b| a.name.cmp(&b.name)),
        }
        products.truncate(find.limit.map_or(MOST, |limit| MOST.min(limit as usize)));
        Ok(products)
    }

    async fn product(&self, sku: String) -> Result<Product, CatalogError> {
        store::product(&self.db, &sku).await?.ok_or(CatalogError::UnknownProduct { sku })
    }
}
