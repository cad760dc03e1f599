//! What other services may ask the catalog.

use chassis::prelude::*;
use shop_money::Money;

/// A group of products.
#[model]
#[derive(PartialEq, Eq)]
pub struct Category {
    /// As it stands in addresses.
    pub slug: String,
    /// As it is shown.
    pub name: String,
    /// One sentence about it.
    pub blurb: String,
    /// The picture of one of its products.
    pub picture: Picture,
}

/// Something that is for sale.
#[model]
#[derive(PartialEq, Eq)]
pub struct Product {
    /// The article number.
    pub sku: String,
    /// The slug of its category.
    pub category: String,
    /// What it is called.
    pub name: String,
    /// One sentence about it.
    pub blurb: String,
    /// Two or three more.
    pub description: String,
    /// Size, material and the like.
    pub facts: Vec<String>,
    /// `new` or `loved`, if it is either.
    pub label: Option<String>,
    /// What one of it costs, tax included.
    pub price: Money,
    /// What it looks like.
    pub picture: Picture,
}

/// What a picture shows, for whoever draws it.
#[model]
#[derive(PartialEq, Eq)]
pub struct Picture {
    /// What the thing is, such as `mug`.
    pub kind: String,
    /// Its colours, such as `terracotta`.
    pub palette: String,
    /// Which of the kind's patterns.
    pub variant: u32,
}

/// Which products are wanted. What is left out does not narrow the choice.
#[model]
#[derive(Default)]
#[serde(default)]
pub struct Find {
    /// Those of one category.
    pub category: Option<String>,
    /// Those with one label.
    pub label: Option<String>,
    /// Those that have all these words in their name or description.
    pub search: Option<String>,
    /// Those of these article numbers.
    pub sku: Vec<String>,
    /// In which order.
    pub sort: Sort,
    /// At most so many; 100 unless said otherwise, and never more than that.
    pub limit: Option<u32>,
}

/// An order of products.
#[model]
#[derive(Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// As the shop arranges them.
    #[default]
    Shop,
    /// The cheapest first.
    Cheapest,
    /// The dearest first.
    Dearest,
    /// By name.
    Name,
}

/// Why the catalog could not answer.
#[derive(Debug, ApiError)]
pub enum CatalogError {
    /// There is no such product.
    #[api(status = 404, code = "unknown_product", message = "There is no article {sku} in this shop.")]
    UnknownProduct {
        /// The number that was asked for.
        sku: String,
    },
    /// Anything else.
    #[api(unexpected)]
    Unexpected(chassis::Error),
}

/// What is for sale, and at what price.
#[contract(name = "catalog", version = 1)]
pub trait Catalog {
    /// All categories.
    #[get("/categories")]
    async fn categories(&self) -> Result<Vec<Category>, CatalogError>;

    /// The products that are wanted.
    #[get("/products")]
    async fn products(&self, find: Find) -> Result<Vec<Product>, CatalogError>;

    /// One product.
    #[get("/products/{sku}")]
    async fn product(&self, sku: String) -> Result<Product, CatalogError>;
}
