use chassis::prelude::*;

#[contract(name = "inventory", version = 1)]
pub trait Inventory {
    #[get("/stock")]
    async fn stock(&self) -> u32;
}

fn main() {}
