use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    async fn stock(&self) -> Result<u32>;

    #[get("/a")]
    #[post("/a")]
    async fn lines(&self) -> Result<u32>;
}

fn main() {}
