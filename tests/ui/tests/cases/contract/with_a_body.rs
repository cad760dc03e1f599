use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock(&self) -> Result<u32> {
        Ok(7)
    }

    const LIMIT: u32;
}

fn main() {}
