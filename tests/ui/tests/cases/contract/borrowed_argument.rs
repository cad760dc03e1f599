use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[post("/stock")]
    async fn stock(&self, sku: &str) -> Result<u32>;

    #[get("/any")]
    async fn any(&self, what: impl Into<String>) -> Result<u32>;
}

fn main() {}
