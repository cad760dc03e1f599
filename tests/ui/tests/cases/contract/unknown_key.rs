use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock", timout = "2s", cache)]
    async fn stock(&self) -> Result<u32>;

    #[post("/stock", status = 404, timeout = "soon")]
    async fn add(&self, line: Line) -> Result<u32>;
}

fn main() {}
