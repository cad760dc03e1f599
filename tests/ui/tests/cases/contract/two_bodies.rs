use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[post("/lines/{order}")]
    async fn add(&self, order: u64, line: Line, more: Line) -> Result<u32>;

    #[get("/lines")]
    async fn lines(&self, sku: String, page: u32) -> Result<u32>;
}

fn main() {}
