use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/lines")]
    async fn lines(&self, #[body] line: Line) -> Result<u32>;
}

fn main() {}
