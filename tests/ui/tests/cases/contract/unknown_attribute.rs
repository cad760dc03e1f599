use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[gte("/stock")]
    async fn stock(&self) -> Result<u32>;

    #[subscribe]
    async fn listen(&self) -> Result<u32>;
}

fn main() {}
