use chassis::prelude::*;

#[model]
pub struct Line {
    pub sku: String,
}

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock(&self, #[header("If-Match")] etag: String, #[header] other: String, #[cookie] c: String) -> Result<u32>;
}

fn main() {}
