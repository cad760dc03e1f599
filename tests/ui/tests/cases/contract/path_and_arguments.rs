use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock/{skew}")]
    async fn stock(&self, sku: String) -> Result<u32>;

    #[get("/stock/{sku}/{warehouse}")]
    async fn at(&self, sku: String) -> Result<u32>;

    #[get("stock/:sku")]
    async fn old(&self) -> Result<u32>;

    #[get("/files/{*path}")]
    async fn file(&self, path: String) -> Result<u32>;
}

fn main() {}
