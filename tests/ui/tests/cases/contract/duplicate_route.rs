use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock/{sku}")]
    async fn stock(&self, sku: String) -> Result<u32>;

    #[get("/stock/{name}")]
    async fn named(&self, name: String) -> Result<u32>;
}

fn main() {}
