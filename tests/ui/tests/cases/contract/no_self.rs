use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock() -> Result<u32>;

    #[get("/lines")]
    async fn lines(&mut self) -> Result<u32>;
}

fn main() {}
