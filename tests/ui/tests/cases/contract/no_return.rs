use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[post("/stock")]
    async fn stock(&self);
}

fn main() {}
